"""What the adapters for Cassandra and Kafka cost beside the bare drivers, and how soon a fact is in the log.

    python -m bench.durable [--rounds 5] [--seconds 4] [--only up,consumer,cassandra,kafka,heartbeats,relay]

One node of each on this machine, the commit log synced before the answer. Ours and bare take turns in the same process on the same
servers; ratios are of medians. Bare is the driver called from asyncio with nothing but a bridge. Jars are kept between runs.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
from contextlib import ExitStack
from pathlib import Path

from bench.durable.cassandra import cassandra
from bench.durable.consumer import consumer
from bench.durable.heartbeats import heartbeats
from bench.durable.kafka import kafka
from bench.durable.relay import relay
from bench.durable.servers import servers_up
from cluster.launch.servers.cassandra import CASSANDRA
from cluster.launch.servers.jars import fetch
from cluster.launch.servers.kafka import KAFKA
from cluster.launch.servers.nodes import Nodes
from tests.servers import CACHE


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=4.0)
    parser.add_argument("--only", default="up,consumer,cassandra,kafka,heartbeats,relay")
    options = parser.parse_args()
    wanted = options.only.split(",")
    with tempfile.TemporaryDirectory() as found, ExitStack() as stack:
        folder = Path(found)
        jars = {software.name: fetch(software.title, software.coordinates, CACHE) for software in (CASSANDRA, KAFKA)}
        if "up" in wanted:
            servers_up(folder / "up")
        urls = {}
        for software in (CASSANDRA, KAFKA):
            nodes = Nodes.made(folder / software.name, software, count=1, port=0, throwaway=True)
            stack.callback(nodes.stop)
            nodes.start(jars[software.name])
            urls[software.name] = nodes.url
        store, log = urls["cassandra"], urls["kafka"]
        if "consumer" in wanted:
            asyncio.run(consumer(store, log, options))
        if "cassandra" in wanted:
            asyncio.run(cassandra(store, options))
        if "kafka" in wanted:
            asyncio.run(kafka(log, options))
        if "heartbeats" in wanted:
            asyncio.run(heartbeats(store, log, folder, options))
        if "relay" in wanted:
            asyncio.run(relay(store, log, folder, options))


if __name__ == "__main__":
    main()
