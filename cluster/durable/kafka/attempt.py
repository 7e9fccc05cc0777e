"""An attempt that whoever comes meanwhile shares, so that a hundred callers open one connection and wait no longer than one."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Generic, TypeVar

from cluster.errors import StoreUnavailable

T = TypeVar("T")


class Attempt(Generic[T]):
    """Runs once, and again only after it failed or was dropped; a caller that gives up does not end it for the others."""

    def __init__(self, run: Callable[[], Coroutine[Any, Any, T]]) -> None:
        self._run = run
        self._task: asyncio.Task[T] | None = None

    async def result(self) -> T:
        """Return what it gave, or run it."""
        if self._task is None or (self._task.done() and (self._task.cancelled() or self._task.exception() is not None)):
            self._task = asyncio.create_task(self._run())
            self._task.add_done_callback(_look_at)
        task = self._task
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            if task.cancelled():  # by drop(), not the caller
                raise StoreUnavailable("The log is closed") from None
            raise

    def value(self) -> T | None:
        """Return what it gave, or None while it has given nothing."""
        task = self._task
        return task.result() if task is not None and task.done() and not task.cancelled() and task.exception() is None else None

    def drop(self) -> None:
        """Forget what it gave, and end it if it still runs."""
        if self._task is not None:
            self._task.cancel()
            self._task = None


def _look_at(task: asyncio.Task[Any]) -> None:
    if not task.cancelled():
        task.exception()  # told to those who wait; asyncio need not complain where nobody does any more
