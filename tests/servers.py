"""Real Kafka and Cassandra for the suite, one node of each, started when first asked for: the fixture `servers`.

Jars are kept between runs; data isn't. Tests that kill or stop nodes start their own.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Final

import pytest

from cluster.errors import Misconfigured, ServiceUnavailable
from cluster.launch.servers.cassandra import CASSANDRA
from cluster.launch.servers.jars import fetch
from cluster.launch.servers.java import find_java
from cluster.launch.servers.kafka import KAFKA
from cluster.launch.servers.node import Software
from cluster.launch.servers.nodes import Nodes

CACHE: Final = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "matinee-tests" / "servers"
KEYSPACE: Final = "matinee_tests"


def jars_of(software: Software) -> Path:
    """Return the folder with the jars; skips where this machine cannot run them, or get them."""
    try:
        find_java()
        return fetch(software.title, software.coordinates, CACHE)
    except (Misconfigured, ServiceUnavailable) as error:
        pytest.skip(error.detail)


def started(software: Software, folder: Path, count: int = 1) -> Nodes:
    """Start nodes that end with this process, from its main thread; skips where this machine cannot run them."""
    jars = jars_of(software)
    nodes = Nodes.made(folder, software, count=count, port=0, throwaway=True)
    nodes.start(jars)
    return nodes


class Servers:
    """The suite's servers; leave them as you found them."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._nodes: dict[str, Nodes] = {}

    @property
    def store_url(self) -> str:
        """The URL for MATINEE_STORE: `cassandra://127.0.0.1:PORT/matinee_tests`."""
        return self._of(CASSANDRA).url.rpartition("/")[0] + f"/{KEYSPACE}"

    @property
    def log_url(self) -> str:
        """The URL for MATINEE_LOG: `kafka://127.0.0.1:PORT`."""
        return self._of(KAFKA).url

    def empty_store_url(self) -> str:
        """Return `store_url` once no table of its keyspace has a row: a table is emptied in less time than it is made."""
        url = self.store_url
        _empty(url)
        return url

    def stop(self) -> None:
        """End what was started."""
        for nodes in self._nodes.values():
            nodes.stop()

    def _of(self, software: Software) -> Nodes:
        if software.name not in self._nodes:
            self._nodes[software.name] = started(software, self._folder / software.name)
        return self._nodes[software.name]


def _empty(url: str) -> None:
    from cassandra.cluster import Cluster

    found = re.fullmatch(r"cassandra://([^:]+):(\d+)/(\w+)", url)
    assert found is not None
    host, port, keyspace = found.groups()
    with Cluster([host], port=int(port)) as cluster:
        session = cluster.connect()
        for row in session.execute("SELECT table_name FROM system_schema.tables WHERE keyspace_name = %s", (keyspace,)):
            table = f'{keyspace}."{row.table_name}"'
            if row.table_name.startswith("rows_") and session.execute(f"SELECT sort FROM {table} LIMIT 1").one() is not None:
                session.execute(f"TRUNCATE {table}")
