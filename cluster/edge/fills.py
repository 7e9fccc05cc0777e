"""Fills of the cache from the origin: one an object, however many ask for it.

A fill belongs to nobody who waits for it: a client that leaves breaks neither the fill nor the others. What the disk doesn't take
goes to memory, and what that doesn't take either is left to those who ask, with its size.
Bounded: fills at once, fills and waiters in line, and the time of each. Knows no HTTP.
"""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Final

import msgspec
import structlog

from cluster.edge.cache import Cached, DiskCache
from cluster.edge.counters import Counters
from cluster.edge.memory import MemoryCache
from cluster.edge.origin import Fetched, Origin
from cluster.errors import OriginUnavailable, Overloaded, StorageFull

log = structlog.get_logger()

FILLS_AT_ONCE: Final = 32
FILLS_IN_LINE: Final = 1024
WAITERS_LIMIT: Final = 8192
FILL_TIMEOUT_S: Final = 30.0
DISK_PAUSE_S: Final = 5.0
SIZES_LIMIT: Final = 4096


class Uncached(msgspec.Struct, frozen=True):
    """An object that neither the disk nor memory takes: it is too large, or there is no room."""

    size_bytes: int


class Fills:
    """The fills under way."""

    def __init__(
        self,
        cache: DiskCache,
        memory: MemoryCache,
        origin: Origin,
        counters: Counters,
        *,
        timeout_s: float = FILL_TIMEOUT_S,
        monotonic_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._cache, self._memory, self._origin, self._counters = cache, memory, origin, counters
        self._timeout_s = timeout_s
        self._monotonic_s = monotonic_s
        self._running: dict[str, asyncio.Task[Cached | Uncached]] = {}
        self._slots = asyncio.Semaphore(FILLS_AT_ONCE)
        self._disk_rests_until_s = float("-inf")
        # Of what was not taken: the next who ask need no fetch to learn it.
        self._sizes: OrderedDict[str, int] = OrderedDict()
        self.waiters = 0

    def __len__(self) -> int:
        return len(self._running)

    async def get(self, name: str) -> Cached | Uncached:
        """Return the object once it is held whole, or its size where it isn't taken.

        Raises:
            ObjectNotFound: the origin has no such object.
            OriginUnavailable: the origin fails or is too slow.
            Overloaded: too many fills or waiters.
        """
        task = self._running.get(name)
        if task is None and (size_bytes := self._sizes.get(name)) is not None and not self._has_room(size_bytes):
            return Uncached(size_bytes)
        if self.waiters >= WAITERS_LIMIT or (task is None and len(self._running) >= FILLS_IN_LINE):
            raise Overloaded("Too many files are being fetched", retry_after_s=1)
        if task is None:
            task = self._running[name] = asyncio.create_task(self._fill_in_time(name))
            task.add_done_callback(lambda done: self._ended(name, done))
        self.waiters += 1
        try:
            return await asyncio.shield(task)
        finally:
            self.waiters -= 1

    async def close(self) -> None:
        """End all fills; nothing half-written stays."""
        tasks = list(self._running.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _ended(self, name: str, task: asyncio.Task[Cached | Uncached]) -> None:
        del self._running[name]
        if not task.cancelled():
            task.exception()  # all who waited may have left; then nobody else looks at it

    async def _fill_in_time(self, name: str) -> Cached | Uncached:
        try:
            async with asyncio.timeout(self._timeout_s), self._slots:
                return await self._fill(name)
        except TimeoutError as error:
            self._counters.origin_errors += 1
            raise OriginUnavailable(f"The origin did not send the file within {self._timeout_s:g} s", retry_after_s=2) from error

    async def _fill(self, name: str) -> Cached | Uncached:
        found = await self._fetch(name)
        held: Cached | None = None
        if self._disk_has_room(found.size_bytes):
            try:
                held = await self._cache.store(name, found.size_bytes, found.chunks)
            except StorageFull:
                pass
            except OSError as error:
                self._counters.disk_errors += 1
                self._disk_rests_until_s = self._monotonic_s() + DISK_PAUSE_S
                log.warning("the cache's disk takes no file; serving past it", error=error.strerror, pause_s=DISK_PAUSE_S)
                found = await self._fetch(name)  # the disk had some of its bytes
        if held is None and self._memory.has_room(found.size_bytes):
            try:
                held = await self._memory.store(name, found.size_bytes, found.chunks)
            except OSError as error:
                log.warning("no memory for a file; serving past it", error=error.strerror)
        if held is None:
            self._sizes[name] = found.size_bytes
            if len(self._sizes) > SIZES_LIMIT:
                self._sizes.popitem(last=False)
            return Uncached(found.size_bytes)
        self._counters.fill_bytes += found.size_bytes
        return held

    async def _fetch(self, name: str) -> Fetched:
        self._counters.fills += 1
        return await self._origin.fetch(name)

    def _has_room(self, size_bytes: int) -> bool:
        return self._disk_has_room(size_bytes) or self._memory.has_room(size_bytes)

    def _disk_has_room(self, size_bytes: int) -> bool:
        return self._monotonic_s() >= self._disk_rests_until_s and self._cache.has_room(size_bytes)
