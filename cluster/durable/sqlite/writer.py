"""One thread that writes one SQLite file, committing all that waits as one group.

Main path: write() -> queue -> BEGIN IMMEDIATE -> each operation in a savepoint of its own -> COMMIT (synced) -> answers.
Refuses to know what the operations do.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import sqlite3
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final, TypeVar

from cluster.durable.sqlite.faults import is_busy, translate
from cluster.errors import Indeterminate, Overloaded, StoreUnavailable

T = TypeVar("T")

QUEUE_LIMIT: Final = 4096
QUEUE_LIMIT_BYTES: Final = 64 << 20
GROUP_LIMIT: Final = 256
BUSY_DEADLINE_S: Final = 10.0
WRITE_DEADLINE_S: Final = 12.0
CHORE_INTERVAL_S: Final = 60.0

Chore = Callable[[sqlite3.Connection], bool]
"""One short statement of upkeep; tells whether there is more to do."""


class _Job:
    __slots__ = ("future", "loop", "operation", "size_bytes")

    def __init__(self, operation: Callable[[sqlite3.Connection], Any], size_bytes: int) -> None:
        self.operation, self.size_bytes = operation, size_bytes
        self.loop = asyncio.get_running_loop()
        self.future: asyncio.Future[Any] = self.loop.create_future()


_Outcome = tuple[_Job, Any, BaseException | None]


class Writer:
    """Owns the writing connection of a file in this process; its thread is the only one that uses it."""

    def __init__(self, connection: sqlite3.Connection, path: Path) -> None:
        self._connection, self._path = connection, path
        self._condition = threading.Condition()
        self._queue: deque[_Job] = deque()
        self._queued_bytes = 0
        self._stopping = False
        self._chores: dict[str, Chore] = {}
        self._next_chores_s = _later(CHORE_INTERVAL_S)
        self._thread = threading.Thread(target=self._run, name=f"writer of {path.name}", daemon=True)
        self._thread.start()

    def add_chore(self, name: str, chore: Chore) -> None:
        """Have `chore` run about every minute between commits; a name has one chore."""
        with self._condition:
            self._chores[name] = chore

    async def write(self, operation: Callable[[sqlite3.Connection], T], size_bytes: int = 0) -> T:
        """Run `operation` inside a transaction and return its result once it is durable.

        What the operation raises undoes its own changes alone.

        Raises:
            Overloaded: the queue is full; nothing was written.
            StoreUnavailable: the file stayed locked, or the deadline passed while waiting; nothing was written.
            Indeterminate: the deadline passed during the commit.
        """
        job = _Job(operation, size_bytes)
        with self._condition:
            if self._stopping:
                raise StoreUnavailable(f"{self._path.name} is closed")
            if len(self._queue) >= QUEUE_LIMIT or (self._queue and self._queued_bytes + size_bytes > QUEUE_LIMIT_BYTES):
                raise Overloaded(f"Too many writes wait for {self._path.name}")
            self._queue.append(job)
            self._queued_bytes += size_bytes
            self._condition.notify()
        try:
            async with asyncio.timeout(WRITE_DEADLINE_S):
                result: T = await job.future
                return result
        except TimeoutError as error:
            if self._withdraw(job):
                raise StoreUnavailable(f"{self._path.name} did not take the write in time") from error
            raise Indeterminate(f"{self._path.name} did not finish the write in time") from error
        except asyncio.CancelledError:
            self._withdraw(job)
            raise

    def stop(self) -> None:
        """Commit what waits, close the connection and end the thread."""
        with self._condition:
            self._stopping = True
            self._condition.notify()
        self._thread.join()

    def abandon(self) -> None:
        """Refuse everything from here on, touching nothing: this is a copy that a fork made."""
        self._condition = threading.Condition()
        self._stopping = True

    def _withdraw(self, job: _Job) -> bool:
        with self._condition:
            try:
                self._queue.remove(job)
            except ValueError:
                return False
            self._queued_bytes -= job.size_bytes
            return True

    def _take(self) -> list[_Job]:
        with self._condition:
            jobs = [self._queue.popleft() for _ in range(min(len(self._queue), GROUP_LIMIT))]
            self._queued_bytes -= sum(job.size_bytes for job in jobs)
            return jobs

    def _run(self) -> None:
        while self._wait():
            self._write_group()
            if time.monotonic() >= self._next_chores_s:
                self._do_chores()
        self._connection.close()

    def _wait(self) -> bool:
        with self._condition:
            while not self._queue and not self._stopping:
                left_s = self._next_chores_s - time.monotonic()
                if left_s <= 0:
                    break
                self._condition.wait(left_s)
            return bool(self._queue) or not self._stopping

    def _write_group(self) -> None:
        if not self._queue:
            return
        try:
            self._begin()
        except sqlite3.Error as error:
            _answer([(job, None, translate(error, self._path)) for job in self._take()])
        else:
            # Taken only now: whatever arrived while others held the lock goes along.
            self._commit(self._take())

    def _begin(self) -> None:
        patiently(lambda: self._connection.execute("BEGIN IMMEDIATE"), BUSY_DEADLINE_S)

    def _commit(self, jobs: Sequence[_Job]) -> None:
        try:
            outcomes = [self._attempt(job) for job in jobs]
        except sqlite3.Error as error:
            self._roll_back()
            if len(jobs) == 1:
                _answer([(jobs[0], None, translate(error, self._path))])
            else:
                self._commit_one_by_one(jobs)
            return
        try:
            self._connection.execute("COMMIT")
        except sqlite3.Error as error:
            self._roll_back()
            _answer([(job, None, self._uncommitted(error)) for job in jobs])
        else:
            _answer(outcomes)

    def _commit_one_by_one(self, jobs: Sequence[_Job]) -> None:
        # One operation met an error that ended the transaction: the others must not fail for it.
        for number, job in enumerate(jobs):
            try:
                self._begin()
            except sqlite3.Error as error:
                _answer([(late, None, translate(error, self._path)) for late in jobs[number:]])
                return
            self._commit([job])

    def _attempt(self, job: _Job) -> _Outcome:
        self._connection.execute("SAVEPOINT operation")
        try:
            outcome: _Outcome = (job, job.operation(self._connection), None)
        except sqlite3.Error:
            raise
        except Exception as error:
            self._connection.execute("ROLLBACK TO operation")
            outcome = (job, None, error)
        self._connection.execute("RELEASE operation")
        return outcome

    def _roll_back(self) -> None:
        # SQLite has rolled back by itself after some errors.
        with contextlib.suppress(sqlite3.Error):
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")

    def _uncommitted(self, error: sqlite3.Error) -> Exception:
        failure = translate(error, self._path)
        if isinstance(failure, StoreUnavailable):
            # The records may be in the file with only their sync failed.
            failure = Indeterminate(f"{self._path.name}: {error}")
            failure.__cause__ = error
        return failure

    def _do_chores(self) -> None:
        with self._condition:
            chores = list(self._chores.values())
        more = False
        for chore in chores:
            with contextlib.suppress(sqlite3.Error):  # the next round tries again; writes report what is wrong
                more |= chore(self._connection)
        self._next_chores_s = _later(0.1 if more else CHORE_INTERVAL_S)


def patiently(step: Callable[[], T], deadline_s: float = BUSY_DEADLINE_S) -> T:
    """Run `step` until no other connection is in its way.

    SQLite's own waiting backs off to 100 ms and starves whoever is late; many short waits are fairer between processes.
    """
    end_s = time.monotonic() + deadline_s
    while True:
        try:
            return step()
        except sqlite3.OperationalError as error:
            if not is_busy(error) or time.monotonic() >= end_s:
                raise
            time.sleep(random.uniform(0.0002, 0.003))


def _later(interval_s: float) -> float:
    return time.monotonic() + interval_s * random.uniform(0.5, 1.0)


def _answer(outcomes: Sequence[_Outcome]) -> None:
    by_loop: dict[asyncio.AbstractEventLoop, list[_Outcome]] = {}
    for outcome in outcomes:
        by_loop.setdefault(outcome[0].loop, []).append(outcome)
    for loop, group in by_loop.items():
        with contextlib.suppress(RuntimeError):  # the loop was closed: nobody waits there
            loop.call_soon_threadsafe(_resolve, group)


def _resolve(outcomes: Sequence[_Outcome]) -> None:
    for job, result, error in outcomes:
        if job.future.done():
            continue
        if error is None:
            job.future.set_result(result)
        else:
            job.future.set_exception(error)
