"""Rows, sets and streams on three real nodes of which one is killed or stands still; some clients' clocks are wrong."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from cluster.launch.servers.nodes import Nodes
from tests.histories.nemeses import Kill, Nemesis, Pause
from tests.histories.trial import SKEW_S, Trial, on_the_store, urls_of
from tests.running import eventually

pytestmark = [pytest.mark.durable, pytest.mark.three_nodes, pytest.mark.timeout(600)]

HELD_S = 5.0


@pytest.mark.parametrize("nemesis", [Kill(), Pause()], ids=["kill", "pause"])
def test_every_history_can_be_explained(three: Nodes, tmp_path: Path, nemesis: Nemesis) -> None:
    trial = Trial(on_the_store(urls_of(three, "histories"), tmp_path, nemesis.name, skew_s=SKEW_S))
    with trial.running():
        trial.more()
        nemesis.strike(three, three.nodes[1])
        struck_s = time.monotonic()
        try:
            eventually(lambda: time.monotonic() > struck_s + HELD_S)
            trial.more()
        finally:
            nemesis.heal(three, three.nodes[1])
        trial.more()
    assert trial.faults() == []
