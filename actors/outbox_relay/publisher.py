"""Publishes what the outboxes of some partitions hold.

Main path: the partitions' `outbox/` rows -> appended to the log in version order -> discarded.
Refuses to know where to look, and what the facts mean.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Collection, Sequence
from contextlib import AsyncExitStack
from typing import Final
from weakref import WeakValueDictionary

from cluster.durable import BATCH_LIMIT, Log, LogFactory, Store, Table
from cluster.durable.outbox import OUTBOX_PREFIX, read_event, topic_of
from cluster.errors import MatineeError, StorageFull, Unavailable
from cluster.events import Event, Topic

_PAGE: Final = 10
"""How much is read of each of several partitions at once: few have more, and all is held in memory."""


class LogDown(Exception):
    """The log takes nothing now: no use in going on to the next partition."""


class Publisher:
    """Opens tables and log when they are first needed; one call at a time publishes a partition, and a call publishes several."""

    def __init__(self, open_table: Callable[[Table], Awaitable[Store]], open_log: LogFactory) -> None:
        self._open_table, self._open_log = open_table, open_log
        self._opening = asyncio.Lock()
        self._log: Log | None = None
        self._tables: dict[Table, Store] = {}
        self._publishing: WeakValueDictionary[tuple[str, str], asyncio.Lock] = WeakValueDictionary()
        self.log_is_away = False
        """Whether the last append failed."""

    async def publish(self, table: Table, partitions: Collection[str]) -> int:
        """Publish all that waits in some partitions, at most TOGETHER_LIMIT, and return how many facts.

        What was appended but not yet discarded is appended again by the next call.

        Raises:
            LogDown: the log takes nothing; its cause says why.
            MatineeError: one of the partitions cannot be published now; others may have been.
        """
        async with AsyncExitStack() as held:
            for partition in sorted(partitions):  # all take them in this order: nobody waits for who waits for them
                await held.enter_async_context(self._publishing.setdefault((table.name, partition), asyncio.Lock()))
            store, published, left = await self._opened_table(table), 0, list(partitions)
            while left:
                read = await store.read_to_discard(left, OUTBOX_PREFIX, limit=_PAGE if len(left) > 1 else BATCH_LIMIT)
                by_topic: dict[str, list[Event]] = {}
                for event in map(read_event, read.rows):
                    by_topic.setdefault(event.topic, []).append(event)
                for name, events in by_topic.items():
                    await self._append(topic_of(name), events)
                await store.discard(read)
                published += len(read.rows)
                counts = Counter(row.partition for row in read.rows)
                left = [partition for partition in left if counts[partition] >= _PAGE]
            return published

    async def close(self) -> None:
        """Close the tables and the log."""
        async with self._opening:
            opened: list[Store | Log] = [*self._tables.values()]
            if self._log is not None:
                opened.append(self._log)
            self._log, self._tables = None, {}
            for each in opened:
                await each.close()

    async def _append(self, topic: Topic, events: Sequence[Event]) -> None:
        try:
            opened = await self._opened_log()
            await opened.append(topic, events)
        except (Unavailable, StorageFull) as error:
            self.log_is_away = True
            raise LogDown from error
        self.log_is_away = False

    async def _opened_log(self) -> Log:
        async with self._opening:
            if self._log is None:
                try:
                    self._log = await self._open_log()
                except MatineeError as error:  # Misconfigured may mean that its brokers are away
                    self.log_is_away = True
                    raise LogDown from error
            return self._log

    async def _opened_table(self, table: Table) -> Store:
        async with self._opening:
            if table not in self._tables:
                self._tables[table] = await self._open_table(table)
            return self._tables[table]
