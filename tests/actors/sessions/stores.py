"""Stores for the tests of sessions: one in memory, and one that lets a test decide when and how each operation ends."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextvars import ContextVar
from typing import Any, TypeVar

from cluster.durable import Change, Check, Delete, Insert, Mode, Row, Store, Table, Update, Value
from cluster.errors import Indeterminate, StoreUnavailable, VersionConflict

T = TypeVar("T")


class MemoryStore:
    """The port `Store`, in a dictionary."""

    def __init__(self, table: Table, now_s: Callable[[], float]) -> None:
        self._table, self._now_s = table, now_s
        self._rows: dict[tuple[str, str], Row] = {}
        self._removed: dict[tuple[str, str], int] = {}

    @property
    def table(self) -> Table:
        return self._table

    async def get(self, partition: str, sort: str) -> Row | None:
        row = self._rows.get((partition, sort))
        return row if row and (row.expires_at_s is None or row.expires_at_s > self._now_s()) else None

    async def scan(
        self, partition: str, prefix: str = "", *, after: str | None = None, reverse: bool = False, limit: int = 100
    ) -> list[Row]:
        sorts = sorted((sort for found, sort in self._rows if found == partition and sort.startswith(prefix)), reverse=reverse)
        rows = [await self.get(partition, sort) for sort in sorts if after is None or (sort < after if reverse else sort > after)]
        return [row for row in rows if row][:limit]

    async def put(self, rows: Sequence[Row]) -> None:
        assert self._table.mode is Mode.PLAIN
        for row in rows:
            key = row.partition, row.sort
            before = self._rows.get(key)
            if row.version > self._removed.get(key, -1) and (before is None or row.version >= before.version):
                self._rows[key] = row

    async def remove(self, partition: str, sort: str, version: int) -> None:
        assert self._table.mode is Mode.PLAIN
        key = partition, sort
        row = self._rows.get(key)
        if row is None or row.version <= version:
            self._rows.pop(key, None)
            self._removed[key] = max(version, self._removed.get(key, -1))

    async def put_if_absent(self, partition: str, sort: str, kind: str, value: Value, *, expires_at_s: float | None = None) -> Row:
        await self.batch(partition, [Insert(sort, kind, value, expires_at_s)])
        return self._rows[partition, sort]

    async def compare_and_set(self, row: Row, value: Value, *, expires_at_s: float | None = None) -> Row:
        await self.batch(row.partition, [Update(row.sort, row.kind, value, row.version, expires_at_s)])
        return self._rows[row.partition, row.sort]

    async def delete(self, row: Row) -> None:
        await self.batch(row.partition, [Delete(row.sort, row.version)])

    async def batch(self, partition: str, changes: Sequence[Change]) -> None:
        assert self._table.mode is Mode.LINEAR
        assert len({change.sort for change in changes}) == len(changes) <= 100
        failed = []
        for change in changes:
            row = await self.get(partition, change.sort)
            if (row.version if row else 0) != (0 if isinstance(change, Insert) else change.if_version):
                failed.append(change.sort)
        if failed:
            raise VersionConflict(failed=failed)
        for change in changes:
            if isinstance(change, Delete):
                del self._rows[partition, change.sort]
            elif not isinstance(change, Check):
                version = 1 if isinstance(change, Insert) else change.if_version + 1
                self._rows[partition, change.sort] = Row(partition, change.sort, version, change.kind, change.value, change.expires_at_s)

    async def close(self) -> None:
        return


class Call:
    """One call under way, stopped before and after each operation on a store until the test lets it go on."""

    def __init__(self) -> None:
        self.stopped: list[asyncio.Future[str]] = []
        self.reached = asyncio.Event()

    def step(self, outcome: str = "done") -> None:
        """Let the operation that has stopped longest go on: done, refused (nothing happens) or unknown (it happens, but who knows)."""
        if self.stopped:
            self.stopped.pop(0).set_result(outcome)

    async def stop(self) -> str:
        future: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self.stopped.append(future)
        self.reached.set()
        try:
            return await future
        finally:
            if future in self.stopped:
                self.stopped.remove(future)


CALL: ContextVar[Call | None] = ContextVar("call", default=None)


class SteppedStore:
    """Passes to another store; operations on `partitions`, made by a call of CALL, stop before and after."""

    under_way = 0

    def __init__(self, store: Store, partitions: Sequence[str]) -> None:
        self._store, self._partitions = store, partitions

    @property
    def table(self) -> Table:
        return self._store.table

    async def get(self, partition: str, sort: str) -> Row | None:
        return await self._stepped(partition, lambda: self._store.get(partition, sort))

    async def scan(self, partition: str, prefix: str = "", **how: Any) -> list[Row]:
        return await self._stepped(partition, lambda: self._store.scan(partition, prefix, **how))

    async def put(self, rows: Sequence[Row]) -> None:
        await self._stepped(rows[0].partition, lambda: self._store.put(rows), writes=True)

    async def remove(self, partition: str, sort: str, version: int) -> None:
        await self._stepped(partition, lambda: self._store.remove(partition, sort, version), writes=True)

    async def put_if_absent(self, partition: str, sort: str, kind: str, value: Value, *, expires_at_s: float | None = None) -> Row:
        return await self._stepped(partition, lambda: self._store.put_if_absent(partition, sort, kind, value, expires_at_s=expires_at_s))

    async def compare_and_set(self, row: Row, value: Value, *, expires_at_s: float | None = None) -> Row:
        return await self._stepped(row.partition, lambda: self._store.compare_and_set(row, value, expires_at_s=expires_at_s))

    async def delete(self, row: Row) -> None:
        await self._stepped(row.partition, lambda: self._store.delete(row), writes=True)

    async def batch(self, partition: str, changes: Sequence[Change]) -> None:
        await self._stepped(partition, lambda: self._store.batch(partition, changes), writes=True)

    async def close(self) -> None:
        return

    async def _stepped(self, partition: str, operation: Callable[[], Awaitable[T]], *, writes: bool = False) -> T:
        call = CALL.get()
        if call is None or partition not in self._partitions:
            return await self._counted(operation)
        outcome = await call.stop()
        if outcome == "refused":
            raise StoreUnavailable
        result = await self._counted(operation)
        if writes:
            outcome = await call.stop() if outcome == "done" else outcome
            if outcome != "done":
                raise Indeterminate
        return result

    @staticmethod
    async def _counted(operation: Callable[[], Awaitable[T]]) -> T:
        SteppedStore.under_way += 1
        try:
            return await operation()
        finally:
            SteppedStore.under_way -= 1
