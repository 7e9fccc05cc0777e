"""Publishes what the outbox of one partition holds.

Main path: the partition's `outbox/` rows -> appended to the log in version order -> discarded.
Refuses to know where to look, and what the facts mean.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from weakref import WeakValueDictionary

from cluster.durable import BATCH_LIMIT, Log, LogFactory, Store, Table
from cluster.durable.outbox import OUTBOX_PREFIX, read_event, topic_of
from cluster.errors import MatineeError, StorageFull, Unavailable
from cluster.events import Event, Topic


class LogDown(Exception):
    """The log takes nothing now: no use in going on to the next partition."""


class Publisher:
    """Opens tables and log when they are first needed; one call at a time publishes a partition."""

    def __init__(self, open_table: Callable[[Table], Awaitable[Store]], open_log: LogFactory) -> None:
        self._open_table, self._open_log = open_table, open_log
        self._opening = asyncio.Lock()
        self._log: Log | None = None
        self._tables: dict[Table, Store] = {}
        self._publishing: WeakValueDictionary[tuple[str, str], asyncio.Lock] = WeakValueDictionary()
        self.log_is_away = False
        """Whether the last append failed."""

    async def publish(self, table: Table, partition: str) -> int:
        """Publish all that waits there and return how many facts.

        What was appended but not yet discarded is appended again by the next call.

        Raises:
            LogDown: the log takes nothing; its cause says why.
            MatineeError: this partition cannot be published now.
        """
        async with self._publishing.setdefault((table.name, partition), asyncio.Lock()):
            store, published = await self._opened_table(table), 0
            while True:
                read = await store.read_to_discard(partition, OUTBOX_PREFIX)
                if not read.rows:
                    return published
                by_topic: dict[str, list[Event]] = {}
                for event in map(read_event, read.rows):
                    by_topic.setdefault(event.topic, []).append(event)
                for name, events in by_topic.items():
                    await self._append(topic_of(name), events)
                await store.discard(read)
                published += len(read.rows)
                if len(read.rows) < BATCH_LIMIT:
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
