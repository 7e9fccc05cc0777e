"""The store in Cassandra: a table of ours is one of its tables, a partition one of its partitions.

Main path: an operation checks its limits, binds a statement of its table and runs it; a conditional batch that is not answered is
looked for by its tag. Batches of this process on one partition go one after another: side by side they would only hinder each other.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from functools import partial
from typing import Any, Final, TypeVar
from uuid import UUID, uuid4

from cluster.durable import limits
from cluster.durable.cassandra.batches import Encoded, With, batches
from cluster.durable.cassandra.conditions import Fate, Found, Prepared, failed, fate, prepare
from cluster.durable.cassandra.driver import Kind
from cluster.durable.cassandra.faults import is_over, is_refused_midway
from cluster.durable.cassandra.ranges import Place
from cluster.durable.cassandra.session import Session, acquire, release
from cluster.durable.cassandra.statements import Linear, Plain, found_rows, linear_row, plain_row
from cluster.durable.cassandra.tables import statements_of
from cluster.durable.cassandra.turns import Turns
from cluster.durable.store import BATCH_LIMIT, Change, Discardable, Mode, Row, Store, Table
from cluster.errors import Indeterminate, InvalidInput, MatineeError, Overloaded, StoreUnavailable, VersionConflict

T = TypeVar("T", Linear, Plain)
Answer = TypeVar("Answer")

DEADLINE_S: Final = 10.0
PAGE: Final = 200
BATCH_LIMIT_BYTES: Final = 3 << 20
"""A partition takes what fits into half a segment of the commit log: 4 MiB where that is made small."""
PUTS_AT_ONCE: Final = 32
NOTHING_WRITTEN: Final = (StoreUnavailable, Overloaded)
_PAUSE_S: Final = 0.02
_LONGEST_PAUSE_S: Final = 0.3


class CassandraStore(Store):
    """One table."""

    def __init__(self, session: Session, statements: Linear | Plain, now_s: Callable[[], float]) -> None:
        self._session: Session | None = session
        self._statements = statements
        self._now_s = now_s
        self._turns = Turns(DEADLINE_S)

    @classmethod
    async def open(cls, url: str, table: Table, now_s: Callable[[], float] = time.time) -> CassandraStore:
        """Open the table, making it and its keyspace if they are missing.

        Raises:
            Misconfigured: the URL is wrong, the user is refused, the data centre is missing, or a newer Matinee made the table.
            ModeMixed: the table was made with the other mode.
            StoreUnavailable: no node answers.
        """
        session = await acquire(url)
        try:
            statements = await asyncio.to_thread(statements_of, session, table)
        except BaseException:
            await release(session)
            raise
        return cls(session, statements, now_s)

    @property
    def table(self) -> Table:
        """See the port."""
        return self._statements.table

    async def get(self, partition: str, sort: str) -> Row | None:
        """See the port."""
        limits.check_keys(partition, sort)
        statement = self._statements.get(partition, sort)
        found = await self._read(lambda: self._opened().run(statement, Kind.READ))
        return next(self._rows(partition, found), None)

    async def scan(
        self, partition: str, prefix: str = "", *, after: str | None = None, reverse: bool = False, limit: int = 100
    ) -> list[Row]:
        """See the port; a page of more than 200 rows is read in several steps."""
        limits.check_keys(partition, prefix, after or "")
        limits.check_limit(limit)
        rows: list[Row] = []
        while True:
            asked = min(PAGE, limit - len(rows))
            self._opened()
            page = self._statements.page(partition, prefix, after, reverse, asked)
            if page is None:
                return rows
            found = await self._read(partial(self._opened().run, page, Kind.READ))
            rows += self._rows(partition, found)
            if len(found) < asked or len(rows) >= limit:
                return rows
            after = found[-1]["sort"]

    async def read_all(self, after: str | None = None, *, limit: int = 500) -> tuple[list[Row], str | None]:
        """See the port; goes through the ranges of tokens one after another, at most 200 rows at once."""
        limits.check_limit(limit)
        place = Place.of(after)
        statement = self._statements.whole(place.tokens, min(limit, PAGE))
        found, paging = await self._read(lambda: self._opened().page(statement, Kind.WHOLE_READ, place.paging))
        rows = [row for columns in found for row in self._rows(columns["partition"], [columns])]
        following = place.following(paging)
        return rows, None if following is None else str(following)

    async def load(self, rows: Sequence[Row]) -> None:
        """See the port; what is written together: see `batches`."""
        await self._write_all(self._statements.load, rows)

    async def put(self, rows: Sequence[Row]) -> None:
        """See the port; what is written together: see `batches`."""
        await self._write_all(self._of(Plain, Mode.PLAIN).put, rows)

    async def _write_all(self, bind: Callable[[Sequence[Encoded], float], Any], rows: Sequence[Row]) -> None:
        limits.check_rows(rows)
        session, encoded = self._opened(), [(row, limits.encode_value(row.value)) for row in rows]
        if len(encoded) == 1:
            await self._write(bind(encoded, self._now_s()))
            return
        await self._in_batches(batches(encoded, len, session.replicas), lambda batch: bind(batch, self._now_s()))

    async def _in_batches(self, made: Sequence[Sequence[tuple[Row, With]]], bind: Callable[[Sequence[tuple[Row, With]]], Any]) -> None:
        at_once = asyncio.Semaphore(PUTS_AT_ONCE)

        async def write(batch: Sequence[tuple[Row, With]]) -> None:
            async with at_once:
                await self._write(bind(batch), partitions=len({row.partition for row, _ in batch}))

        outcomes = await asyncio.gather(*(write(batch) for batch in made), return_exceptions=True)
        failures = [outcome for outcome in outcomes if isinstance(outcome, BaseException)]
        for failure in sorted(failures, key=lambda failure: isinstance(failure, NOTHING_WRITTEN)):
            if isinstance(failure, NOTHING_WRITTEN) and len(failures) < len(outcomes):
                raise Indeterminate("Some of the rows were not written") from failure
            raise failure

    async def remove(self, partition: str, sort: str, version: int) -> None:
        """See the port."""
        table = self._of(Plain, Mode.PLAIN)
        limits.check_keys(partition, sort)
        limits.check_version(version)
        await self._write(table.remove(partition, sort, version))

    async def batch(self, partition: str, changes: Sequence[Change]) -> None:
        """See the port."""
        table = self._of(Linear, Mode.LINEAR)
        limits.check_changes(partition, changes)
        prepared = [prepare(change) for change in changes]
        size_bytes = sum(len((change.value or "").encode()) for change in prepared)
        if size_bytes > BATCH_LIMIT_BYTES:
            raise InvalidInput(f"The values of a batch have at most {BATCH_LIMIT_BYTES} bytes; these have {size_bytes}")
        self._opened()
        if prepared:
            async with self._turns.of(partition):
                await self._commit(table, partition, prepared)

    async def read_to_discard(self, partitions: Sequence[str], prefix: str = "", *, limit: int = BATCH_LIMIT) -> Discardable:
        """See the port; the marks are the times of writing."""
        table = self._of(Linear, Mode.LINEAR)
        limits.check_together(partitions, prefix, limit)
        self._opened()
        if not partitions:
            return Discardable([])
        statement = table.discardable(partitions, prefix, limit)
        found = await self._read(lambda: self._opened().run(statement, Kind.READ))
        at = {partition: number for number, partition in enumerate(partitions)}
        found.sort(key=lambda columns: at[columns["partition"]])  # a stable sort
        live = [(row, columns["written_us"]) for columns in found for row in self._rows(columns["partition"], [columns])]
        return Discardable([row for row, _ in live], [written_us for _, written_us in live])

    async def discard(self, read: Discardable) -> None:
        """See the port; by their times of writing, without a lightweight transaction."""
        table = self._of(Linear, Mode.LINEAR)
        rows = list(zip(read.rows, read.marks, strict=True))
        await self._in_batches(batches(rows, lambda _: 0, self._opened().replicas), table.discard)

    async def close(self) -> None:
        """See the port."""
        session, self._session = self._session, None
        if session is not None:
            await release(session)

    async def _read(self, ask: Callable[[], Awaitable[Answer]]) -> Answer:
        try:
            return await self._until_answered(ask)
        except Indeterminate as error:
            raise StoreUnavailable(f"{self._opened().address.title} did not answer in time") from error.__cause__

    async def _write(self, statement: Any, partitions: int = 1) -> None:
        # Idempotent: the row's version is its timestamp, so a write that happened twice happened once.
        try:
            await self._until_answered(lambda: self._opened().run(statement, Kind.WRITE))
        except StoreUnavailable as error:
            if partitions > 1 and is_refused_midway(error):
                raise Indeterminate("Some of the rows may not have been written") from error
            raise

    async def _until_answered(self, ask: Callable[[], Awaitable[Answer]]) -> Answer:
        ends_s = time.monotonic() + DEADLINE_S
        unanswered: Indeterminate | None = None
        for pause_s in _pauses():
            try:
                return await ask()
            except Indeterminate as error:
                unanswered = error
                if time.monotonic() + pause_s > ends_s or self._opened().failing:
                    raise
            except NOTHING_WRITTEN as error:
                if unanswered is None:
                    raise
                raise unanswered from error  # an earlier try may have written it
            await asyncio.sleep(pause_s)
        raise AssertionError

    async def _commit(self, table: Linear, partition: str, changes: Sequence[Prepared]) -> None:
        tag, ends_s, first_s = uuid4(), time.monotonic() + DEADLINE_S, self._now_s()
        expired: dict[str, Found] = {}
        late: Indeterminate | None = None  # a try that a node may yet carry out, though it was looked for in vain
        for pause_s in _pauses():
            now_s = self._now_s()
            try:
                answer = await self._opened().run(table.batch(partition, changes, expired, tag, now_s), Kind.LINEAR)
            except Indeterminate as error:
                if await self._was_made(table, partition, changes, tag, now_s, ends_s, error):
                    return
                late = late if is_over(error) else error
                if time.monotonic() + pause_s > ends_s:
                    raise late or StoreUnavailable("Too many others write to this partition") from error
            except NOTHING_WRITTEN as error:
                raise late or error from error.__cause__
            else:
                if answer[0]["[applied]"]:
                    return
                seen = found_rows(answer)
                if wrong := failed(changes, seen, now_s):
                    if late and await self._was_made(table, partition, changes, tag, first_s, ends_s, late):
                        return  # what this ran into was its own earlier try
                    raise VersionConflict(failed=wrong)
                # Nothing stands against it but rows that have expired, or it was so and isn't any more.
                expired = {sort: row for sort, row in seen.items() if not row.live_version(now_s)}
                if time.monotonic() + pause_s > ends_s:
                    raise late or StoreUnavailable("Too many others write to this partition")
            await asyncio.sleep(pause_s)

    async def _was_made(
        self, table: Linear, partition: str, changes: Sequence[Prepared], tag: UUID, now_s: float, ends_s: float, unanswered: Indeterminate
    ) -> bool:
        """Look for a batch that was not answered; raises `unanswered` where nothing shows what became of it."""
        judged = fate(changes, await self._evidence(table, partition, changes, ends_s, unanswered), tag, now_s)
        if judged is Fate.UNKNOWN:
            raise unanswered from unanswered.__cause__
        return judged is Fate.APPLIED

    async def _evidence(
        self, table: Linear, partition: str, changes: Sequence[Prepared], ends_s: float, unanswered: Indeterminate
    ) -> dict[str, Found]:
        for pause_s in _pauses():
            try:
                return found_rows(await self._opened().run(table.evidence(partition, changes), Kind.SERIAL_READ))
            except MatineeError:
                if time.monotonic() + pause_s > ends_s or self._session is None or self._session.failing:
                    raise unanswered from unanswered.__cause__
            await asyncio.sleep(pause_s)
        raise unanswered

    def _rows(self, partition: str, found: Sequence[dict[str, Any]]) -> Iterator[Row]:
        read, now_s = (linear_row if self.table.mode is Mode.LINEAR else plain_row), self._now_s()
        return (row for columns in found if (row := read(partition, columns, now_s)) is not None)

    def _of(self, kind: type[T], mode: Mode) -> T:
        limits.require_mode(self.table, mode)
        assert isinstance(self._statements, kind)
        return self._statements

    def _opened(self) -> Session:
        if self._session is None:
            raise StoreUnavailable(f"Table {self.table.name} is closed")
        return self._session


def _pauses() -> Iterator[float]:
    pause_s = _PAUSE_S
    while True:
        yield random.uniform(pause_s / 2, pause_s)
        pause_s = min(_LONGEST_PAUSE_S, pause_s * 2)
