"""How far the log is behind the store: facts that are committed but not published yet; and how far processors are behind the log.

Main path: the slots of hints that the relay has not passed -> the partitions hinted at -> the outbox rows that are still in them.
Bounded: of many slots and hints some are looked at, evenly over time, so that it tells that there is lag and since when, not all of it.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, TypeVar

import msgspec

from actors.processors import PROCESSORS, Processor
from actors.processors.kept import PROCESSED
from actors.processors.results import progress
from cluster.durable import Log, Row, Store, StoreFactory, Table
from cluster.durable.outbox import BUCKETS, OUTBOX_PREFIX, Hint, Hints, read_event
from cluster.durable.store import SCAN_LIMIT
from cluster.errors import CorruptData

T = TypeVar("T")

SLOTS_LIMIT: Final = 8
"""As many as a relay that keeps up leaves behind it."""
HINTS_LIMIT: Final = 50
ROWS_LIMIT: Final = 100
REFRESH_S: Final = 5.0


class Unpublished(msgspec.Struct, frozen=True):
    """Facts that wait; `oldest_s` is how long the first of them has."""

    facts: int = 0
    oldest_s: float = 0.0


class Behind(msgspec.Struct, frozen=True):
    """How far a log processor is, all partitions of its topic together."""

    name: str
    topic: str
    lag: int
    set_aside: int


class Lag:
    """Looks at most every REFRESH_S; opens the tables that it meets and keeps them."""

    def __init__(
        self, open_hints: StoreFactory, open_table: Callable[[Table], Awaitable[Store]], now_s: Callable[[], float] = time.time
    ) -> None:
        self._open_hints, self._open_table, self._now_s = open_hints, open_table, now_s
        self._hints: Hints | None = None
        self._tables: dict[Table, Store] = {}
        self._last = Unpublished()
        self._looked_at_s = float("-inf")
        self._looking = asyncio.Lock()
        self._processors: list[Behind] = []
        self._asked_at_s = float("-inf")
        self._asking = asyncio.Lock()

    async def look(self) -> Unpublished:
        """Return what is not published."""
        async with self._looking:
            now_s = self._now_s()
            if not 0 <= now_s - self._looked_at_s < REFRESH_S:
                self._last, self._looked_at_s = await self._look(now_s), now_s
            return self._last

    async def processors(self, events: Log) -> list[Behind]:
        """Return how far each log processor is, whether it runs or not."""
        async with self._asking:
            now_s = self._now_s()
            if not 0 <= now_s - self._asked_at_s < REFRESH_S:
                async with self._looking:
                    store = await self._table(PROCESSED)
                self._processors = [await _behind(store, events, processor) for processor in PROCESSORS]
                self._asked_at_s = now_s
            return self._processors

    async def close(self) -> None:
        """Close the tables."""
        async with self._asking, self._looking:
            for store in self._tables.values():
                await store.close()
            self._tables = {}
            if self._hints is not None:
                await self._hints.close()
                self._hints = None

    async def _look(self, now_s: float) -> Unpublished:
        if self._hints is None:
            self._hints = Hints(await self._open_hints())
        first: dict[tuple[Table, str], Hint] = {}
        slots = await self._hints.slots(min(await self._hints.cursors()), SCAN_LIMIT)
        for slot in _spread(slots, SLOTS_LIMIT):
            for bucket in range(BUCKETS):
                for hint in await self._hints.of(bucket, slot):
                    first.setdefault((hint.table, hint.partition), hint)
        facts, oldest_s = 0, 0.0
        for hint in _spread(sorted(first.values(), key=lambda hint: hint.hinted_at_s), HINTS_LIMIT):
            rows = await (await self._table(hint.table)).scan(hint.partition, OUTBOX_PREFIX, limit=ROWS_LIMIT)
            if rows:
                facts += len(rows)
                oldest_s = max(oldest_s, now_s - _since_s(rows[0], hint))
        return Unpublished(facts, round(oldest_s, 1))

    async def _table(self, table: Table) -> Store:
        if table not in self._tables:
            self._tables[table] = await self._open_table(table)
        return self._tables[table]


async def _behind(store: Store, events: Log, processor: Processor) -> Behind:
    found = await asyncio.gather(*(progress(store, events, processor, each) for each in range(processor.topic.partitions)))
    return Behind(processor.name, processor.topic.name, sum(each.lag for each in found), sum(each.aside for each in found))


def _since_s(row: Row, hint: Hint) -> float:
    try:
        return read_event(row).occurred_at_s
    except CorruptData:  # which is why it is not published
        return hint.hinted_at_s


def _spread(items: Sequence[T], limit: int) -> Sequence[T]:
    """Return at most `limit` of the items: the first, the last, and as many between as fit, evenly."""
    if len(items) <= limit:
        return items
    return [items[number * (len(items) - 1) // (limit - 1)] for number in range(limit)]
