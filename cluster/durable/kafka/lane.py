"""The records of one partition on their way to the brokers: gathered while those before them are under way, then written together."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Final

from cluster.durable.entries import Record

APPEND_DEADLINE_S: Final = 8.0
"""Longer than brokers take to agree on new leaders."""
GATHER_S: Final = 1.0
"""How long a batch takes more while it waits: its deadline is that of its first record."""
BATCH_BYTES: Final = 128 << 10


class Batch:
    """Records that are written together, and what became of them."""

    def __init__(self, partition: int, now_s: float) -> None:
        self.partition = partition
        self.records: list[Record] = []
        self.deadline_s = now_s + APPEND_DEADLINE_S
        self.sent = False
        self.settled = False
        self.offset: int | None = None
        """Where its first record stands, once that is known."""
        self.failure: BaseException | None = None
        self._takes_until_s = now_s + GATHER_S
        self._size_bytes = 0
        self._waiters: list[asyncio.Future[None]] = []

    def takes(self, record: Record, now_s: float) -> bool:
        """Tell whether a record may be added; one that is larger than a batch is alone in it."""
        return now_s < self._takes_until_s and self._size_bytes + len(record.raw) <= BATCH_BYTES

    def add(self, record: Record) -> int:
        """Add a record and return which of the batch it is."""
        self.records.append(record)
        self._size_bytes += len(record.raw)
        return len(self.records) - 1

    def wait(self) -> asyncio.Future[None]:
        """Return what is done once the batch is settled; each who waits has one of their own, and may cancel it."""
        waiter = asyncio.get_running_loop().create_future()
        self._waiters.append(waiter)
        return waiter

    def settle(self) -> None:
        """Let those who wait see what became of it."""
        self.settled = True
        for waiter in self._waiters:
            if not waiter.done():
                waiter.set_result(None)


class Lane:
    """Writes the batches of one partition in turn, by a task that is there while there are any."""

    def __init__(self, partition: int, write: Callable[[Batch], Awaitable[None]]) -> None:
        self.task: asyncio.Task[None] | None = None
        self._partition = partition
        self._write = write
        self._waiting: deque[Batch] = deque()

    def add(self, record: Record, now_s: float) -> tuple[Batch, int]:
        """Add a record to what waits; return its batch, and which of it it is."""
        waiting = self._waiting
        if not waiting or not waiting[-1].takes(record, now_s):
            waiting.append(Batch(self._partition, now_s))
        if self.task is None:
            self.task = asyncio.create_task(self._run())
        return waiting[-1], waiting[-1].add(record)

    async def _run(self) -> None:
        try:
            while self._waiting:
                batch = self._waiting.popleft()
                try:
                    await self._write(batch)
                finally:
                    batch.settle()
                if batch.offset is None:
                    self._give_up(batch.failure)
        finally:
            self.task = None
            self._give_up(None)

    def _give_up(self, failure: BaseException | None) -> None:
        # Written all the same, they would stand there without what was to stand before them.
        for batch in self._waiting:
            batch.failure = failure
            batch.settle()
        self._waiting.clear()
