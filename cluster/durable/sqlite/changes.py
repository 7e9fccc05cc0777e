"""Tells waiters when somebody, in whatever process, has committed to a file.

Main path: next() -> a thread that asks SQLite's `data_version` while anybody waits -> the futures resolve.
Refuses to know what changed.
"""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
import threading
from typing import Final

from cluster.durable.sqlite.database import Database

POLL_INTERVAL_S: Final = 0.025
_IDLE_POLLS: Final = 40


class Changes:
    """Owns one connection to a file, and a thread while there are waiters."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._lock = threading.Lock()
        self._waiters: dict[asyncio.Future[None], asyncio.AbstractEventLoop] = {}
        self._thread: threading.Thread | None = None
        self._closed = threading.Event()

    def next(self) -> asyncio.Future[None]:
        """Return a future that resolves after the next commit, perhaps once without one; cancel it to stop waiting."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[None] = loop.create_future()
        if self._closed.is_set():
            future.set_result(None)
            return future
        future.add_done_callback(self._forget)
        with self._lock:
            self._waiters[future] = loop
            if self._thread is None:
                self._thread = threading.Thread(target=self._poll, name=f"changes of {self._database.path.name}", daemon=True)
                self._thread.start()
        return future

    def close(self) -> None:
        """Wake all waiters and end the thread."""
        self._closed.set()
        thread = self._thread
        if thread is not None:
            thread.join()
        self._wake()

    def _forget(self, future: asyncio.Future[None]) -> None:
        with self._lock:
            self._waiters.pop(future, None)

    def _poll(self) -> None:
        # The first round finds no version to compare with and wakes everybody: nothing is missed while the thread starts.
        connection: sqlite3.Connection | None = None
        seen, idle = None, 0
        try:
            while not self._closed.wait(POLL_INTERVAL_S):
                try:
                    connection = connection or self._database.connect_to_read()
                    version = connection.execute("PRAGMA data_version").fetchone()
                except sqlite3.Error:
                    version = None  # the waiters' own reads say what is wrong
                if version is None or version != seen:
                    seen = version
                    self._wake()
                with self._lock:
                    idle = 0 if self._waiters else idle + 1
                    if idle > _IDLE_POLLS:
                        self._thread = None
                        return
        finally:
            if connection is not None:
                connection.close()

    def _wake(self) -> None:
        with self._lock:
            waiters = list(self._waiters.items())
        for future, loop in waiters:
            with contextlib.suppress(RuntimeError):  # the loop was closed: nobody waits there
                loop.call_soon_threadsafe(_resolve, future)


def _resolve(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)
