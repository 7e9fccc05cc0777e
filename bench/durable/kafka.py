"""The log on Kafka beside the bare producer."""

from __future__ import annotations

import argparse
import asyncio
import itertools

from bench.durable.facts import event
from bench.durable.timing import compare
from cluster.durable import open_log
from cluster.durable.entries import records_of
from cluster.durable.kafka.address import parse
from cluster.durable.kafka.brokers import DRIVER
from cluster.durable.kafka.lane import BATCH_BYTES
from cluster.durable.kafka.topics import MESSAGE_LIMIT_BYTES
from cluster.events import PLAYBACK
from cluster.ids import new_id


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
