"""Real edges for the tests of this folder."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cluster.edge.running import SEGMENT, RunningEdge


@pytest.fixture(scope="package")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningEdge]:
    """An edge for the tests that leave it as it was."""
    edge = RunningEdge(tmp_path_factory.mktemp("edge"))
    edge.put_film("master.m3u8", b"#EXTM3U")
    edge.put_film("v720/00001.m4s", SEGMENT)
    yield edge
    assert edge.stop() == 0


@pytest.fixture
def own(tmp_path: Path) -> Iterator[RunningEdge]:
    """An edge that the test may fill, kill and start again."""
    edge = RunningEdge(tmp_path)
    yield edge
    if edge.process.poll() is None:
        edge.stop()
