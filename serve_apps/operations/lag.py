"""How far the log is behind the store: facts that are committed but not published yet.

Main path: the hints of the last two time slots -> the outbox rows that are still in those partitions.
Bounded: of many hints only the newest are looked at, so under load it tells that there is lag, not all of it.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from typing import Final

import msgspec

from cluster.durable import Store, StoreFactory, Table
from cluster.durable.outbox import BUCKETS, OUTBOX_PREFIX, Hint, Hints, slot_of

SLOTS: Final = 2
HINTS_LIMIT: Final = 50
ROWS_LIMIT: Final = 100
REFRESH_S: Final = 5.0


class Unpublished(msgspec.Struct, frozen=True):
    """Facts that wait; `oldest_s` is how long the first of them has waited at most."""

    facts: int = 0
    oldest_s: float = 0.0


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

    async def look(self) -> Unpublished:
        """Return what is not published."""
        now_s = self._now_s()
        if not 0 <= now_s - self._looked_at_s < REFRESH_S:
            self._last, self._looked_at_s = await self._look(now_s), now_s
        return self._last

    async def close(self) -> None:
        """Close the tables."""
        for store in self._tables.values():
            await store.close()
        self._tables = {}
        if self._hints is not None:
            await self._hints.close()
            self._hints = None

    async def _look(self, now_s: float) -> Unpublished:
        if self._hints is None:
            self._hints = Hints(await self._open_hints())
        newest: dict[tuple[Table, str], Hint] = {}
        for slot in await self._hints.slots(slot_of(now_s) - SLOTS + 1, SLOTS):
            for bucket in range(BUCKETS):
                for hint in await self._hints.of(bucket, slot):
                    newest[hint.table, hint.partition] = hint
        facts, oldest_s = 0, 0.0
        for hint in sorted(newest.values(), key=lambda hint: -hint.hinted_at_s)[:HINTS_LIMIT]:
            rows = await (await self._table(hint.table)).scan(hint.partition, OUTBOX_PREFIX, limit=ROWS_LIMIT)
            if rows:
                facts += len(rows)
                oldest_s = max(oldest_s, now_s - hint.hinted_at_s)
        return Unpublished(facts, round(oldest_s, 1))

    async def _table(self, table: Table) -> Store:
        if table not in self._tables:
            self._tables[table] = await self._open_table(table)
        return self._tables[table]
