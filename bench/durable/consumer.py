"""A log processor beside the bare consumer and the same writes."""

from __future__ import annotations

import argparse
import time
from typing import Any
from uuid import uuid4

from bench.durable.cassandra import bridged
from cluster.durable import open_log, open_store
from cluster.durable.cassandra.conditions import prepare
from cluster.durable.cassandra.driver import Kind
from cluster.durable.cassandra.store import CassandraStore
from cluster.durable.kafka.address import parse
from cluster.durable.outbox import HINTS
from cluster.events import PLAYBACK, Event
from cluster.ids import new_id


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
