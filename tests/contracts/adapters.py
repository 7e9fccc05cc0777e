"""Every adapter that the contracts hold for; a new one adds its line here.

Each gives the URL of a store or a log that nobody has used; opening it twice opens the same data, as other processes do.
An adapter that needs a server is marked `durable`. `pytest --nodes 3 tests/contracts` tries three nodes of Cassandra and three brokers,
with three copies of everything, instead of what the ordinary suite tries.
"""

import uuid

import pytest


def embedded(request: pytest.FixtureRequest) -> str:
    """SQLite in a folder."""
    return f"sqlite:{request.getfixturevalue('tmp_path')}"


def cassandra(request: pytest.FixtureRequest) -> str:
    """The suite's Cassandra, emptied."""
    return str(request.getfixturevalue("servers").empty_store_url())


def kafka(request: pytest.FixtureRequest) -> str:
    """A corner of the suite's Kafka: topics whose names begin with what nobody used before."""
    return str(request.getfixturevalue("servers").new_log_url())


def cassandra_3(request: pytest.FixtureRequest) -> str:
    """Three nodes of Cassandra, emptied."""
    return str(request.getfixturevalue("servers").empty_store_url(3))


def kafka_3(request: pytest.FixtureRequest) -> str:
    """A corner of three brokers."""
    return f"{request.getfixturevalue('servers').three_brokers_url()}/{uuid.uuid4().hex[:12]}"


STORES = {
    1: [pytest.param(embedded, id="sqlite"), pytest.param(cassandra, id="cassandra", marks=pytest.mark.durable)],
    3: [pytest.param(cassandra_3, id="cassandra-3", marks=[pytest.mark.durable, pytest.mark.three_nodes])],
}
LOGS = {
    1: [pytest.param(embedded, id="sqlite"), pytest.param(kafka, id="kafka", marks=pytest.mark.durable)],
    3: [pytest.param(kafka_3, id="kafka-3", marks=[pytest.mark.durable, pytest.mark.three_nodes])],
}
"""By how many nodes stand behind the ports: the option `--nodes`."""
