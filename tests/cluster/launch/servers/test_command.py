"""`matinee servers` as a person types it."""

import json
import os
import subprocess
from pathlib import Path

import pytest

from cluster.launch import ending
from cluster.launch.servers.cassandra import CASSANDRA
from cluster.launch.servers.kafka import KAFKA
from cluster.launch.servers.nodes import Nodes
from tests.running import COMMAND, instance_environment
from tests.servers import jars_of


def matinee(data: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    environ = instance_environment(data) | environment
    return subprocess.run([*COMMAND, "servers", *arguments], env=environ, capture_output=True, text=True, timeout=280, check=False)


def one_line(done: subprocess.CompletedProcess[str]) -> str:
    (line,) = done.stderr.strip().splitlines()
    return line


def test_nothing_is_down_before_anything_was_made(tmp_path: Path) -> None:
    done = matinee(tmp_path / "data", "status")
    assert (done.returncode, done.stdout.strip()) == (1, "There are no servers here: `matinee servers up` makes them")
    assert json.loads(matinee(tmp_path / "data", "status", "--json").stdout) == {"ready": False, "servers": []}
    done = matinee(tmp_path / "data", "down")
    assert (done.returncode, done.stdout.splitlines()) == (0, ["Cassandra 5.0.9 is not running", "Kafka 4.4.0 is not running"])
    assert not (tmp_path / "data").exists()


def test_what_cannot_be_started_is_one_line(tmp_path: Path) -> None:
    done = matinee(tmp_path / "data", "up", "--kafka-nodes", "2")
    assert (done.returncode, one_line(done)) == (2, "matinee: --kafka-nodes=2: must be 1, or 3 of which one may die")
    done = matinee(tmp_path / "data", "up", PATH=str(tmp_path))
    assert done.returncode == 2
    assert "There is no `java` on PATH. Kafka and Cassandra need Java 17 or newer" in one_line(done)
    assert not (tmp_path / "data").exists()


@pytest.mark.durable
def test_up_status_up_again_down(tmp_path: Path) -> None:
    for software in (CASSANDRA, KAFKA):
        jars_of(software)  # skips where they cannot be had; fetched before, they are only linked now
    data = tmp_path / "data"
    try:
        done = matinee(data, "up", "--cassandra-port", "0", "--kafka-port", "0")
        assert done.returncode == 0, done.stderr
        told = [line for line in done.stdout.splitlines() if "=" in line]
        status = matinee(data, "status", "--json")
        found = json.loads(status.stdout)
        assert (status.returncode, found["ready"]) == (0, True)
        assert told == [f"{server['setting']}={server['url']}" for server in found["servers"]]
        assert [server["url"].partition(":")[0] for server in found["servers"]] == ["cassandra", "kafka"]

        again = matinee(data, "up")
        assert again.returncode == 0
        assert again.stdout.splitlines()[:2] == ["Cassandra 5.0.9 runs already", "Kafka 4.4.0 runs already"]
        other = matinee(data, "up", "--kafka-nodes", "3")
        assert other.returncode == 2
        assert "Kafka 4.4.0 was made with 1 node" in one_line(other)

        # They are nobody's children: whoever started them has ended, and they have sessions of their own.
        pids = [node["pid"] for server in found["servers"] for node in server["nodes"]]
        assert [os.getsid(pid) for pid in pids] == pids
        done = matinee(data, "down")
        assert (done.returncode, done.stdout.splitlines()) == (0, ["Cassandra 5.0.9 is down", "Kafka 4.4.0 is down"])
        assert not any(Path(f"/proc/{pid}/cmdline").exists() and Path(f"/proc/{pid}/cmdline").read_bytes() for pid in pids)
        assert matinee(data, "status").returncode == 1
    finally:
        for software in (CASSANDRA, KAFKA):
            nodes = Nodes.found(data / "servers" / software.name, software)
            ending.end([node.process for node in nodes.nodes if node.process] if nodes else [])
