"""Real edges for the tests of this folder."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cluster.edge.running import SEGMENT, RunningEdge, StartEdge


@pytest.fixture(scope="package")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningEdge]:
    """An edge for the tests that leave it as it was."""
    edge = RunningEdge(tmp_path_factory.mktemp("edge"))
    edge.put_film("master.m3u8", b"#EXTM3U")
    edge.put_film("v720/00001.m4s", SEGMENT)
    yield edge
    assert edge.stop() == 0


@pytest.fixture
def start_edge(tmp_path: Path) -> Iterator[StartEdge]:
    """Start edges as the test wants them, in its folder; they end with the test."""
    started: list[RunningEdge] = []

    def start(**options: Any) -> RunningEdge:
        started.append(RunningEdge(tmp_path, **options))
        return started[-1]

    yield start
    for edge in started:
        if edge.process.poll() is None:
            edge.stop()


@pytest.fixture
def own(start_edge: StartEdge) -> RunningEdge:
    """An edge that the test may fill, kill and start again."""
    return start_edge()
