"""Installations that one test moves to another."""

import asyncio
import subprocess
from pathlib import Path

import pytest

from cluster.durable import Row, open_store
from cluster.launch.tables import MOVED
from cluster.settings import Settings
from tests.cluster.launch.moving.filled import filled
from tests.running import COMMAND, instance_environment


@pytest.fixture
def source(tmp_path: Path) -> Settings:
    """A small embedded installation; its places are several pages long."""
    return filled(tmp_path / "source", accounts=30, places=90)


def matinee(data: Path, *arguments: str | Path, **settings: object) -> subprocess.CompletedProcess[str]:
    command = [*COMMAND, *map(str, arguments)]
    return subprocess.run(command, env=instance_environment(data, **settings), capture_output=True, text=True, timeout=900, check=False)


def one_line(done: subprocess.CompletedProcess[str], code: int = 1) -> str:
    (line,) = done.stderr.strip().splitlines()
    assert done.returncode == code, line
    return line.removeprefix("matinee: ")


def rows_of(store_url: str) -> dict[str, list[Row]]:
    """Every row of every table, in order."""

    async def go() -> dict[str, list[Row]]:
        found = {}
        for table in MOVED:
            store = await open_store(store_url, table)
            after, rows = None, []
            while True:
                page, after = await store.read_all(after)
                rows += page
                if after is None:
                    break
            found[table.name] = sorted(rows, key=lambda row: (row.partition, row.sort))
            await store.close()
        return found

    return asyncio.run(go())
