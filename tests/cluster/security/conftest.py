"""A clock that stands still until told, and stores in a fresh directory."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from cluster.durable import Store, Table, open_store

SECRET = b"a secret of a test installation"
START_S = 1_800_000_000.0


class Clock:
    def __init__(self, now_s: float = START_S) -> None:
        self.at_s = now_s

    def __call__(self) -> float:
        return self.at_s

    def advance(self, seconds: float) -> None:
        self.at_s += seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def opened(tmp_path: Path, clock: Clock) -> Callable[[Table], Awaitable[Store]]:
    async def open_table(table: Table) -> Store:
        return await open_store(f"sqlite:{tmp_path}", table, clock)

    return open_table
