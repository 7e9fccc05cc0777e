"""The one producer of an event loop to a cluster: idempotent, acknowledged by all replicas in sync, replaced when its fate is unknown.

A batch that an idempotent producer of this driver has begun to send never expires, and one that it gives up leaves a gap in its
sequence numbers, after which the brokers refuse all that follows. So each append is bounded here, and a producer that failed or kept
an append waiting is put away: what it still holds may be delivered, or not.
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
from cluster.durable.kafka.reading import LATEST, offset_of
from cluster.durable.kafka.topics import MESSAGE_LIMIT_BYTES
from cluster.durable.log import Position

APPEND_DEADLINE_S: Final = 8.0
"""Longer than brokers take to agree on new leaders."""
START_TIMEOUT_S: Final = 5.0
FLUSH_TIMEOUT_S: Final = 2.0
LET_GO_S: Final = 1.0
BATCH_BYTES: Final = 128 << 10


class Writer:
    """Owns the producer."""

    def __init__(self, brokers: Brokers) -> None:
        self._brokers = brokers
        self._producer = Attempt(self._start)
        self._leaving: set[asyncio.Task[None]] = set()

    async def append(self, name: str, records: Sequence[Record]) -> list[Position]:
        """Write records and return where each stands.

        Raises:
            StoreUnavailable: nothing was written.
            Indeterminate: some may have been written, or may be later.
            InvalidInput: the brokers take no event of this size.
        """
        if not self._brokers.answering:
            # Asked first: what is handed to the producer while nobody answers may be written long after.
            partition = records[0].partition
            await self._brokers.at_leader(name, partition, partial(offset_of, name=name, partition=partition, which=LATEST))
        producer = await self._producer.result()
        sent: list[asyncio.Future[Any]] = []
        failures: list[BaseException] = []
        try:
            async with asyncio.timeout(APPEND_DEADLINE_S):
                for record in records:
                    sending = producer.send(name, record.raw, key=record.key.encode(), partition=record.partition)
                    sent.append(await sending)
                await asyncio.wait(sent)
        except TimeoutError:
            self._brokers.doubt()
        except faults.FAILURES as error:
            failures.append(error)
        failures += [failure for future in sent if future.done() and (failure := future.exception()) is not None]
        places = [Position(record.partition, _offset(future)) for record, future in zip(records, sent, strict=False)]
        if len(places) < len(records) or any(place.offset < 0 for place in places):
            for future in sent:
                future.add_done_callback(_offset)
            self._replace(producer)
            raise faults.unwritten(len(sent), failures)
        return places

    async def close(self) -> None:
        """Deliver what is under way, for a moment at most, and close."""
        producer = self._producer.value()
        self._producer.drop()
        if producer is not None:
            self._put_away(producer)
        if self._leaving:
            await asyncio.wait(self._leaving)

    async def _start(self) -> AIOKafkaProducer:
        address = self._brokers.address
        producer = AIOKafkaProducer(
            bootstrap_servers=self._brokers.known_hosts() or list(address.hosts),
            enable_idempotence=True,
            max_batch_size=BATCH_BYTES,
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


def _offset(sent: asyncio.Future[Any]) -> int:
    """Return where a record stands; negative while, or if, that is unknown: after a repeated send the brokers may not tell."""
    return -1 if not sent.done() or sent.exception() is not None else int(sent.result().offset)


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
