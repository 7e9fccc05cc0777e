"""Waiting for a condition, never for a time."""

import asyncio
import time
from collections.abc import Callable


def until(condition: Callable[[], bool], timeout_s: float = 20) -> float:
    """Return how long it took, in seconds, until the condition held; fail if that is too long."""
    started_s = time.monotonic()
    while not condition():
        assert time.monotonic() - started_s < timeout_s, "the condition did not come true"
        time.sleep(0.02)
    return time.monotonic() - started_s


async def until_async(condition: Callable[[], bool]) -> None:
    """Let the other tasks run until the condition holds."""
    async with asyncio.timeout(20):
        while not condition():  # noqa: ASYNC110 -- the condition is another object's state
            await asyncio.sleep(0.001)
