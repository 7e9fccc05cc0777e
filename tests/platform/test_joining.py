"""`up` with RAY_ADDRESS: on a cluster that lacks something, and on one that somebody else runs and keeps."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cluster.launch import environment
from tests.running import MakePlatform, Platform, eventually, free_ports

pytestmark = pytest.mark.ray

CLUSTER = """
import logging, sys
import ray

ray.init(address="local", num_cpus=4, resources={"encode": 2.0}, object_store_memory=128 * 2**20, include_dashboard=False,
         log_to_driver=False, logging_level=logging.ERROR, _temp_dir=sys.argv[1], _node_ip_address="127.0.0.2")

@ray.remote(num_cpus=0, name="somebody-elses", lifetime="detached", namespace="other")
class Other:
    def answer(self):
        return 42

other = Other.remote()
ray.get(other.answer.remote())
print("ADDRESS", ray.get_runtime_context().gcs_address, flush=True)
from ray import serve

@serve.deployment(ray_actor_options={"num_cpus": 0.1})
class Theirs:
    def __call__(self):
        return "theirs"

for line in sys.stdin:
    if line.startswith("serve "):
        serve.start(http_options={"host": "127.0.0.1", "port": int(line.split()[1])})
        serve.run(Theirs.bind(), name="theirs", route_prefix="/theirs")
    try:
        applications = sorted(serve.status().applications)
    except ray.exceptions.RayActorError:  # it ended
        applications = []
    named = ray.util.list_named_actors(all_namespaces=True)
    ours = sorted(each["name"] for each in named if each["namespace"] in {"other", "matinee"})
    controller = [each["name"] for each in named if each["name"] == "SERVE_CONTROLLER_ACTOR"]
    print("RUNS", ray.get(other.answer.remote()), *applications, *ours, *controller, flush=True)
ray.shutdown()
"""


class Cluster:
    """A Ray that another program started."""

    def __init__(self, instance: Platform, folder: Path) -> None:
        local = environment.local_environment(instance.settings, folder, "none", environment.free_block("cluster"))
        # What an administrator would set: the ports and paths of this machine, and what Matinee asks for.
        env = {**os.environ, **local, "RAY_AUTH_MODE": "disabled"}
        self.process = subprocess.Popen(
            [sys.executable, "-c", CLUSTER, str(folder / "r")], env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert self.process.stdout is not None
        self.address = next(line for line in iter(self.process.stdout.readline, "") if line.startswith("ADDRESS ")).split()[1]

    def runs(self, do: str = "?") -> list[str]:
        """Ask it what runs there, after it did something: `serve PORT` starts Serve with an application of its own."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(f"{do}\n")
        self.process.stdin.flush()
        lines = iter(self.process.stdout.readline, "")  # Ray prints too
        return next(line for line in lines if line.startswith("RUNS ")).split()[1:]

    def close(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()


@pytest.fixture(scope="module")
def instance(new_platform: MakePlatform, tmp_path_factory: pytest.TempPathFactory) -> Platform:
    return new_platform(tmp_path_factory.mktemp("joining") / "data")


@pytest.fixture
def joining(instance: Platform) -> Iterator[Platform]:
    """An instance that is down, for a test to say where it joins."""
    given = dict(instance.env)
    yield instance
    instance.env = given


@pytest.fixture(scope="module")
def cluster(instance: Platform) -> Iterator[Cluster]:
    folder = Path(f"/tmp/matinee-joining-{free_ports(1)[0]}")
    folder.mkdir(mode=0o700)
    instance.settings.data.mkdir(exist_ok=True)
    running = Cluster(instance, folder)
    yield running
    running.close()
    subprocess.run(["rm", "-rf", str(folder)], check=True)


def test_what_a_cluster_lacks_is_named_line_by_line(ray_cluster: Any, joining: Platform) -> None:
    joining.env |= {"RAY_ADDRESS": ray_cluster.get_runtime_context().gcs_address, "RAY_AUTH_MODE": "disabled"}
    done = joining.command("up", "--detach", "--no-edge")
    assert done.returncode == 2, done.stdout + done.stderr
    assert "This cluster cannot run Matinee:" in done.stderr
    assert "start Ray with RAY_SERVE_ENABLE_HA_PROXY=1 (it has 'nothing')" in done.stderr
    assert "start Ray with RAY_SERVE_THROUGHPUT_OPTIMIZED=1" in done.stderr
    assert ray_cluster.is_initialized()


def test_a_cluster_that_is_not_there_is_one_line(joining: Platform) -> None:
    joining.env |= {"RAY_ADDRESS": f"127.0.0.1:{free_ports(1)[0]}", "RAY_AUTH_MODE": "disabled"}
    done = joining.command("up", "--detach", "--no-edge", timeout_s=120)
    assert done.returncode == 1
    assert "RAY_ADDRESS" in done.stderr
    assert "Traceback" not in done.stderr


def test_on_a_cluster_of_others_it_deploys_and_leaves_all_as_it_was(cluster: Cluster, joining: Platform) -> None:
    assert cluster.runs() == ["42", "somebody-elses"]
    joining.env |= {"RAY_ADDRESS": cluster.address, "RAY_AUTH_MODE": "disabled"}
    joining.up()
    status = joining.status()
    assert status["ready"] is True
    assert {"playback", "session-shard-0", "encode-runner"} <= set(cluster.runs())
    assert joining.command("scale", "web", "1").returncode == 0
    joining.down()
    eventually(lambda: cluster.runs() == ["42", "somebody-elses"])  # nor Serve, which nobody had started before


def test_serve_of_others_is_used_and_stays_though_the_head_was_killed(cluster: Cluster, joining: Platform) -> None:
    port = free_ports(1)[0]
    theirs = cluster.runs(f"serve {port}")
    assert theirs == ["42", "theirs", "somebody-elses", "SERVE_CONTROLLER_ACTOR"]
    joining.env |= {"RAY_ADDRESS": cluster.address, "RAY_AUTH_MODE": "disabled"}
    refused = joining.command("up", "--detach", "--no-edge", timeout_s=120)
    assert refused.returncode == 2
    assert f"set MATINEE_HOST=127.0.0.1 and MATINEE_PORT={port}" in refused.stderr
    assert cluster.runs() == theirs

    joining.env["MATINEE_PORT"] = str(port)
    joining.up("--no-edge")
    [head] = joining.processes("-m cluster.launch.head")
    head.kill()
    eventually(lambda: bool(joining.state.failed))
    assert {"playback", "session-shard-0"} < set(cluster.runs())
    assert "Ray ended unexpectedly" in joining.command("status").stdout
    done = joining.command("down", timeout_s=120)
    assert done.returncode == 0, done.stdout + done.stderr
    assert cluster.runs() == theirs
