"""What the cache holds and what leaves it first: arithmetic without a disk.

Room is reserved before bytes are written, so that what is held plus what is being written never exceeds the limit, nor what is being
written the room that is free.
An entry served less than `grace_s` ago is never evicted: the server may not have opened its file yet.
"""

from __future__ import annotations

import itertools
from collections import OrderedDict

import msgspec


class Entry(msgspec.Struct):
    """One cached object."""

    size_bytes: int
    used_at_s: float
    marked_at_s: float
    """When its use was last marked on the disk."""


class Lru:
    """The entries of a cache, least recently used first."""

    def __init__(self, limit_bytes: int, grace_s: float) -> None:
        self.limit_bytes = limit_bytes
        self.held_bytes = 0
        self.reserved_bytes = 0
        self._grace_s = grace_s
        self._entries: OrderedDict[str, Entry] = OrderedDict()

    def __len__(self) -> int:
        return len(self._entries)

    def use(self, key: str, now_s: float) -> Entry | None:
        """Return an entry, which is now the most recently used."""
        entry = self._entries.get(key)
        if entry is not None:
            entry.used_at_s = now_s
            self._entries.move_to_end(key)
        return entry

    def has_room(self, size_bytes: int, free_bytes: int, now_s: float) -> bool:
        """Say whether `reserve` would find room."""
        missing_bytes = self._missing(size_bytes, free_bytes)
        return sum(self._leaving(missing_bytes, now_s).values()) >= missing_bytes

    def reserve(self, size_bytes: int, free_bytes: int, now_s: float) -> dict[str, int] | None:
        """Set room aside for an object; return what was evicted for it (key: size), or None (and evict nothing) where there is no room.

        `free_bytes` may be used beside what is held; below 0, so much must be given back.
        """
        if not self.has_room(size_bytes, free_bytes, now_s):
            return None
        evicted = self.evict(self._missing(size_bytes, free_bytes), now_s)
        self.reserved_bytes += size_bytes
        return evicted

    def evict(self, wanted_bytes: int, now_s: float) -> dict[str, int]:
        """Drop entries until so much came free, or none may leave; return them (key: size)."""
        leaving = self._leaving(wanted_bytes, now_s)
        for key in leaving:
            self.drop(key)
        return leaving

    def expire(self, idle_s: float, now_s: float) -> dict[str, int]:
        """Drop the entries that nobody used for so long; return them (key: size)."""
        unused = itertools.takewhile(lambda item: now_s - item[1].used_at_s > idle_s, self._entries.items())
        expired = {key: entry.size_bytes for key, entry in unused}
        for key in expired:
            self.drop(key)
        return expired

    def _missing(self, size_bytes: int, free_bytes: int) -> int:
        wanted_bytes = self.reserved_bytes + size_bytes
        return max(self.held_bytes + wanted_bytes - self.limit_bytes, wanted_bytes - free_bytes)

    def _leaving(self, wanted_bytes: int, now_s: float) -> dict[str, int]:
        leaving: dict[str, int] = {}
        for key, entry in self._entries.items():
            if wanted_bytes <= 0 or now_s - entry.used_at_s < self._grace_s:
                break
            wanted_bytes -= entry.size_bytes
            leaving[key] = entry.size_bytes
        return leaving

    def release(self, size_bytes: int) -> None:
        """Give reserved room back."""
        self.reserved_bytes -= size_bytes

    def add(self, key: str, size_bytes: int, used_at_s: float) -> None:
        """Hold an entry, the most recently used; its room was reserved and released."""
        self.drop(key)
        self._entries[key] = Entry(size_bytes, used_at_s, used_at_s)
        self.held_bytes += size_bytes

    def drop(self, key: str) -> None:
        """Forget an entry, if there is one."""
        entry = self._entries.pop(key, None)
        if entry is not None:
            self.held_bytes -= entry.size_bytes
