"""What the adapters for Cassandra and Kafka cost beside the bare drivers, and how soon a fact is in the log.

    python -m bench.durable [--rounds 5] [--seconds 4] [--only up,consumer,cassandra,kafka,heartbeats,relay]

One node of each on this machine, the commit log synced before the answer. Ours and bare take turns in the same process on the same
servers; ratios are of medians. Bare is the driver called from asyncio with nothing but a bridge. Jars are kept between runs.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from uuid import uuid4

from cluster.durable import Insert, Mode, Row, Table, limits, open_log, open_store
from cluster.durable.cassandra.conditions import prepare
from cluster.durable.cassandra.driver import Kind
from cluster.durable.cassandra.store import CassandraStore
from cluster.durable.entries import records_of
from cluster.durable.kafka.address import parse
from cluster.durable.kafka.brokers import DRIVER
from cluster.durable.kafka.topics import MESSAGE_LIMIT_BYTES
from cluster.durable.kafka.writing import BATCH_BYTES
from cluster.durable.outbox import HINTS, open_outbox
from cluster.events import PLAYBACK, Event
from cluster.ids import new_id
from cluster.launch.servers.cassandra import CASSANDRA
from cluster.launch.servers.jars import fetch
from cluster.launch.servers.kafka import KAFKA
from cluster.launch.servers.nodes import Nodes
from cluster.settings import load
from tests.servers import CACHE

POINTS = Table("bench_points", Mode.PLAIN, group="bench")
CHAINS = Table("bench_chains", Mode.LINEAR, group="bench")
VALUE = {"position_s": 1234.5, "playable_id": "0123456789abcdef0123456789abcdef", "state": "playing", "filler": "x" * 100}

Operation = Callable[[int], Awaitable[Any]]


async def rate(operation: Operation, at_once: int, seconds: float) -> float:
    """Return how many operations a second were done, each of `at_once` callers beginning the next when one is answered."""
    began_s, done = time.perf_counter(), 0

    async def call(caller: int) -> None:
        nonlocal done
        while time.perf_counter() - began_s < seconds:
            await operation(caller)
            done += 1

    await asyncio.gather(*(call(caller) for caller in range(at_once)))
    return done / (time.perf_counter() - began_s)


async def compare(label: str, ours: Operation, bare: Operation, at_once: int, options: argparse.Namespace, least: float) -> None:
    """Print a row: both rates, their ratio, and what it should at least be."""
    rates: dict[str, list[float]] = {"ours": [], "bare": []}
    for operation in (ours, bare):
        await rate(operation, at_once, 1.0)
    for _ in range(options.rounds):
        rates["ours"].append(await rate(ours, at_once, options.seconds))
        rates["bare"].append(await rate(bare, at_once, options.seconds))
    mine, theirs = (statistics.median(rates[name]) for name in ("ours", "bare"))
    print(f"{label:<44} {mine:>9,.0f}/s {theirs:>9,.0f}/s {mine / theirs:6.2f}  (at least {least})", flush=True)


def bridged(driver: Any, statement: Any, kind: Kind) -> asyncio.Future[Any]:
    """Run a statement by the bare driver."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[Any] = loop.create_future()
    driver.execute_async(statement, execution_profile=kind.value).add_callbacks(
        lambda rows: loop.call_soon_threadsafe(future.set_result, rows),
        lambda error: loop.call_soon_threadsafe(future.set_exception, error),
    )
    return future


async def cassandra(url: str, options: argparse.Namespace) -> None:
    """Compare point reads, point writes and conditional inserts, 32 in flight."""
    points, chains = await open_store(url, POINTS), await open_store(url, CHAINS)
    assert isinstance(points, CassandraStore)
    assert isinstance(chains, CassandraStore)
    driver, plain, linear = points._opened().driver, points._statements, chains._statements
    versions = itertools.count(1)
    await asyncio.gather(*(points.put([Row(f"p{caller}", "s", next(versions), "point", VALUE)]) for caller in range(32)))

    def row(caller: int) -> Row:
        return Row(f"p{caller}", "s", next(versions), "point", VALUE)

    async def bare_put(caller: int) -> None:
        written = row(caller)
        await bridged(driver, plain.put([(written, limits.encode_value(written.value))], time.time()), Kind.WRITE)  # type: ignore[union-attr]

    async def bare_insert(caller: int) -> None:
        change = prepare(Insert("s", "chain", VALUE))
        await bridged(driver, linear.batch(new_id(), [change], {}, uuid4(), time.time()), Kind.LINEAR)  # type: ignore[union-attr]

    pairs: list[tuple[str, Operation, Operation]] = [
        (
            "point read",
            lambda caller: points.get(f"p{caller}", "s"),
            lambda caller: bridged(driver, plain.get(f"p{caller}", "s"), Kind.READ),
        ),
        ("point write", lambda caller: points.put([row(caller)]), bare_put),
        ("conditional insert (LWT)", lambda _: chains.batch(new_id(), [Insert("s", "chain", VALUE)]), bare_insert),
    ]
    for label, ours, bare in pairs:
        await compare(f"Cassandra: {label}, 32 in flight", ours, bare, 32, options, 0.85)
    await points.close()
    await chains.close()


def event(key: str, number: int) -> Event:
    """Return an event of about 200 bytes."""
    return Event(PLAYBACK.name, "play.started", key, number, time.time(), {"filler": "x" * 60})


async def kafka(url: str, options: argparse.Namespace) -> None:
    """Compare appends of one event of 200 bytes, 128 in flight."""
    from aiokafka import AIOKafkaProducer

    log, address = await open_log(url), parse(url)
    keys = [new_id() for _ in range(128)]
    numbers = itertools.count()
    await asyncio.gather(*(log.append(PLAYBACK, [event(key, 0)]) for key in keys))
    async with AIOKafkaProducer(
        bootstrap_servers=list(address.hosts),
        enable_idempotence=True,
        max_batch_size=BATCH_BYTES,
        max_request_size=MESSAGE_LIMIT_BYTES,
        **DRIVER,
    ) as producer:

        async def bare(caller: int) -> None:
            (record,) = records_of(PLAYBACK, [event(keys[caller], next(numbers))])
            name = address.topic_name(PLAYBACK.name)
            await producer.send_and_wait(name, record.raw, key=record.key.encode(), partition=record.partition)

        async def ours(caller: int) -> None:
            await log.append(PLAYBACK, [event(keys[caller], next(numbers))])

        size = len(records_of(PLAYBACK, [event(keys[0], 1)])[0].raw)
        await compare(f"Kafka: append of {size} bytes, 128 in flight", ours, bare, 128, options, 0.85)
    await log.close()


async def consumer(store: str, log: str, options: argparse.Namespace) -> None:
    """Compare a processor with the bare consumer and the same writes: 20,000 plays of 24 films by 1,000 accounts."""
    from functools import partial

    from aiokafka import AIOKafkaConsumer, TopicPartition

    from actors.processors import LogProcessor
    from actors.processors.kept import PROCESSED, partition_name
    from actors.processors.plays import PLAYS, STARTED
    from cluster.events import decode

    address, total = parse(log), 20_000
    accounts, numbers = [new_id() for _ in range(1000)], range(total)
    events = await open_log(log)
    plays = [
        Event(PLAYBACK.name, STARTED, accounts[n % 1000], n // 1000 + 1, time.time(), {"kind": "film", "title_id": f"film-{n % 24}"})
        for n in numbers
    ]
    for first in range(0, total, 500):
        await events.append(PLAYBACK, plays[first : first + 500])
    processed = await open_store(store, PROCESSED)
    assert isinstance(processed, CassandraStore)
    driver, statements = processed._opened().driver, processed._statements
    written: list[tuple[str, list[Any]]] = []
    original = CassandraStore.batch

    async def noting(self: CassandraStore, partition: str, changes: Any) -> None:
        if partition.startswith(PLAYS.name):
            written.append((partition, list(changes)))
        await original(self, partition, changes)

    CassandraStore.batch = noting  # type: ignore[method-assign]
    processor = LogProcessor(PLAYS, partial(open_store, store, PROCESSED), partial(open_store, store, HINTS), partial(open_log, log))
    began_s = time.perf_counter()
    passed = await processor.run_once()
    ours = passed / (time.perf_counter() - began_s)
    await processor.close()
    CassandraStore.batch = original  # type: ignore[method-assign]

    # The same writes into partitions of their own, each when as many events have been read as it was made of.
    by_partition: dict[int, list[list[Any]]] = {}
    for name, changes in written:
        by_partition.setdefault(int(name.rpartition("/")[2]), []).append(changes)
    consumer = AIOKafkaConsumer(bootstrap_servers=list(address.hosts), auto_offset_reset="earliest", enable_auto_commit=False)
    await consumer.start()
    began_s, read = time.perf_counter(), 0
    for partition in range(PLAYBACK.partitions):
        place = TopicPartition(address.topic_name(PLAYBACK.name), partition)
        consumer.assign([place])
        end = (await consumer.end_offsets([place]))[place]
        writes, seen = by_partition.get(partition, []), 0
        while end and await consumer.position(place) < end:
            for records in (await consumer.getmany(place, timeout_ms=1000, max_records=200)).values():
                for record in records:
                    decode(record.value)
                    seen, read = seen + 1, read + 1
            while writes and seen >= writes[0][0].value["offset"]:
                changes = [prepare(change) for change in writes.pop(0)]
                bound = statements.batch(f"bare-{partition_name(PLAYS.name, partition)}", changes, {}, uuid4(), time.time())  # type: ignore[union-attr]
                assert (await bridged(driver, bound, Kind.LINEAR))[0]["[applied]"]
    bare = read / (time.perf_counter() - began_s)
    await consumer.stop()
    print(f"{'consumer with its offset and result in one write':<44} {ours:>9,.0f}/s {bare:>9,.0f}/s {ours / bare:6.2f}  (at least 0.8)")
    print(f"  {passed} events in {len(written)} writes, one partition after another")
    await processed.close()
    await events.close()


async def heartbeats(store: str, log: str, folder: Path, options: argparse.Namespace) -> None:
    """Compare heartbeats of 64 callers through the sessions' actors on Ray with the driver writing the same rows."""
    import ray

    from actors.sessions.client import Sessions, start_all
    from actors.sessions.rows import beat_row, place_row, pulse_of
    from actors.sessions.stream import Beat, Start, Stream
    from actors.sessions.tables import PLACES

    settings = load(store=store, log=log, data=folder / "data")
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

        await compare("heartbeats kept on Cassandra, 64 callers", ours, bare, 64, options, 0.8)
        await sessions.close()
        await places.close()
    finally:
        ray.shutdown()


async def relay(store: str, log: str, folder: Path, options: argparse.Namespace) -> None:
    """Print how long after its commit a fact is read from the log, with half as many commits a second as can be made."""
    from functools import partial

    from actors.outbox_relay.relay import OutboxRelay

    settings = load(store=store, log=log, data=folder / "data")
    chains, events = await open_store(store, CHAINS), await open_log(log)
    publisher = OutboxRelay(partial(open_store, store, HINTS), partial(open_store, store), partial(open_log, log))
    outbox = await open_outbox(settings, chains, publisher.nudge)
    committed: dict[str, float] = {}
    delays_s: list[float] = []

    async def commit(_: int) -> None:
        key = new_id()
        await outbox.commit(key, [Insert("s", "chain", VALUE)], [event(key, 1)])
        committed[key] = time.perf_counter()

    async def read(partition: int) -> None:
        offset = await events.end(PLAYBACK, partition)
        while True:
            for entry in await events.read(PLAYBACK, partition, offset, wait_s=1.0):
                offset = entry.offset + 1
                if entry.event.key in committed:
                    delays_s.append(time.perf_counter() - committed.pop(entry.event.key))

    publishing = asyncio.create_task(publisher.run())
    await rate(commit, 32, 1.0)
    knee = await rate(commit, 32, 2 * options.seconds)
    await asyncio.sleep(2.0)
    committed.clear()
    readers = [asyncio.create_task(read(partition)) for partition in range(PLAYBACK.partitions)]
    await asyncio.sleep(1.0)
    pace, commits = 2.0 / knee, set()
    began_s = time.perf_counter()
    for number in range(int(4 * options.seconds / pace)):
        await asyncio.sleep(max(0.0, began_s + number * pace - time.perf_counter()))
        task = asyncio.create_task(commit(0))
        commits.add(task)
        task.add_done_callback(commits.discard)
    await asyncio.gather(*commits)
    for _ in range(100):
        if not committed:
            break
        await asyncio.sleep(0.1)
    for task in (publishing, *readers):
        task.cancel()
    await asyncio.gather(publishing, *readers, return_exceptions=True)
    delays_s.sort()
    p50, p99 = (1000 * delays_s[int(share * (len(delays_s) - 1))] for share in (0.5, 0.99))
    print(f"relay at {knee / 2:,.0f} commits/s (half of {knee:,.0f}): {len(delays_s)} facts, {len(committed)} missing")
    print(f"  from the commit to a reader of Kafka: p50 {p50:.0f} ms, p99 {p99:.0f} ms (at most 500)")
    for opened in (outbox, publisher, chains, events):
        await opened.close()


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
