"""The supervisor with a head that starts no Ray; the edge is the real one. Each run is a process, as with `up`."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from cluster.launch.instance import Process, State, read
from cluster.settings import load
from tests.running import eventually, instance_environment

SCRIPT = """
import sys
from cluster.launch.instance import Instance
from cluster.launch.supervisor import Supervisor, sweep_stale
from cluster.settings import load

settings = load()
instance = Instance.claim(settings.data)
sweep_stale(instance)
edge = sys.argv[2] == "edge"
supervisor = Supervisor(settings, instance, ray_address=sys.argv[1], edge=edge, head_module="tests.cluster.launch.fake_head")
code = supervisor.run(lambda state: None)
instance.release(keep_state=True)
sys.exit(code)
"""


class Run:
    """A supervisor that runs."""

    def __init__(self, data: Path, behaviour: str, *, edge: bool = False) -> None:
        self.env = instance_environment(data)
        self.settings = load(data=data, edge_port=int(self.env["MATINEE_EDGE_PORT"]))
        self.edge_url = self.settings.own_edge_url
        argv = [sys.executable, "-c", SCRIPT, behaviour, "edge" if edge else "none"]
        self.process = subprocess.Popen(argv, env=self.env, cwd=Path(__file__).parents[3])

    @property
    def state(self) -> State | None:
        return read(self.settings.data)

    def ready(self) -> State:
        def look() -> State | None:
            state = self.state
            return state if state is not None and state.ready else None

        return eventually(look)

    def below(self) -> list[Process]:
        return [Process.of(child.pid) for child in psutil.Process(self.process.pid).children(recursive=True)]


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Any]:
    runs: list[Run] = []

    def start(behaviour: str = "lives", *, edge: bool = False) -> Run:
        runs.append(Run(tmp_path / "data", behaviour, edge=edge))
        return runs[-1]

    yield start
    for each in runs:
        each.process.kill()
        each.process.wait()
        if each.state is not None:
            shutil.rmtree(each.state.run_dir, ignore_errors=True)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_all_and_succeeds(run: Any, number: signal.Signals) -> None:
    supervisor = run()
    supervisor.ready()
    below = supervisor.below()
    assert len(below) == 2
    supervisor.process.send_signal(number)
    assert supervisor.process.wait(20) == 0
    assert [process for process in below if process.alive] == []
    assert not Path(supervisor.state.run_dir).exists()


@pytest.mark.parametrize(
    ("behaviour", "code", "said"),
    [
        ("fails", 1, "the store is damaged"),
        ("is misconfigured", 2, "a variable is missing"),
        ("crashes", 1, "Ray ended unexpectedly"),
        ("loses ray", 1, r"Ray died (raylet)"),
    ],
)
def test_an_end_without_demand_is_told_and_fails(run: Any, behaviour: str, code: int, said: str) -> None:
    supervisor = run(behaviour)
    assert supervisor.process.wait(20) == code
    assert said in supervisor.state.failed
    assert not supervisor.state.ready


def test_what_was_orphaned_below_is_ended_too(run: Any) -> None:
    supervisor = run("leaves orphans")
    supervisor.ready()
    below = eventually(lambda: found if len(found := supervisor.below()) == 3 else None)
    supervisor.process.terminate()
    supervisor.process.wait(20)
    assert [process for process in below if process.alive] == []


def test_after_kill_9_the_next_start_ends_what_was_left(run: Any) -> None:
    first = run("leaves orphans")
    first.ready()
    recorded = first.settings.data / "run/descendants.json"

    def all_recorded() -> list[Process]:
        found = first.below()
        known = recorded.read_text() if recorded.exists() else ""
        return found if len(found) == 3 and all(str(process.pid) in known for process in found) else []

    below = eventually(all_recorded)
    os.kill(first.process.pid, signal.SIGKILL)
    first.process.wait()
    second = run()
    eventually(lambda: second.state is not None and second.state.supervisor.pid == second.process.pid)
    second.ready()
    assert [process for process in below if process.alive] == []


def test_ready_means_that_the_edge_answers(run: Any) -> None:
    supervisor = run(edge=True)
    state = supervisor.ready()
    assert state.edge == "runs"
    assert httpx.get(supervisor.edge_url + "/health").status_code == 200


def test_a_killed_edge_is_back_within_3_seconds_every_time(run: Any) -> None:
    supervisor = run(edge=True)
    supervisor.ready()
    for _ in range(3):
        (edge,) = [child for child in psutil.Process(supervisor.process.pid).children() if "cluster.edge" in child.cmdline()]
        edge.kill()
        killed_s = time.monotonic()
        psutil.wait_procs([edge])
        eventually(lambda: _answers(supervisor.edge_url))
        assert time.monotonic() - killed_s < 3.0
        eventually(lambda: supervisor.state.edge == "runs")


def test_an_edge_that_never_answers_fails_the_start_with_its_last_words(run: Any, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data/edge-cache").write_text("a file in the place of the cache")
    supervisor = run(edge=True)
    assert supervisor.process.wait(30) == 2
    assert "The edge does not start: " in supervisor.state.failed
    assert str(tmp_path / "data/edge-cache") in supervisor.state.failed


def _answers(url: str) -> bool:
    try:
        return httpx.get(url + "/health", timeout=0.5).status_code == 200
    except httpx.HTTPError:
        return False
