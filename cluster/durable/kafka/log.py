"""The log in Kafka: a topic of ours is one of theirs, an entry is a record whose value is the event as JSON.

Main path: append() hands records to the event loop's one producer; read() is one fetch, and waits by the polls that all readers share.
Serves any number of machines. Retention, replication and the clock of entries are the brokers'.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Final

import msgspec
import structlog

from cluster.durable import limits
from cluster.durable.entries import READ_LIMIT, check_partition, damaged, entries_of, records_of
from cluster.durable.kafka import faults, progress, reading
from cluster.durable.kafka.address import Address, parse
from cluster.durable.kafka.attempt import Attempt
from cluster.durable.kafka.brokers import Brokers
from cluster.durable.kafka.tail import Tail
from cluster.durable.kafka.writing import Writer
from cluster.durable.log import Entry, Position
from cluster.errors import MatineeError, StoreUnavailable
from cluster.events import Event, Topic

log = structlog.get_logger()

NOTE_TIMEOUT_S: Final = 2.0


class KafkaLog:
    """All topics of one address; implements the port `Log`, but never raises StorageFull: a full broker does not answer."""

    def __init__(self, shared: _Shared, kept_s: Mapping[str, float]) -> None:
        self._shared, self._kept_s = shared, kept_s
        self._closed: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    @classmethod
    async def open(cls, url: str, kept_s: Mapping[str, float] | None = None) -> KafkaLog:
        """Open the log; see address.py for the URL. A topic that is made is kept for so long as `kept_s` says, by its name.

        Raises:
            Misconfigured: the URL is none, or nobody answers there.
        """
        return cls(await _Shared.acquire(parse(url)), kept_s or {})

    async def append(self, topic: Topic, events: Sequence[Event]) -> list[Position]:
        """See the port."""
        records = records_of(topic, events)
        brokers, writer = self._parts()
        if not records:
            return []
        return await writer.append(await brokers.prepared(self._kept(topic)), records)

    async def read(self, topic: Topic, partition: int, offset: int, *, limit: int = 500, wait_s: float = 0.0) -> list[Entry]:
        """See the port; what has failed is tried for some seconds beyond `wait_s`."""
        limits.check_limit(limit, READ_LIMIT)
        check_partition(topic, partition)
        until_s = time.monotonic() + wait_s
        brokers, _ = self._parts()
        name = await brokers.prepared(self._kept(topic))
        while True:
            try:
                found = await self._pages(name, partition, offset, limit)
            except reading.Damaged as error:
                raise damaged(topic, partition, error.offset, error) from error
            self._parts()
            entries = entries_of(topic, partition, found.records)
            left_s = until_s - time.monotonic()
            if entries or left_s <= 0:
                return entries
            grown = self._shared.tail.wait(name, partition, min(max(offset, found.following), found.end))
            try:
                await asyncio.wait({grown, self._closed}, timeout=left_s, return_when=asyncio.FIRST_COMPLETED)
            finally:
                grown.cancel()
            self._parts()

    async def end(self, topic: Topic, partition: int) -> int:
        """See the port."""
        check_partition(topic, partition)
        brokers, _ = self._parts()
        name = await brokers.prepared(self._kept(topic))
        asked = partial(reading.offset_of, name=name, partition=partition, which=reading.LATEST)
        return await brokers.at_leader(name, partition, asked)

    async def note_progress(self, group: str, topic: Topic, partition: int, offset: int) -> bool:
        """See the port: as the offset of a consumer group, whose name the address' prefix begins."""
        try:
            brokers, _ = self._parts()
            async with asyncio.timeout(NOTE_TIMEOUT_S):
                name = await brokers.prepared(self._kept(topic))
                await progress.commit(brokers.client, brokers.address.topic_name(group), name, partition, offset)
        except (TimeoutError, MatineeError, *faults.FAILURES) as error:
            log.debug("progress not noted", group=group, partition=partition, error=repr(error))
            return False
        return True

    async def close(self) -> None:
        """See the port; what is under way is delivered, for a moment at most."""
        if not self._closed.done():
            self._closed.set_result(None)
            await self._shared.release()

    def _kept(self, topic: Topic) -> Topic:
        kept_s = self._kept_s.get(topic.name)
        return topic if kept_s is None else msgspec.structs.replace(topic, retention_s=kept_s)

    async def _pages(self, name: str, partition: int, offset: int, limit: int) -> reading.Page:
        """Return all that is there, up to `limit`."""
        records: list[tuple[int, bytes]] = []
        while True:
            asked = partial(reading.page, name=name, partition=partition, offset=offset, limit=limit - len(records))
            try:
                page = await self._shared.brokers.at_leader(name, partition, asked)
            except reading.Damaged:
                if records:
                    return reading.Page(records, offset, offset)
                raise
            records += page.records
            if len(records) == limit or page.following >= page.end:
                return reading.Page(records, page.following, page.end)
            offset = page.following

    def _parts(self) -> tuple[Brokers, Writer]:
        if self._closed.done():
            raise StoreUnavailable("The log is closed")
        return self._shared.brokers, self._shared.writer


class _Shared:
    """What all logs of one address have in common in one event loop."""

    brokers: Brokers
    writer: Writer
    tail: Tail

    def __init__(self, address: Address) -> None:
        self._key = asyncio.get_running_loop(), address
        self._users = 0
        self._connected = Attempt(self._connect)

    @classmethod
    async def acquire(cls, address: Address) -> _Shared:
        shared = _in_use.get((asyncio.get_running_loop(), address)) or cls(address)
        _in_use[shared._key] = shared
        shared._users += 1
        try:
            await shared._connected.result()
        except BaseException:
            await shared.release()
            raise
        return shared

    async def release(self) -> None:
        self._users -= 1
        if self._users > 0:
            return
        del _in_use[self._key]
        connected = self._connected.value()
        self._connected.drop()
        if connected:
            await self.tail.close()
            await self.writer.close()
            await self.brokers.close()

    async def _connect(self) -> bool:
        self.brokers = await Brokers.open(self._key[1])
        self.writer, self.tail = Writer(self.brokers), Tail(self.brokers)
        return True


_in_use: dict[tuple[asyncio.AbstractEventLoop, Address], _Shared] = {}
