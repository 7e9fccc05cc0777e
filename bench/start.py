"""How long `matinee up --demo --detach` takes, against as many empty FastAPI applications on Ray Serve and as many empty processes.

Alternates both, each first in turn, and prints the median of each and their ratio. Warm: the first start of each is not counted. The
demo begins to fill when all is ready, and `down` breaks that off, so each further start also takes up what the last left half done.

    python bench/start.py [--times 3]
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from cluster.launch import ending
from cluster.launch.environment import free_block, local_environment
from cluster.settings import load
from tests.running import free_ports

EMPTY = r"""
import os, sys, time, urllib.request, subprocess
import ray
from fastapi import FastAPI
from ray import serve

names = sys.argv[1].split(",")
actors, processes, port, dashboard_port = map(int, sys.argv[2:6])
cores = os.cpu_count() or 1
ray.init(address="local", num_cpus=cores, object_store_memory=256 * 2**20, include_dashboard=True, dashboard_port=dashboard_port,
         log_to_driver=False, logging_level="ERROR")
children = [subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"]) for _ in range(processes)]

@ray.remote(num_cpus=0.05)
class Empty:
    async def answer(self):
        return 1

empties = [Empty.remote() for _ in range(actors)]

def application():
    api = FastAPI()

    @serve.deployment(num_replicas=1, ray_actor_options={"num_cpus": 0.05})
    @serve.ingress(api)
    class EmptyService:
        @api.get("/")
        async def answer(self):
            return {}

    return EmptyService.bind()

serve.start(http_options={"host": "127.0.0.1", "port": port})
serve.run_many([serve.RunTarget(application(), name=name, route_prefix=f"/{name}") for name in names], wait_for_applications_running=False)
waiting = set(names)
while waiting:
    for name in list(waiting):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/{name}/", timeout=1) as answer:
                if answer.status == 200:
                    waiting.discard(name)
        except OSError:
            pass
    time.sleep(0.05)
ray.get([empty.answer.remote() for empty in empties])
print("ready", flush=True)
sys.stdin.read()
serve.shutdown()
ray.shutdown()
for child in children:
    child.kill()
"""

NAMES = "MATINEE_PORT", "MATINEE_EDGE_PORT", "MATINEE_DASHBOARD_PORT", "MATINEE_METRICS_PORT", "MATINEE_STATS_PORT"


def time_matinee(environ: dict[str, str]) -> tuple[float, dict[str, Any]]:
    """Start and stop Matinee; returns the seconds until `up --demo --detach` returned, and the status then."""
    command = [sys.executable, "-m", "cluster.launch.cli"]
    try:
        started_s = time.monotonic()
        subprocess.run([*command, "up", "--demo", "--detach"], env=environ, check=True, stdout=subprocess.DEVNULL)
        took_s = time.monotonic() - started_s
        status = subprocess.run([*command, "status", "--json"], env=environ, capture_output=True, check=False)
    finally:
        subprocess.run([*command, "down"], env=environ, check=True, stdout=subprocess.DEVNULL)
    return took_s, json.loads(status.stdout)


def time_empty(environ: dict[str, str], names: list[str], actors: int, ports: list[int]) -> float:
    """Start and stop the empty applications; returns the seconds until all of them answered."""
    started_s = time.monotonic()
    argv = [sys.executable, "-c", EMPTY, ",".join(names), str(actors), "1", str(ports[0]), str(ports[2])]
    child = subprocess.Popen(
        argv, env=environ, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, start_new_session=True
    )
    assert child.stdout is not None
    assert child.stdin is not None
    try:
        ready = any(said == b"ready\n" for said in child.stdout)  # Ray warns in between
        took_s = time.monotonic() - started_s
        if not ready:
            raise RuntimeError("the empty applications did not start")
        child.stdin.close()
        child.wait(60)
    finally:
        ending.end(ending.descendants())  # Serve leaves its HAProxy behind
    return took_s


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--times", type=int, default=3)
    times = parser.parse_args().times
    ending.adopt_orphans()
    folder = Path(tempfile.mkdtemp(prefix="bench-"))
    ports = free_ports(len(NAMES))
    own = {**os.environ, "MATINEE_DATA": str(folder / "data"), **{name: str(port) for name, port in zip(NAMES, ports, strict=True)}}
    given = {name.removeprefix("MATINEE_").lower(): port for name, port in zip(NAMES, ports, strict=True)}
    # Ray is told the same for both.
    bare = {**os.environ, **local_environment(load(data=folder / "bare", **given), folder, f"bench-{os.getpid()}", free_block("bench"))}
    try:
        first_s, status = time_matinee(own)
        names, actors = [application["name"] for application in status["applications"]], len(status["actors"])
        print(
            f"{len(names)} applications, {actors} actors, 1 edge; the first start, with an empty data directory: {first_s:.1f} s",
            flush=True,
        )
        time_empty(bare, names, actors, ports)
        matinee, empty = [], []
        for turn in range(times):
            if turn % 2 == 0:
                matinee.append(time_matinee(own)[0])
            empty.append(time_empty(bare, names, actors, ports))
            if turn % 2 == 1:
                matinee.append(time_matinee(own)[0])
            print(f"matinee {matinee[-1]:.1f} s, empty {empty[-1]:.1f} s", flush=True)
        ratio = statistics.median(matinee) / statistics.median(empty)
        print(f"median of {times}: matinee {statistics.median(matinee):.1f} s, empty {statistics.median(empty):.1f} s, ratio {ratio:.2f}")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
