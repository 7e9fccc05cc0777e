"""The log in SQLite: a file a topic, entries numbered within each partition.

Main path: append() numbers and writes a group in one transaction; read() answers from the file, or waits until it changes.
Serves the processes of one machine.
"""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Final

from cluster.durable import limits
from cluster.durable.entries import READ_LIMIT, Record, check_partition, check_topic, entries_of, records_of
from cluster.durable.log import Entry, Position
from cluster.durable.sqlite.changes import Changes
from cluster.durable.sqlite.database import Database
from cluster.errors import Misconfigured, StoreUnavailable
from cluster.events import Event, Topic

_TRIM_ROWS: Final = 500


class SqliteLog:
    """All topics of one folder; implements the port `Log`."""

    def __init__(self, folder: Path, now_s: Callable[[], float], retention_s: float, kept_s: Mapping[str, float]) -> None:
        self._folder, self._now_s, self._retention_s, self._kept_s = folder, now_s, retention_s, kept_s
        self._files: dict[str, Database] = {}
        self._changes: dict[str, Changes] = {}
        self._opening = asyncio.Lock()
        self._closed = False

    @classmethod
    async def open(
        cls,
        folder: str | Path,
        now_s: Callable[[], float] = time.time,
        retention_s: float = 7 * 86400.0,
        kept_s: Mapping[str, float] | None = None,
    ) -> SqliteLog:
        """Open the log, making its folder if it is missing; entries older than `retention_s` are dropped by and by, if neither their
        topic nor, by its name, `kept_s` says otherwise.

        Raises:
            Misconfigured: the folder cannot be made.
        """
        try:
            await asyncio.to_thread(Path(folder).mkdir, 0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise Misconfigured(f"{folder} cannot be made: {error.strerror}") from error
        return cls(Path(folder), now_s, retention_s, kept_s or {})

    async def append(self, topic: Topic, events: Sequence[Event]) -> list[Position]:
        """See the port; the events of one call are written together."""
        records = records_of(topic, events)
        if not records:
            return []
        file = await self._file(topic)
        now_s = self._now_s()
        return await file.write(lambda connection: _append(connection, records, now_s), sum(len(record.raw) for record in records))

    async def read(self, topic: Topic, partition: int, offset: int, *, limit: int = 500, wait_s: float = 0.0) -> list[Entry]:
        """See the port."""
        limits.check_limit(limit, READ_LIMIT)
        check_partition(topic, partition)
        deadline_s = time.monotonic() + wait_s
        while True:
            file = await self._file(topic)
            # Asked for before looking: a change in between is not missed.
            changed = self._changes[topic.name].next() if wait_s > 0 else None
            try:
                found = await file.read(lambda connection: _read(connection, partition, offset, limit))
                entries = entries_of(topic, partition, found)
                left_s = deadline_s - time.monotonic()
                if entries or changed is None or left_s <= 0:
                    return entries
                await asyncio.wait({changed}, timeout=left_s)
            finally:
                if changed is not None:
                    changed.cancel()

    async def end(self, topic: Topic, partition: int) -> int:
        """See the port."""
        check_partition(topic, partition)
        file = await self._file(topic)
        return await file.read(lambda connection: _end(connection, partition))

    async def note_progress(self, group: str, topic: Topic, partition: int, offset: int) -> bool:
        """See the port: no tool looks here."""
        return True

    async def trim(self, topic: Topic) -> int:
        """Drop some entries older than the retention and return how many; the writers do the same about every minute."""
        file = await self._file(topic)
        before_s = self._oldest_s(topic)
        return await file.write(lambda connection: _trim(connection, before_s))

    async def close(self) -> None:
        """See the port."""
        self._closed = True
        async with self._opening:
            files, self._files = self._files, {}
            for name, file in files.items():
                await asyncio.to_thread(self._changes.pop(name).close)
                await file.close()

    def _oldest_s(self, topic: Topic) -> float:
        own_s = self._retention_s if topic.retention_s is None else topic.retention_s
        return self._now_s() - self._kept_s.get(topic.name, own_s)

    async def _file(self, topic: Topic) -> Database:
        if self._closed:
            raise StoreUnavailable("The log is closed")
        file = self._files.get(topic.name)
        if file is not None:
            return file
        check_topic(topic)
        async with self._opening:
            file = self._files.get(topic.name)
            if file is None:
                file = await Database.acquire(self._folder / f"{topic.name}.sqlite3", partial(_prepare, topic=topic))
                file.add_chore("trim", lambda connection: _trim(connection, self._oldest_s(topic)) > 0)
                self._changes[topic.name] = Changes(file)
                self._files[topic.name] = file
            return file


def _prepare(connection: sqlite3.Connection, topic: Topic) -> None:
    connection.execute("CREATE TABLE IF NOT EXISTS ends (partition INTEGER PRIMARY KEY, next_offset INTEGER NOT NULL)")
    connection.execute(
        "CREATE TABLE IF NOT EXISTS entries (partition INTEGER NOT NULL, offset INTEGER NOT NULL, appended_at_s REAL NOT NULL,"
        " event TEXT NOT NULL, PRIMARY KEY (partition, offset)) WITHOUT ROWID"
    )
    (found,) = connection.execute("SELECT count(*) FROM ends").fetchone()
    if found not in (0, topic.partitions):
        raise Misconfigured(f"Topic {topic.name} was made with {found} partitions; it cannot be opened with {topic.partitions}")
    if not found:
        connection.executemany("INSERT INTO ends VALUES (?, 0)", [(partition,) for partition in range(topic.partitions)])


def _append(connection: sqlite3.Connection, records: Sequence[Record], now_s: float) -> list[Position]:
    positions = []
    for record in records:
        offset = _end(connection, record.partition)
        connection.execute("INSERT INTO entries VALUES (?, ?, ?, ?)", (record.partition, offset, now_s, record.raw.decode()))
        connection.execute("UPDATE ends SET next_offset = ? WHERE partition = ?", (offset + 1, record.partition))
        positions.append(Position(record.partition, offset))
    return positions


def _read(connection: sqlite3.Connection, partition: int, offset: int, limit: int) -> list[tuple[int, bytes]]:
    found = connection.execute(
        "SELECT offset, event FROM entries WHERE partition = ? AND offset >= ? ORDER BY offset LIMIT ?", (partition, offset, limit)
    ).fetchall()
    return [(number, text.encode()) for number, text in found]


def _end(connection: sqlite3.Connection, partition: int) -> int:
    return int(connection.execute("SELECT next_offset FROM ends WHERE partition = ?", (partition,)).fetchone()[0])


def _trim(connection: sqlite3.Connection, before_s: float) -> int:
    # Entries stand in the order of their time: only each partition's oldest are looked at.
    for (partition,) in connection.execute("SELECT partition FROM ends").fetchall():
        oldest = connection.execute(
            "SELECT offset, appended_at_s FROM entries WHERE partition = ? ORDER BY offset LIMIT ?", (partition, _TRIM_ROWS)
        ).fetchall()
        stale = [offset for offset, appended_at_s in oldest if appended_at_s < before_s]
        if stale:
            return connection.execute("DELETE FROM entries WHERE partition = ? AND offset <= ?", (partition, stale[-1])).rowcount
    return 0
