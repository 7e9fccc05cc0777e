"""Rates of operations, ours and bare in turns."""

from __future__ import annotations

import argparse
import asyncio
import statistics
import time
from collections.abc import Awaitable, Callable
from typing import Any

Operation = Callable[[int], Awaitable[Any]]


async def rate(operation: Operation, at_once: int, seconds: float) -> float:
    """Return how many operations a second were done, each of `at_once` callers beginning the next when one is answered."""
    began_s, done = time.perf_counter(), 0

    async def call(caller: int) -> None:
        nonlocal done
        while time.perf_counter() - began_s < seconds:
            await operation(caller)
            done += 1

    await asyncio.gather(*(call(caller) for caller in range(at_once)))
    return done / (time.perf_counter() - began_s)


async def compare(label: str, ours: Operation, bare: Operation, at_once: int, options: argparse.Namespace, least: float) -> None:
    """Print a row: both rates, their ratio, and what it should at least be."""
    rates: dict[str, list[float]] = {"ours": [], "bare": []}
    for operation in (ours, bare):
        await rate(operation, at_once, 1.0)
    for _ in range(options.rounds):
        rates["ours"].append(await rate(ours, at_once, options.seconds))
        rates["bare"].append(await rate(bare, at_once, options.seconds))
    mine, theirs = (statistics.median(rates[name]) for name in ("ours", "bare"))
    print(f"{label:<44} {mine:>9,.0f}/s {theirs:>9,.0f}/s {mine / theirs:6.2f}  (at least {least})", flush=True)
