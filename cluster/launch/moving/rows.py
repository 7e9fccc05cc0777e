"""Moves the rows of a table, page by page, and counts them.

Main path: `pages` of the source -> a few of them loaded at once -> the place that all of them have passed, by which a move goes on.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator, Callable
from functools import partial
from typing import Final, Protocol

from cluster.durable import Row, Store
from cluster.launch.moving.counting import Count, Counted, line_of
from cluster.launch.moving.pacing import patiently

PAGE: Final = 1000
LOADS_AT_ONCE: Final = 4


class Readable(Protocol):
    """A table that can be read as a whole: an open store, or a file of a backup."""

    async def read_all(self, after: str | None = None, *, limit: int = 500) -> tuple[list[Row], str | None]:
        """See `Store.read_all`."""
        ...


class Clock:
    """Says the time; once it is held, always the same, so that two readers take the same rows for expired."""

    def __init__(self) -> None:
        self._held_s: float | None = None

    def __call__(self) -> float:
        """Return the seconds since 1970."""
        return time.time() if self._held_s is None else self._held_s

    def hold(self) -> None:
        """Stand still."""
        self._held_s = time.time()


async def pages(table: Readable, after: str | None = None) -> AsyncIterator[tuple[list[Row], str | None]]:
    """Yield all pages past `after`, each with the place where the next begins."""
    while True:
        rows, after = await patiently(partial(table.read_all, after, limit=PAGE))
        yield rows, after
        if after is None:
            return


async def move(source: Readable, target: Store, after: str | None, passed: Callable[[int, str | None], None]) -> None:
    """Load all rows past `after`; `passed` hears how many more are in the target for good, and the place that they end at."""
    loading: deque[tuple[asyncio.Task[None], int, str | None]] = deque()

    async def first_of_them() -> None:
        task, count, place = loading[0]
        await task
        loading.popleft()
        passed(count, place)

    try:
        async for rows, place in pages(source, after):
            loading.append((asyncio.create_task(patiently(partial(target.load, rows))), len(rows), place))
            if len(loading) >= LOADS_AT_ONCE:
                await first_of_them()
        while loading:
            await first_of_them()
    finally:
        for task, *_ in loading:
            task.cancel()
        await asyncio.gather(*(task for task, *_ in loading), return_exceptions=True)


async def counted(table: Readable) -> Counted:
    """Count the rows of a table."""
    count = Count()
    async for rows, _ in pages(table):
        for row in rows:
            count.add(line_of(row))
    return count.counted


async def is_empty(table: Readable) -> bool:
    """Say whether a table has no row."""
    async for rows, _ in pages(table):
        if rows:
            return False
    return True
