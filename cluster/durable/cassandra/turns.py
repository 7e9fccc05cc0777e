"""Turns on partitions: who comes to one that is taken waits, and all others go on.

Belongs to one event loop. Remembers only partitions that somebody holds or waits for.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Final

from cluster.errors import Overloaded, StoreUnavailable

QUEUE_LIMIT: Final = 4096


class Turns:
    """Gives each partition to one holder at a time, in the order in which they came."""

    def __init__(self, deadline_s: float) -> None:
        self._deadline_s = deadline_s
        self._locks: dict[str, asyncio.Lock] = {}
        self._holders: dict[str, int] = {}
        self._count = 0

    @contextlib.asynccontextmanager
    async def of(self, partition: str) -> AsyncIterator[None]:
        """Hold the partition.

        Raises:
            Overloaded: too many wait.
            StoreUnavailable: the turn did not come in time.
        """
        if self._count >= QUEUE_LIMIT:
            raise Overloaded("Too many writes wait for their partition")
        self._count += 1
        self._holders[partition] = self._holders.get(partition, 0) + 1
        lock = self._locks.setdefault(partition, asyncio.Lock())
        try:
            try:
                async with asyncio.timeout(self._deadline_s):
                    await lock.acquire()
            except TimeoutError as error:
                raise StoreUnavailable("Too many writes wait for this partition") from error
            try:
                yield
            finally:
                lock.release()
        finally:
            self._count -= 1
            self._holders[partition] -= 1
            if not self._holders[partition]:
                del self._holders[partition], self._locks[partition]
