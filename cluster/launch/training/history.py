"""Reads a partition of the log from its beginning, in chunks: never more than one of them in memory."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Final

from cluster.durable import Log
from cluster.errors import CorruptData
from cluster.events import Event, Topic

CHUNK: Final = 1000


async def events_of(log: Log, topic: Topic, partition: int, end: int, tell: Callable[[str], None]) -> AsyncIterator[Event]:
    """Yield what stands before an offset; entries that are damaged are passed over, and told.

    Raises:
        StoreUnavailable: the log does not answer.
    """
    offset = 0
    while offset < end:
        try:
            entries = await log.read(topic, partition, offset, limit=min(CHUNK, end - offset))
        except CorruptData as error:
            tell(f"passed over: {error.detail}")
            offset = int(error.fields["offset"]) + 1
            continue
        if not entries:
            break
        for entry in entries:
            yield entry.event
        offset = entries[-1].offset + 1
