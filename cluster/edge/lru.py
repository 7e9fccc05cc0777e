"""What the cache holds and what leaves it first: arithmetic without a disk.

Room is reserved before bytes are written, so that what is held plus what is being written never exceeds the limit.
An entry served less than `grace_s` ago is never evicted: the server may not have opened its file yet.
"""

from __future__ import annotations

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

    def reserve(self, size_bytes: int, now_s: float) -> dict[str, int] | None:
        """Set room aside for an object; return what was evicted for it (key: size), or None (and evict nothing) where there is no room."""
        missing_bytes = self.held_bytes + self.reserved_bytes + size_bytes - self.limit_bytes
        evicted: dict[str, int] = {}
        for key, entry in self._entries.items():
            if missing_bytes <= 0:
                break
            if now_s - entry.used_at_s < self._grace_s:
                return None
            missing_bytes -= entry.size_bytes
            evicted[key] = entry.size_bytes
        if missing_bytes > 0:
            return None
        for key in evicted:
            self.drop(key)
        self.reserved_bytes += size_bytes
        return evicted

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
