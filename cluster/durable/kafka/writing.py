"""The one producer of an event loop to a cluster: idempotent, acknowledged by all replicas in sync, replaced when its fate is unknown.

A batch that an idempotent producer of this driver has begun to send never expires, and one that it gives up leaves a gap in its
sequence numbers, after which the brokers refuse all that follows. So each append is bounded here, and a producer that failed or kept
an append waiting is put away: what it still holds may be delivered, or not.

Main path: append() adds records to the lanes of their partitions, and a lane calls _write() with what it has gathered.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from functools import partial
from typing import Any, Final

from aiokafka import AIOKafkaProducer

from cluster.durable.entries import Record
from cluster.durable.kafka import faults
from cluster.durable.kafka.attempt import Attempt
from cluster.durable.kafka.brokers import DRIVER, Brokers
from cluster.durable.kafka.lane import Batch, Lane
from cluster.durable.kafka.reading import LATEST, offset_of
from cluster.durable.kafka.topics import MESSAGE_LIMIT_BYTES
from cluster.durable.log import Position
from cluster.errors import MatineeError

START_TIMEOUT_S: Final = 5.0
FLUSH_TIMEOUT_S: Final = 2.0
LET_GO_S: Final = 1.0


class Writer:
    """Owns the producer."""

    def __init__(self, brokers: Brokers) -> None:
        self._brokers = brokers
        self._producer = Attempt(self._start)
        self._lanes: dict[tuple[str, int], Lane] = {}
        self._leaving: set[asyncio.Task[None]] = set()
        self._loop = asyncio.get_running_loop()

    async def append(self, name: str, records: Sequence[Record]) -> list[Position]:
        """Write records and return where each stands.

        Raises:
            StoreUnavailable: nothing was written.
            Indeterminate: some may have been written, or may be later.
            InvalidInput: the brokers take no event of this size.
        """
        now_s = self._loop.time()
        places = [self._lane(name, record.partition).add(record, now_s) for record in records]
        positions = []
        for batch, number in places:
            if not batch.settled:
                await batch.wait()
            if batch.offset is not None:
                positions.append(Position(batch.partition, batch.offset + number))
        if len(positions) < len(places):
            failures = [batch.failure for batch, _ in places if batch.failure is not None]
            raise faults.unwritten(sum(batch.sent for batch, _ in places), failures)
        return positions

    async def close(self) -> None:
        """Deliver what is under way, for a moment at most, and close."""
        if busy := {lane.task for lane in self._lanes.values() if lane.task is not None}:
            _, late = await asyncio.wait(busy, timeout=FLUSH_TIMEOUT_S)
            for task in late:
                task.cancel()
            self._leaving |= late
        producer = self._producer.value()
        self._producer.drop()
        if producer is not None:
            self._put_away(producer)
        if self._leaving:
            await asyncio.wait(self._leaving)

    def _lane(self, name: str, partition: int) -> Lane:
        lane = self._lanes.get((name, partition))
        if lane is None:
            lane = self._lanes[name, partition] = Lane(partition, partial(self._write, name))
        return lane

    async def _write(self, name: str, batch: Batch) -> None:
        producer: AIOKafkaProducer | None = None
        try:
            async with asyncio.timeout_at(batch.deadline_s):
                if not self._brokers.answering:
                    # Asked first: what is handed to the producer while nobody answers may be written long after.
                    asked = partial(offset_of, name=name, partition=batch.partition, which=LATEST)
                    await self._brokers.at_leader(name, batch.partition, asked)
                producer = self._producer.value() or await self._producer.result()
                sending = await producer.send_batch(_built(producer, batch), name, partition=batch.partition)
                batch.sent = True
                offset = (await sending).offset
                if offset >= 0:  # after a repeated send the brokers may not tell
                    batch.offset = offset
        except TimeoutError:
            self._brokers.doubt()
        except (MatineeError, *faults.FAILURES) as error:
            batch.failure = error
        if batch.offset is None and producer is not None:
            self._replace(producer)

    async def _start(self) -> AIOKafkaProducer:
        address = self._brokers.address
        producer = AIOKafkaProducer(
            bootstrap_servers=self._brokers.known_hosts() or list(address.hosts),
            enable_idempotence=True,
            max_batch_size=MESSAGE_LIMIT_BYTES,  # more than any batch of ours: the driver would leave out what it has no room for
            max_request_size=MESSAGE_LIMIT_BYTES,
            **DRIVER,
            **address.options(),
        )
        try:
            async with asyncio.timeout(START_TIMEOUT_S):
                await producer.start()
        except BaseException as error:
            await producer.stop()
            if isinstance(error, faults.FAILURES):
                self._brokers.doubt()
                raise faults.unavailable(error) from error
            raise
        return producer

    def _replace(self, producer: AIOKafkaProducer) -> None:
        if self._producer.value() is producer:
            self._producer.drop()
            self._put_away(producer)

    def _put_away(self, producer: AIOKafkaProducer) -> None:
        task = asyncio.create_task(_put_away(producer))
        self._leaving.add(task)
        task.add_done_callback(self._leaving.discard)


def _built(producer: AIOKafkaProducer, batch: Batch) -> Any:
    built = producer.create_batch()
    for record in batch.records:
        built.append(timestamp=None, key=record.key.encode(), value=record.raw)
    built.close()
    return built


async def _put_away(producer: AIOKafkaProducer) -> None:
    """Deliver what can be delivered in a moment, and let go of the rest."""
    try:
        async with asyncio.timeout(FLUSH_TIMEOUT_S):
            await producer.flush()
            await producer.stop()
    except TimeoutError:
        # stop() would wait for brokers that may never answer, and there is no other public way to end the sending.
        sending = producer._sender.sender_task
        sending.cancel()
        await asyncio.wait({sending}, timeout=LET_GO_S)
        await producer.client.close()
        sending.cancel()  # it may wait for the request under way
        await asyncio.wait({sending}, timeout=LET_GO_S)
        producer._closed = True
