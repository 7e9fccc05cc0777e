"""How what moves an installation waits: again and again for what is not available, and for many steps at once."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable
from typing import Any, Final, TypeVar

from cluster.errors import Unavailable

T = TypeVar("T")

PATIENCE_S: Final = 60.0
_LONGEST_PAUSE_S: Final = 2.0


async def patiently(ask: Callable[[], Awaitable[T]]) -> T:
    """Do what may be done twice, again and again for a minute while it is not available."""
    ends_s, pause_s = time.monotonic() + PATIENCE_S, 0.1
    while True:
        try:
            return await ask()
        except Unavailable:
            if time.monotonic() > ends_s:
                raise
        await asyncio.sleep(pause_s)
        pause_s = min(_LONGEST_PAUSE_S, pause_s * 2)


async def together(steps: Iterable[Callable[[], Awaitable[Any]]], at_once: int) -> None:
    """Take all steps, a few side by side; the first that fails ends the others."""
    waiting = iter(steps)

    async def some() -> None:
        for step in waiting:
            await step()

    tasks = [asyncio.create_task(some()) for _ in range(at_once)]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
