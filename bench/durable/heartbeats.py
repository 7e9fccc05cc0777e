"""Heartbeats through the sessions' actors beside the driver writing the same rows."""

from __future__ import annotations

import argparse
import itertools
import os
import time
from pathlib import Path

from bench.durable.cassandra import bridged
from bench.durable.timing import compare, rate
from cluster.durable import limits, open_store
from cluster.durable.cassandra.driver import Kind
from cluster.durable.cassandra.store import CassandraStore
from cluster.ids import new_id
from cluster.launch.environment import EVERYWHERE, PORTS_FROM, local_environment
from cluster.settings import load


async def heartbeats(store: str, log: str, folder: Path, options: argparse.Namespace) -> None:
    """Compare heartbeats of 64 callers through the sessions' actors on Ray with the driver writing the same rows."""
    # As on a platform: else the actors give way to everybody, and wait for uv's copies of the directory.
    niceness = "RAY_worker_niceness"
    settings = load(store=store, log=log, data=folder / "data")
    os.environ.update({**EVERYWHERE, niceness: local_environment(settings, folder, "bench", PORTS_FROM)[niceness]})
    import ray

    from actors.sessions.client import Sessions, start_all
    from actors.sessions.rows import beat_row, place_row, pulse_of
    from actors.sessions.stream import Beat, Start, Stream
    from actors.sessions.tables import PLACES

    ray.init(address="local", namespace="matinee", num_cpus=2, include_dashboard=False, log_to_driver=False, logging_level="ERROR")
    try:
        start_all(settings)
        sessions = Sessions.on_ray(settings)
        accounts = [new_id() for _ in range(64)]
        ids = {account: new_id() for account in accounts}
        now_s = time.time()
        for account in accounts:
            await sessions.start(
                Start(
                    ids[account],
                    account,
                    "device",
                    "profile",
                    "playable",
                    "title",
                    "film",
                    "Film",
                    0,
                    5400.0,
                    5300.0,
                    0.0,
                    2,
                    now_s + 86400,
                )
            )
        sequences = itertools.count(1)
        places = await open_store(store, PLACES)
        assert isinstance(places, CassandraStore)
        driver, statements = places._opened().driver, places._statements

        async def ours(caller: int) -> None:
            account, sequence = accounts[caller], next(sequences)
            saved = await sessions.beat(Beat(ids[account], account, "device", "profile", sequence, sequence % 5000))
            assert saved.sequence >= sequence

        others = [new_id() for _ in range(64)]

        async def bare(caller: int) -> None:
            account, sequence = others[caller], next(sequences)
            beat = Beat("s" * 32, account, "device", "profile", sequence, sequence % 5000)
            stream = Stream(
                beat.session_id, "device", "profile", "playable", "title", "film", "Film", 0, 5400.0, 5300.0, 0.0, now_s, now_s, now_s, 1
            )
            pulse = pulse_of(stream, beat, time.time())
            rows = [beat_row(account, stream, pulse), place_row(account, stream, sequence, pulse.position_s, pulse.at_s)]
            await bridged(driver, statements.put([(row, limits.encode_value(row.value)) for row in rows], time.time()), Kind.WRITE)  # type: ignore[union-attr]

        await rate(ours, 64, 6.0)  # until Ray's own processes have started: they take the cores meanwhile
        await compare("heartbeats kept on Cassandra, 64 callers", ours, bare, 64, options, 0.8)
        await sessions.close()
        await places.close()
    finally:
        ray.shutdown()
