"""Moves the events of a topic, and compares them: partition by partition, in their order.

An append that is not answered is made again, so a target may have events twice; it is never short of one, nor has it another's.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable
from functools import partial
from typing import Final, Protocol

from cluster.durable import Entry, Log
from cluster.errors import CorruptData, TargetNotEmpty
from cluster.events import Event, Topic
from cluster.launch.moving.counting import Compared, Count, line_of
from cluster.launch.moving.pacing import patiently, together

PAGE: Final = 500
PARTITIONS_AT_ONCE: Final = 8
_REMEMBERED: Final = 4 * PAGE
"""How far back an event may come once more."""


class Readable(Protocol):
    """A log that can be read: an open one, or the files of a backup."""

    async def read(self, topic: Topic, partition: int, offset: int, *, limit: int = 500, wait_s: float = 0.0) -> list[Entry]:
        """See `Log.read`."""
        ...


async def events(log: Readable, topic: Topic, partition: int, until: int | None = None) -> AsyncIterator[Event]:
    """Yield the events of a partition, those before the offset `until` only; one that is damaged is passed over, as every reader does."""
    offset = 0
    while until is None or offset < until:
        try:
            page = await patiently(partial(log.read, topic, partition, offset, limit=PAGE))
        except CorruptData as error:
            if "offset" not in error.fields:
                raise
            offset = error.fields["offset"] + 1
            continue
        if not page:
            return
        for entry in page:
            if until is None or entry.offset < until:
                yield entry.event
        offset = page[-1].offset + 1


async def move(source: Readable, target: Log, topic: Topic, passed: Callable[[int], None]) -> None:
    """Append all events that the target does not have yet; `passed` hears how many more it has.

    Raises:
        TargetNotEmpty: it has events that are none of the source's.
    """
    await together(
        (partial(_move_partition, source, target, topic, number, passed) for number in range(topic.partitions)), PARTITIONS_AT_ONCE
    )


async def compared(source: Readable, target: Readable, topic: Topic) -> Compared:
    """Compare a topic at both ends, its order included."""
    here, there, repeats, in_order = Count(), Count(), 0, True
    for partition in range(topic.partitions):
        both = _Abreast(events(source, topic, partition), events(target, topic, partition), here, there)
        await both.follow()
        async for event in both.rest():
            here.add(line_of(event))
        repeats, in_order = repeats + both.repeats, in_order and both.in_order
    return Compared(topic.name, here.counted, there.counted, repeats, in_order)


async def is_empty(log: Readable, topic: Topic) -> bool:
    """Say whether a topic has no event."""
    found = await asyncio.gather(*(patiently(partial(log.read, topic, number, 0, limit=1)) for number in range(topic.partitions)))
    return not any(found)


class _Abreast:
    """Two ends of a partition, gone through side by side."""

    def __init__(self, source: AsyncIterator[Event], target: AsyncIterator[Event], here: Count, there: Count) -> None:
        self._source, self._target, self._here, self._there = source, target, here, there
        self._next: Event | None = None
        self.repeats, self.in_order = 0, True

    async def follow(self) -> None:
        """Go on to the target's end."""
        seen: deque[Event] = deque(maxlen=_REMEMBERED)
        self._next = await anext(self._source, None)
        async for event in self._target:
            if event == self._next:
                self._here.add(line_of(event))
                self._there.add(line_of(event))
                seen.append(event)
                self._next = await anext(self._source, None)
            elif event in seen:
                self.repeats += 1
            else:
                self._there.add(line_of(event))
                self.in_order = False

    async def rest(self) -> AsyncIterator[Event]:
        """Yield what only the source has."""
        if self._next is not None:
            yield self._next
        async for event in self._source:
            yield event


async def _move_partition(source: Readable, target: Log, topic: Topic, partition: int, passed: Callable[[int], None]) -> None:
    there = Count()
    both = _Abreast(events(source, topic, partition), events(target, topic, partition), Count(), there)
    await both.follow()
    if not both.in_order:
        raise TargetNotEmpty(f"Topic {topic.name} of the target has events that are none of the source's: name an empty one")
    passed(there.counted.entries)
    batch: list[Event] = []
    async for event in both.rest():
        batch.append(event)
        if len(batch) == PAGE:
            await patiently(partial(target.append, topic, batch))
            passed(len(batch))
            batch = []
    if batch:
        await patiently(partial(target.append, topic, batch))
        passed(len(batch))
