"""The store in SQLite: a group of tables in a file, or in several by partition.

Main path: an operation checks its limits, picks the partition's file, and runs the SQL of `rows` there.
Serves the processes of one machine.
"""

from __future__ import annotations

import asyncio
import re
import sqlite3
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Annotated, Final

import msgspec

from cluster.durable import limits
from cluster.durable.log import partition_of
from cluster.durable.sqlite import rows as sql
from cluster.durable.sqlite.database import Database
from cluster.durable.sqlite.faults import translate_at_open
from cluster.durable.store import BATCH_LIMIT, Change, Discardable, Mode, Row, Store, Table
from cluster.errors import InvalidCursor, Misconfigured

_NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,62}")
_FILES_LIMIT: Final = 256
GLANCE_ROWS: Final = 100
"""So many rows are read on the caller's event loop; more of them in a thread."""


class _Place(msgspec.Struct, frozen=True, array_like=True):
    """How far a whole table is read."""

    file: Annotated[int, msgspec.Meta(ge=0)] = 0
    partition: str = ""
    sort: str = ""

    @classmethod
    def of(cls, after: str | None) -> _Place:
        if after is None:
            return cls()
        try:
            return msgspec.json.decode(after, type=cls)
        except (msgspec.DecodeError, UnicodeEncodeError) as error:
            raise InvalidCursor from error

    def __str__(self) -> str:
        return msgspec.json.encode(self).decode()


class SqliteStore(Store):
    """One table."""

    def __init__(self, table: Table, files: Sequence[Database], now_s: Callable[[], float]) -> None:
        self._table, self._files, self._now_s = table, list(files), now_s
        for file in files:
            file.add_chore(f"sweep {table.name}", lambda connection: sql.sweep(connection, table, now_s()) > 0)

    @classmethod
    async def open(cls, folder: str | Path, table: Table, now_s: Callable[[], float] = time.time) -> SqliteStore:
        """Open the table, making files and folder if they are missing.

        Raises:
            Misconfigured: a file cannot be opened, a newer Matinee wrote it, or the table was made in another number of files.
            ModeMixed: the table was made with the other mode.
            CorruptData: a file is damaged.
        """
        if not _NAME.fullmatch(table.name) or not _NAME.fullmatch(table.group) or not 1 <= table.files <= _FILES_LIMIT:
            raise Misconfigured(f"{table} cannot be a table: names are [a-z][a-z0-9_]*, files 1 to {_FILES_LIMIT}")
        paths = _paths(Path(folder), table)
        await asyncio.to_thread(_require_same_elsewhere, Path(folder), table, paths)
        files: list[Database] = []
        try:
            for path in paths:
                files.append(await Database.acquire(path, partial(sql.record, table=table)))  # noqa: PERF401 -- closed below if one fails
        except BaseException:
            for file in files:
                await file.close()
            raise
        return cls(table, files, now_s)

    @property
    def table(self) -> Table:
        """See the port."""
        return self._table

    async def get(self, partition: str, sort: str) -> Row | None:
        """See the port."""
        limits.check_keys(partition, sort)
        now_s = self._now_s()
        return await self._file(partition).glance(lambda connection: sql.get(connection, self._table, partition, sort, now_s))

    async def get_each(self, partition: str, sorts: Sequence[str]) -> list[Row | None]:
        """See the port; one visit to the file."""
        limits.check_keys(partition, *sorts)
        now_s = self._now_s()
        file = self._file(partition)
        read = file.glance if len(sorts) <= GLANCE_ROWS else file.read
        return await read(lambda connection: [sql.get(connection, self._table, partition, sort, now_s) for sort in sorts])

    async def scan(
        self, partition: str, prefix: str = "", *, after: str | None = None, reverse: bool = False, limit: int = 100
    ) -> list[Row]:
        """See the port."""
        limits.check_keys(partition, prefix, after or "")
        limits.check_limit(limit)
        file, now_s = self._file(partition), self._now_s()

        def few(connection: sqlite3.Connection) -> list[Row]:
            return sql.scan(connection, self._table, partition, prefix, after, reverse, min(limit, GLANCE_ROWS), now_s)

        rows = await file.glance(few)
        if len(rows) < GLANCE_ROWS or limit <= GLANCE_ROWS:
            return rows
        # Anew, and not only the rest: what is answered stood there at one moment.
        return await file.read(lambda connection: sql.scan(connection, self._table, partition, prefix, after, reverse, limit, now_s))

    async def read_all(self, after: str | None = None, *, limit: int = 500) -> tuple[list[Row], str | None]:
        """See the port; goes through the files one after another."""
        limits.check_limit(limit)
        place, now_s = _Place.of(after), self._now_s()
        if not self._files:
            raise sql.closed(self._table)
        if place.file >= len(self._files):
            raise InvalidCursor
        rows = await self._files[place.file].read(
            lambda connection: sql.read_all(connection, self._table, (place.partition, place.sort), limit, now_s)
        )
        if len(rows) == limit:
            return rows, str(_Place(place.file, rows[-1].partition, rows[-1].sort))
        return rows, str(_Place(place.file + 1)) if place.file + 1 < len(self._files) else None

    async def load(self, rows: Sequence[Row]) -> None:
        """See the port."""
        await self._write(rows)

    async def put(self, rows: Sequence[Row]) -> None:
        """See the port."""
        limits.require_mode(self._table, Mode.PLAIN)
        await self._write(rows)

    async def _write(self, rows: Sequence[Row]) -> None:
        limits.check_rows(rows)
        by_file: dict[Database, list[sql.Columns]] = {}
        for row in rows:
            columns = (row.partition, row.sort, row.version, row.kind, limits.encode_value(row.value), row.expires_at_s)
            by_file.setdefault(self._file(row.partition), []).append(columns)
        await asyncio.gather(*(self._put(file, columns) for file, columns in by_file.items()))

    async def remove(self, partition: str, sort: str, version: int) -> None:
        """See the port."""
        limits.require_mode(self._table, Mode.PLAIN)
        limits.check_keys(partition, sort)
        limits.check_version(version)
        tombstone = (partition, sort, version, "", None, self._now_s() + sql.TOMBSTONE_LIFETIME_S)
        await self._put(self._file(partition), [tombstone])

    async def batch(self, partition: str, changes: Sequence[Change]) -> None:
        """See the port."""
        limits.require_mode(self._table, Mode.LINEAR)
        limits.check_changes(partition, changes)
        if not changes:
            return
        prepared = [sql.prepare(change) for change in changes]
        now_s = self._now_s()
        await self._file(partition).write(
            lambda connection: sql.change(connection, self._table, partition, prepared, now_s),
            sum(len(change.value or "") for change in prepared),
        )

    async def read_to_discard(self, partitions: Sequence[str], prefix: str = "", *, limit: int = BATCH_LIMIT) -> Discardable:
        """See the port."""
        limits.require_mode(self._table, Mode.LINEAR)
        limits.check_together(partitions, prefix, limit)
        return Discardable([row for partition in partitions for row in await self.scan(partition, prefix, limit=limit)])

    async def discard(self, read: Discardable) -> None:
        """See the port; rows are recognised by their versions."""
        limits.require_mode(self._table, Mode.LINEAR)
        by_file: dict[Database, list[Row]] = {}
        for row in read.rows:
            by_file.setdefault(self._file(row.partition), []).append(row)
        for file, rows in by_file.items():
            await file.write(partial(sql.discard, table=self._table, rows=rows))

    async def sweep(self) -> int:
        """Delete some expired rows for good and return how many; the writers do the same about every minute."""
        now_s = self._now_s()
        counts = [await file.write(lambda connection: sql.sweep(connection, self._table, now_s)) for file in self._files]
        return sum(counts)

    async def close(self) -> None:
        """See the port."""
        files, self._files = self._files, []
        for file in files:
            await file.close()

    async def _put(self, file: Database, columns: Sequence[sql.Columns]) -> None:
        now_s = self._now_s()
        await file.write(
            lambda connection: sql.put(connection, self._table, columns, now_s), sum(len(value or "") for *_, value, _ in columns)
        )

    def _file(self, partition: str) -> Database:
        if not self._files:
            raise sql.closed(self._table)
        return self._files[partition_of(partition, len(self._files))]


def _paths(folder: Path, table: Table) -> list[Path]:
    if table.files == 1:
        return [folder / f"{table.group}.sqlite3"]
    return [folder / f"{table.group}-{index}.sqlite3" for index in range(table.files)]


def _require_same_elsewhere(folder: Path, table: Table, paths: Sequence[Path]) -> None:
    # Another number of files would look for the rows in files where they are not.
    for path in (*folder.glob(f"{table.group}.sqlite3"), *folder.glob(f"{table.group}-*.sqlite3")):
        if path in paths:
            continue
        try:
            connection = sqlite3.connect(path)
            try:
                sql.require_same(connection, table)
            finally:
                connection.close()
        except sqlite3.OperationalError:
            continue  # not ours: it holds no tables
        except sqlite3.Error as error:
            raise translate_at_open(error, path) from error
