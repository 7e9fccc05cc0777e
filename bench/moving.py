"""How long an installation takes to move: copied to Cassandra and Kafka on this machine, killed once half-way, backed up, and restored.

Run as `python -m bench.moving` on an idle machine; needs Java 17. By default 10,000 members, each with 20 places.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from pathlib import Path
from typing import Any

from cluster.launch.servers.cassandra import CASSANDRA
from cluster.launch.servers.kafka import KAFKA
from tests.cluster.launch.moving.conftest import matinee
from tests.cluster.launch.moving.dying import killed
from tests.cluster.launch.moving.filled import filled
from tests.servers import started


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--accounts", type=int, default=10_000)
    parser.add_argument("--places", type=int, default=20)
    parser.add_argument("--nodes", type=int, default=1, choices=[1, 3])
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        source = filled(folder / "source", accounts=given.accounts, places=given.places, events=given.accounts)
        servers = [started(software, folder / software.name, given.nodes) for software in (CASSANDRA, KAFKA)]
        try:
            measure(
                folder,
                source.data,
                store=f"{servers[0].url.rpartition('/')[0]}/bench",
                log=servers[1].url,
                places=given.accounts * given.places,
            )
        finally:
            for nodes in servers:
                nodes.stop()


def measure(folder: Path, data: Path, *, store: str, log: str, places: int) -> None:
    began_s = time.monotonic()
    killed(data, f"places: {places // 2 // 1000},", "copy", "--to", store, "--to", log)
    print(f"copy until it was killed: {time.monotonic() - began_s:.1f} s")
    told = timed("copy that goes on, and compares", data, "copy", "--to", store, "--to", log)
    rows = sum(table["target"]["entries"] for table in told["tables"])
    events = sum(topic["target"]["entries"] for topic in told["topics"])
    print(f"  {rows:,} rows, {events:,} events; the same: {told['same']}, resumed: {told['resumed']}")
    told = timed("backup of the servers", data, "backup", folder / "backup", store=store, log=log)
    print(f"  {told['bytes'] / 2**20:.1f} MiB")
    timed("restore on SQLite", folder / "laptop", "restore", folder / "backup")
    timed("restore on the servers", folder / "again", "restore", folder / "backup", store=f"{store}_again", log=f"{log}/again")


def timed(what: str, data: Path, *command: str | Path, **settings: str) -> dict[str, Any]:
    began_s = time.monotonic()
    done = matinee(data, *command, "--json", **settings)
    assert done.returncode == 0, done.stderr
    print(f"{what}: {time.monotonic() - began_s:.1f} s", flush=True)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


if __name__ == "__main__":
    main()
