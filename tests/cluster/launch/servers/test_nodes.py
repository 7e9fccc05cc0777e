"""Nodes as processes; here a small program stands for the server."""

import os
import signal
import socket
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from cluster.errors import AlreadyRunning, Misconfigured, PortUnavailable, StartFailed
from cluster.launch import ending
from cluster.launch.instance import Process
from cluster.launch.servers import java
from cluster.launch.servers.nodes import Nodes
from cluster.launch.servers.plan import Plan
from tests.running import free_ports

# Listens where it should; its name is that of the program that runs it.
PROGRAM = """
import socket, sys
listener = socket.socket()
listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
listener.bind((sys.argv[1], int(sys.argv[2])))
listener.listen()
while True:
    listener.accept()[0].close()
"""


class Listener:
    """Implements `Software` by PROGRAM."""

    name, title, coordinates, default_port = "listener", "Listener 1.0", (), 4

    def prepare(self, folder: Path, plan: Plan, number: int, java: Path, jars: Path) -> None:
        (folder / "program.py").write_text(PROGRAM)
        (folder / "at").write_text(f"{plan.hosts[number - 1]} {plan.port}")

    def arguments(self, folder: Path, jars: Path) -> list[str]:
        return ["program.py", *(folder / "at").read_text().split()]

    def answers(self, host: str, plan: Plan) -> bool:
        try:
            socket.create_connection((host, plan.port), timeout=2).close()
        except OSError:
            return False
        return True

    def url(self, plan: Plan) -> str:
        return f"listener://{plan.port}"


class Broken(Listener):
    def arguments(self, folder: Path, jars: Path) -> list[str]:
        return ["-c", "import sys; sys.exit('Error: this cannot work')"]


# Starts a node as a test does, and waits to be killed.
STARTER = """
import sys
from pathlib import Path
import cluster.launch.servers.nodes as nodes
from tests.cluster.launch.servers.test_nodes import Listener
nodes.find_java = lambda: Path(sys.argv[2])
nodes.Nodes.made(Path(sys.argv[1]), Listener(), port=0, throwaway=True).start(Path())
print("ready", flush=True)
input()
"""


@pytest.fixture(autouse=True)
def fake_java(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # The interpreter under Java's name: who stops a node looks at the name.
    folder = tmp_path / "bin"
    folder.mkdir()
    (folder / "java").symlink_to(sys.executable)
    monkeypatch.setattr("cluster.launch.servers.nodes.find_java", lambda: folder / "java")


@pytest.fixture
def nodes(tmp_path: Path) -> Iterator[Nodes]:
    made = Nodes.made(tmp_path / "group", Listener(), count=2, port=0)
    yield made
    made.stop()


def again(nodes: Nodes) -> Nodes:
    """What another process finds in the same folder."""
    found = Nodes.found(nodes.folder, nodes.software)
    assert found is not None
    return found


def test_nodes_run_until_they_are_stopped_by_whoever(nodes: Nodes, tmp_path: Path) -> None:
    assert nodes.start(tmp_path)
    assert nodes.ready
    other = again(nodes)
    assert other.ready
    assert not other.start(tmp_path)
    assert other.stop() == 2
    assert other.stop() == 0
    assert not nodes.running


def test_a_killed_node_starts_again_at_its_port(nodes: Nodes, tmp_path: Path) -> None:
    nodes.start(tmp_path)
    nodes.nodes[1].kill()
    assert nodes.running == [nodes.nodes[0]]
    assert not nodes.ready
    assert again(nodes).start(tmp_path)
    assert again(nodes).url == nodes.url
    assert again(nodes).stop() == 2


def test_a_node_that_stands_still_is_ended_too(nodes: Nodes, tmp_path: Path) -> None:
    nodes.start(tmp_path)
    nodes.nodes[0].pause()
    assert nodes.stop() == 2


def test_a_pid_that_is_anothers_by_now_is_left_alone(nodes: Nodes, tmp_path: Path) -> None:
    stranger = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    try:
        record = nodes.nodes[0].folder / "process.json"
        record.parent.mkdir(parents=True)
        for claimed in (Process(stranger.pid, "another boot/1"), Process.of(stranger.pid)):
            record.write_bytes(msgspec.json.encode(claimed))
            assert nodes.nodes[0].process is None
            assert nodes.stop() == 0
        assert stranger.poll() is None
    finally:
        stranger.communicate()


def test_a_node_that_ends_at_once_says_why_and_takes_the_others_along(tmp_path: Path) -> None:
    nodes = Nodes.made(tmp_path / "group", Broken(), count=2, port=0)
    with pytest.raises(StartFailed, match=r"Listener 1\.0 on 127\.0\.0\.[12] ended at once: Error: this cannot work"):
        nodes.start(tmp_path)
    assert not nodes.running


def test_a_port_in_use_is_told(tmp_path: Path) -> None:
    (port,) = free_ports(1)
    nodes = Nodes.made(tmp_path / "group", Listener(), port=port)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", port))
        taken.listen()
        with pytest.raises(PortUnavailable, match=f"127.0.0.1:{port}: it is in use"):
            nodes.start(tmp_path)


def test_a_group_keeps_its_size_and_while_it_runs_its_port(nodes: Nodes, tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match="made with 2 nodes"):
        Nodes.made(nodes.folder, nodes.software, count=3)
    nodes.start(tmp_path)
    (other,) = free_ports(1)
    with pytest.raises(AlreadyRunning, match=f"on port {nodes.plan.port}"):
        Nodes.made(nodes.folder, nodes.software, count=2, port=other)
    nodes.stop()
    assert Nodes.made(nodes.folder, nodes.software, count=2, port=other).plan.port == other


def test_two_do_not_start_the_same_at_once(nodes: Nodes, tmp_path: Path) -> None:
    with nodes._held(), pytest.raises(AlreadyRunning, match="by another process"):
        again(nodes).start(tmp_path)


def test_what_is_thrown_away_ends_with_who_started_it(tmp_path: Path) -> None:
    folder = tmp_path / "group"
    starter = subprocess.Popen(
        [sys.executable, "-c", STARTER, str(folder), str(tmp_path / "bin" / "java")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert starter.stdout is not None
    assert starter.stdout.readline() == "ready\n"
    found = Nodes.found(folder, Listener())
    assert found is not None
    assert found.running
    node = found.nodes[0].process
    assert node is not None
    starter.send_signal(signal.SIGKILL)
    starter.communicate()
    assert ending.wait([node], 10) == []


@pytest.mark.parametrize(
    ("told", "major"),
    [
        ('openjdk version "17.0.15" 2025-04-15', 17),
        ('java version "1.8.0_292"', 8),
        ('openjdk version "21" 2023-09-19', 21),
        ('openjdk version "25-ea" 2025-09-16', 25),
        ("no idea", None),
    ],
)
def test_java_tells_its_version(told: str, major: int | None) -> None:
    assert java.major(told) == major


@pytest.mark.parametrize(
    ("script", "said"),
    [
        (None, "There is no `java` on PATH"),
        ("echo 'openjdk version \"11.0.2\" 2019-01-15' >&2", "is Java 11"),
        ("exit 1", "does not say its version"),
    ],
)
def test_a_java_that_cannot_run_them_is_told_plainly(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str | None, said: str
) -> None:
    folder = tmp_path / "path"
    folder.mkdir()
    if script is not None:
        (folder / "java").write_text(f"#!/bin/sh\n{script}\n")
        (folder / "java").chmod(stat.S_IRWXU)
    monkeypatch.setenv("PATH", str(folder))
    with pytest.raises(Misconfigured, match=said) as told:
        java.find_java()
    assert "Java 17 or newer" in told.value.detail
    assert os.linesep not in told.value.detail
