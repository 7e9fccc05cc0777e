"""One SQLite file as this process has it open: one writer, a few reading connections, however many stores use it.

Main path: acquire() -> write(), glance() and read() -> close(); the last one to close frees the file.
Refuses to know tables: a `prepare` step given by its user makes them.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import sqlite3
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final, TypeVar

from cluster.durable.sqlite.faults import is_busy, translate, translate_at_open
from cluster.durable.sqlite.writer import Chore, Writer, patiently
from cluster.errors import Misconfigured, Overloaded, StoreUnavailable

T = TypeVar("T")

SCHEMA_VERSION: Final = 1
READERS: Final = 4
READ_QUEUE_LIMIT: Final = 2048
READ_DEADLINE_S: Final = 10.0
_JOURNAL_LIMIT_BYTES: Final = 64 << 20


class Database:
    """Owns one file's connections in this process; `acquire` gives every user the same one."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._users = 0
        self._closed = False
        self._reading = 0
        self._idle: list[sqlite3.Connection] = []
        self._lock = threading.Lock()
        self._writer = Writer(_connect_to_write(path), path)

    @classmethod
    async def acquire(cls, path: Path, prepare: Callable[[sqlite3.Connection], None]) -> Database:
        """Open the file (made if missing), or share it if it is open; `prepare` runs in a transaction.

        Raises:
            Misconfigured: the file cannot be opened, or a newer Matinee wrote it.
            CorruptData: it is no database, or damaged.
        """
        # Shielded: a caller that gives up must not leave a use that nobody closes.
        opening = asyncio.ensure_future(asyncio.to_thread(_registry.acquire, path.absolute()))
        try:
            database = await asyncio.shield(opening)
        except asyncio.CancelledError:
            opening.add_done_callback(_close_when_opened)
            raise
        try:
            await database.write(prepare)
        except BaseException:
            await database.close()
            raise
        return database

    async def write(self, operation: Callable[[sqlite3.Connection], T], size_bytes: int = 0) -> T:
        """See `Writer.write`."""
        return await self._writer.write(operation, size_bytes)

    async def glance(self, operation: Callable[[sqlite3.Connection], T]) -> T:
        """Run an `operation` that reads a few rows on the caller's event loop, between others' turns; ADR 33.

        In a thread only where another connection is in the way. Raises as `read` does.
        """
        await asyncio.sleep(0)
        if self._closed:
            raise StoreUnavailable(f"{self.path.name} is closed")
        try:
            with self._reader() as connection:
                return operation(connection)
        except sqlite3.Error as error:
            if not is_busy(error):
                raise translate(error, self.path) from error
        return await self.read(operation)

    async def read(self, operation: Callable[[sqlite3.Connection], T]) -> T:
        """Run `operation` on a reading connection, in a thread.

        Raises:
            Overloaded: too many reads wait.
            StoreUnavailable: it took too long, or the file cannot be read.
            CorruptData: what is stored cannot be read.
        """
        if self._closed:
            raise StoreUnavailable(f"{self.path.name} is closed")
        with self._lock:
            if self._reading >= READ_QUEUE_LIMIT:
                raise Overloaded(f"Too many reads wait for {self.path.name}")
            self._reading += 1
        future = asyncio.get_running_loop().run_in_executor(_registry.readers, self._read, operation)
        try:
            async with asyncio.timeout(READ_DEADLINE_S):
                return await asyncio.shield(future)
        except TimeoutError as error:
            raise StoreUnavailable(f"{self.path.name} did not answer in time") from error
        finally:
            future.add_done_callback(_retrieve)

    def add_chore(self, name: str, chore: Chore) -> None:
        """See `Writer.add_chore`."""
        self._writer.add_chore(name, chore)

    async def close(self) -> None:
        """End one use; the last one ends the writer and closes the connections."""
        await asyncio.shield(asyncio.to_thread(_registry.release, self))

    def connect_to_read(self) -> sqlite3.Connection:
        """Return a connection of the caller's own that only reads; the caller closes it."""
        connection = _connect(self.path)
        connection.execute("PRAGMA query_only=1")
        return connection

    def _read(self, operation: Callable[[sqlite3.Connection], T]) -> T:
        try:
            with self._reader() as connection:
                return patiently(lambda: operation(connection), READ_DEADLINE_S)
        except sqlite3.Error as error:
            raise translate(error, self.path) from error
        finally:
            with self._lock:
                self._reading -= 1

    @contextlib.contextmanager
    def _reader(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            connection = self._idle.pop() if self._idle else None
        connection = connection or self.connect_to_read()
        try:
            yield connection
        finally:
            with self._lock:
                kept = not self._closed
                if kept:
                    self._idle.append(connection)
            if not kept:
                connection.close()

    def _shut(self) -> None:
        self._writer.stop()
        with self._lock:
            self._closed = True
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()

    def _abandon(self) -> None:
        self._lock = threading.Lock()
        self._closed = True
        self._writer.abandon()


class _Registry:
    """The files that this process has open, by path."""

    def __init__(self) -> None:
        self._lock = threading.Lock()  # held while a file opens, which may take seconds: never taken on an event loop
        self._open: dict[Path, Database] = {}
        self._inherited: list[Database] = []
        self.readers = _make_readers()

    def acquire(self, path: Path) -> Database:
        with self._lock:
            database = self._open.get(path)
            if database is None:
                try:
                    path.parent.mkdir(0o700, parents=True, exist_ok=True)  # accounts are nobody's but this user's to read
                    database = Database(path)
                except (sqlite3.Error, OSError) as error:
                    raise translate_at_open(error, path) from error
                self._open[path] = database
            database._users += 1
            return database

    def release(self, database: Database) -> None:
        with self._lock:
            database._users -= 1
            if database._users > 0 or self._open.get(database.path) is not database:
                return
            del self._open[database.path]
        database._shut()

    def after_fork(self) -> None:
        # A connection must not cross a fork, not even to be closed: kept for ever, never used, opened anew by whoever needs it.
        self._lock = threading.Lock()
        self._inherited += self._open.values()
        for database in self._open.values():
            database._abandon()
        self._open = {}
        self.readers = _make_readers()


def _make_readers() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(READERS, thread_name_prefix="sqlite reader")  # threads start with the first reads


_registry = _Registry()
os.register_at_fork(after_in_child=_registry.after_fork)


def _connect(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(path, timeout=0.02, isolation_level=None, check_same_thread=False, cached_statements=256)


def _connect_to_write(path: Path) -> sqlite3.Connection:
    connection = _connect(path)
    try:
        patiently(lambda: connection.execute("PRAGMA journal_mode=WAL").fetchone())
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute(f"PRAGMA journal_size_limit={_JOURNAL_LIMIT_BYTES}")
        patiently(lambda: _claim_schema(connection, path))
    except BaseException:
        connection.close()
        raise
    return connection


def _claim_schema(connection: sqlite3.Connection, path: Path) -> None:
    connection.execute("BEGIN IMMEDIATE")
    try:
        (found,) = connection.execute("PRAGMA user_version").fetchone()
        if found > SCHEMA_VERSION:
            raise Misconfigured(f"{path} was written by a newer Matinee (schema {found}; this one knows {SCHEMA_VERSION}): update Matinee")
        if found < SCHEMA_VERSION:
            connection.execute(f"PRAGMA user_version={SCHEMA_VERSION}")
        connection.execute("COMMIT")
    except BaseException:
        with contextlib.suppress(sqlite3.Error):
            connection.execute("ROLLBACK")
        raise


def _close_when_opened(opening: asyncio.Future[Database]) -> None:
    if not opening.cancelled() and opening.exception() is None:
        threading.Thread(target=_registry.release, args=(opening.result(),), daemon=True).start()


def _retrieve(future: asyncio.Future[T]) -> None:
    # A read that nobody waits for any more may fail quietly.
    if not future.cancelled():
        future.exception()
