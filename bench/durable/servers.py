"""What the servers themselves cost."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

from tests.servers import CACHE


def servers_up(folder: Path) -> None:
    """Print how long `matinee servers up` takes with its jars fetched, and how much memory both take."""
    environment = {**os.environ, "MATINEE_DATA": str(folder)}
    (folder / "servers").mkdir(parents=True)
    (folder / "servers" / "jars").symlink_to(CACHE)
    command = [sys.executable, "-m", "cluster.launch.cli", "servers"]
    began_s = time.perf_counter()
    done = subprocess.run(
        [*command, "up", "--json", "--cassandra-port", "0", "--kafka-port", "0"], env=environment, stdout=subprocess.PIPE, check=True
    )
    took_s = time.perf_counter() - began_s
    memory_bytes = sum(node["memory_bytes"] for server in json.loads(done.stdout)["servers"] for node in server["nodes"])
    print(f"servers up, 1 + 1 nodes: {took_s:.1f} s (at most 20), {memory_bytes / 1e9:.2f} GB (at most 0.9)", flush=True)
    subprocess.run([*command, "down"], env=environment, stdout=subprocess.DEVNULL, check=True)
