from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator

import psutil
import pytest

from cluster.launch import ending
from cluster.launch.environment import RUN_ID
from cluster.launch.instance import Process

STUBBORN = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('ready', flush=True); time.sleep(60)"
POLITE = "import signal, sys, time; signal.signal(signal.SIGTERM, lambda *_: sys.exit(7)); print('ready', flush=True); time.sleep(60)"


def start(code: str, **environ: str) -> subprocess.Popen[bytes]:
    child = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, env={**os.environ, **environ})
    assert child.stdout is not None
    assert child.stdout.readline() == b"ready\n"
    return child


@pytest.fixture
def children() -> Iterator[list[subprocess.Popen[bytes]]]:
    started: list[subprocess.Popen[bytes]] = []
    yield started
    for child in started:
        child.kill()
        child.wait()
        assert child.stdout is not None
        child.stdout.close()


def test_a_process_ends_politely_if_it_can(children: list[subprocess.Popen[bytes]]) -> None:
    children.append(start(POLITE))
    assert ending.end([Process.of(children[0].pid)], grace_s=10) == []
    assert children[0].wait() == 7


def test_a_stubborn_process_is_killed(children: list[subprocess.Popen[bytes]]) -> None:
    children.append(start(STUBBORN))
    assert ending.end([Process.of(children[0].pid)], grace_s=0.1) == []
    assert children[0].wait() == -signal.SIGKILL


def test_another_process_with_the_recorded_pid_is_left_alone(children: list[subprocess.Popen[bytes]]) -> None:
    children.append(start(STUBBORN))
    assert ending.end([Process(children[0].pid, "another boot/12")]) == []
    assert children[0].poll() is None


def test_only_processes_with_the_runs_mark_are_found(children: list[subprocess.Popen[bytes]]) -> None:
    children += [start(STUBBORN, **{RUN_ID: "mine"}), start(STUBBORN, **{RUN_ID: "mine-too"})]
    assert [process.pid for process in ending.marked("mine")] == [children[0].pid]


def test_descendants_include_the_children_of_children(children: list[subprocess.Popen[bytes]]) -> None:
    nested = (
        "import subprocess, sys, time\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])\n"
        "print('ready', flush=True)\n"
        "time.sleep(60)\n"
    )
    children.append(start(nested))
    family = psutil.Process(children[0].pid)
    mine = {family.pid, *(child.pid for child in family.children())}  # the suite has children of its own
    found = [process for process in ending.descendants() if process.pid in mine]
    assert len(found) == 2
    assert ending.end(found) == []


def test_waiting_returns_those_that_are_still_there(children: list[subprocess.Popen[bytes]]) -> None:
    children.append(start(STUBBORN))
    mine = Process.of(children[0].pid)
    assert ending.wait([mine], 0.05) == [mine]
