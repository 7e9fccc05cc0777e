"""The port of the log: topics of partitions of numbered entries.

No consumer groups: a consumer keeps its offset beside its result, so a replay changes nothing. Retention is by time,
a topic's own where it has one. Nothing is read before it is as durable as an acknowledged append.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

import msgspec

from cluster.events import Event, Topic


class Position(msgspec.Struct, frozen=True):
    """Where an entry stands."""

    partition: int
    offset: int


class Entry(msgspec.Struct, frozen=True):
    """One event with its place in a partition."""

    offset: int
    event: Event


class Log(Protocol):
    """An open log. Every operation may raise StoreUnavailable, Indeterminate (append) or StorageFull."""

    async def append(self, topic: Topic, events: Sequence[Event]) -> list[Position]:
        """Append events, each to the partition of its key or, of a grouped topic, of its group, in their order; returns once durable.

        They need not become durable together: after Indeterminate some may be there, or come later, and appending all again is right.
        """
        ...

    async def read(self, topic: Topic, partition: int, offset: int, *, limit: int = 500, wait_s: float = 0.0) -> list[Entry]:
        """Return `limit` entries from `offset` on, or as many as there are; if there are none, wait up to `wait_s` for the first.

        Offsets rise, but may have gaps; an offset older than the retention answers from the oldest kept.

        Raises:
            CorruptData: the first cannot be read; its field `offset` says where it stands, and a reader may go on past it.
                Those before a damaged one are answered first.
        """
        ...

    async def end(self, topic: Topic, partition: int) -> int:
        """Return the offset that the next entry will have at least."""
        ...

    async def note_progress(self, group: str, topic: Topic, partition: int, offset: int) -> bool:
        """Tell tools that watch the log how far a reader is, and return whether that was possible; nothing of ours goes by it.

        Raises nothing of store or log, and takes a moment at most.
        """
        ...

    async def close(self) -> None:
        """Free what the log holds; acknowledged entries are safe without it."""
        ...


LogFactory = Callable[[], Awaitable[Log]]


def partition_of(key: str, partitions: int) -> int:
    """Return the partition of a key: the same on every adapter, machine and version (FNV-1a, 32 bit)."""
    digest = 2166136261
    for byte in key.encode():
        digest = ((digest ^ byte) * 16777619) & 0xFFFFFFFF
    return digest % partitions
