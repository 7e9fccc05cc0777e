"""Real Kafka and Cassandra for the suite, started when first asked for: the fixture `servers`.

One node of each that all tests share, and three of Cassandra (fixture `three`) for tests marked `three_nodes`, which may kill and stop
nodes: those tests run one after another, and the nodes end with the last of them. Jars are kept between runs; data isn't.
"""

from __future__ import annotations

import os
import re
import uuid
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
        self._nodes: dict[tuple[str, int], Nodes] = {}

    @property
    def store_url(self) -> str:
        """The URL for MATINEE_STORE: `cassandra://127.0.0.1:PORT/matinee_tests`."""
        return keyspace_of(self._of(CASSANDRA), KEYSPACE)

    @property
    def log_url(self) -> str:
        """The URL for MATINEE_LOG: `kafka://127.0.0.1:PORT`."""
        return self._of(KAFKA).url

    def new_store_url(self) -> str:
        """Return the URL of a keyspace that is not there yet."""
        return keyspace_of(self._of(CASSANDRA), f"matinee_{uuid.uuid4().hex[:12]}")

    def new_log_url(self) -> str:
        """Return the URL of a corner of Kafka: topics whose names begin with what nobody used before."""
        return f"{self.log_url}/{uuid.uuid4().hex[:12]}"

    def empty_store_url(self, count: int = 1) -> str:
        """Return the URL of a keyspace in which no table has a row: a table is emptied in less time than it is made."""
        url = keyspace_of(self._of(CASSANDRA, count), KEYSPACE)
        _empty(url)
        return url

    def three_brokers_url(self) -> str:
        """Return the URL of three brokers that are not to be killed."""
        return self._of(KAFKA, 3).url

    def three(self) -> Nodes:
        """Return three nodes of Cassandra, all of which run and take each other for alive, whatever was done to them before."""
        nodes = self._of(CASSANDRA, 3)
        for node in nodes.nodes:
            node.resume()
        nodes.start(jars_of(CASSANDRA))
        return nodes

    def stop(self, count: int | None = None) -> None:
        """End what was started, or only the groups of so many nodes."""
        for key in [key for key in self._nodes if count in (None, key[1])]:
            self._nodes.pop(key).stop()

    def _of(self, software: Software, count: int = 1) -> Nodes:
        key = software.name, count
        if key not in self._nodes:
            self._nodes[key] = started(software, self._folder / f"{software.name}-{count}", count)
        return self._nodes[key]


def keyspace_of(nodes: Nodes, keyspace: str) -> str:
    """Return the URL of a keyspace on these nodes."""
    return f"{nodes.url.rpartition('/')[0]}/{keyspace}"


def _empty(url: str) -> None:
    from cassandra.cluster import Cluster

    found = re.fullmatch(r"cassandra://([^:]+):(\d+)/(\w+)", url)
    assert found is not None
    hosts, port, keyspace = found.groups()
    with Cluster(hosts.split(","), port=int(port)) as cluster:
        session = cluster.connect()
        for row in session.execute("SELECT table_name FROM system_schema.tables WHERE keyspace_name = %s", (keyspace,)):
            table = f'{keyspace}."{row.table_name}"'
            if row.table_name.startswith("rows_") and session.execute(f"SELECT sort FROM {table} LIMIT 1").one() is not None:
                session.execute(f"TRUNCATE {table}")
