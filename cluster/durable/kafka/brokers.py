"""The brokers, as one event loop reaches them.

Main path: open() -> prepared(topic) -> at_leader(an exchange) -> close().
An exchange is tried again while leaders change or are away, within PATIENCE_S; once nobody has answered for so long, within
SHORT_PATIENCE_S until somebody does. Refuses to know what is read or written.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, Final, TypeVar

import structlog
from aiokafka.client import AIOKafkaClient
from aiokafka.conn import create_conn, get_ip_port_afi
from aiokafka.errors import LeaderNotAvailableError, NoBrokersAvailable
from aiokafka.structs import TopicPartition

from cluster.durable.kafka import faults, topics
from cluster.durable.kafka.address import Address
from cluster.durable.kafka.attempt import Attempt
from cluster.errors import Misconfigured, StoreUnavailable
from cluster.events import Topic

T = TypeVar("T")

log = structlog.get_logger()

OPEN_TIMEOUT_S: Final = 8.0
REACH_TIMEOUT_S: Final = 4.0
PATIENCE_S: Final = 8.0
"""Longer than brokers take to notice that one of them is dead, and to agree on new leaders."""
SHORT_PATIENCE_S: Final = 1.0
RETRY_S: Final = 0.1
CLIENT: Final = "matinee"
DRIVER: Final[dict[str, Any]] = {
    "client_id": CLIENT,
    "request_timeout_ms": 5000,
    "metadata_max_age_ms": 10_000,
    "retry_backoff_ms": 50,
}
"""Who asks, and how patient the driver is with one request."""

# What the driver meets reaches callers as our errors; its own log repeats it at each of its attempts while a broker is away.
logging.getLogger("aiokafka").setLevel(logging.CRITICAL)


class Brokers:
    """Owns the connections that reading and asking use."""

    def __init__(self, address: Address, client: AIOKafkaClient) -> None:
        self.address = address
        self.answering = True
        self.closed = False
        self._client = client
        self._topics: dict[str, Attempt[int]] = {}
        self._prepared: dict[Topic, str] = {}
        self._underway: set[asyncio.Timeout] = set()
        self._quiet = asyncio.Event()
        self._renewing: asyncio.Task[None] | None = None
        self._replaced: asyncio.Task[None] | None = None

    @classmethod
    async def open(cls, address: Address) -> Brokers:
        """Connect.

        Raises:
            Misconfigured: nobody answers there; the sentence says why, for each host.
        """
        try:
            async with asyncio.timeout(OPEN_TIMEOUT_S):
                return cls(address, await _connected(address, await _reached(address)))
        except faults.FAILURES as error:
            raise Misconfigured(f"MATINEE_LOG: no Kafka answers at {address}: {faults.why_unreachable(error)}") from error

    async def close(self) -> None:
        """Close the connections; who waits for an answer is told that the log is closed."""
        self.closed = True
        for attempt in self._topics.values():
            attempt.drop()
        for timeout in self._underway:
            if not timeout.expired():
                timeout.reschedule(asyncio.get_running_loop().time())
        if self._underway:
            await self._quiet.wait()
        if self._renewing is not None:
            self._renewing.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._renewing
        if self._replaced is not None:
            await self._replaced
        await self._client.close()

    @property
    def client(self) -> AIOKafkaClient:
        """The connections of now: they are replaced after nobody answered for a while."""
        return self._client

    def leader_of(self, name: str, partition: int) -> int | None:
        """Return the broker that leads a partition, as far as it is known."""
        node = self._client.cluster.leader_for_partition(TopicPartition(name, partition))
        return None if node is None or node < 0 else int(node)

    def known_hosts(self) -> list[str]:
        """Return where the brokers are that were there at the last look."""
        return sorted(f"{broker.host}:{broker.port}" for broker in self._client.cluster.brokers())

    def doubt(self) -> None:
        """Note that nobody answered in time: until somebody does, calls are patient for less long."""
        if self.answering and not self.closed:
            log.warning("Kafka does not answer", brokers=str(self.address))
        self.answering = False

    async def prepared(self, topic: Topic) -> str:
        """Return a topic's name on the brokers, made there if it is missing.

        Raises:
            StoreUnavailable: nobody answers.
            Misconfigured: it is there with another number of partitions, or may not be made.
        """
        if topic in self._prepared:
            return self._prepared[topic]
        name = self.address.topic_name(topic.name)
        attempt = self._topics.get(name)
        if attempt is None:
            attempt = self._topics[name] = Attempt(partial(self._prepare, name, topic))
        found = await attempt.result()
        if found != topic.partitions:
            raise Misconfigured(f"Kafka's topic {name} has {found} partitions; it cannot be opened with {topic.partitions}")
        self._prepared[topic] = name
        return name

    async def at_leader(self, name: str, partition: int, exchange: Callable[[AIOKafkaClient, int], Awaitable[T]]) -> T:
        """Return what an exchange with the broker that leads a partition gave.

        Raises:
            StoreUnavailable: nobody answers.
        """

        async def attempt(client: AIOKafkaClient) -> T:
            node = self.leader_of(name, partition)
            if node is None:
                raise LeaderNotAvailableError
            return await exchange(client, node)

        return await self._patiently(attempt)

    async def _prepare(self, name: str, topic: Topic) -> int:
        async def attempt(client: AIOKafkaClient) -> int:
            node = client.get_random_node()
            if node is None:
                raise NoBrokersAvailable
            found = await topics.ensure(client, node, name, topic)
            client.add_topic(name)
            await _refresh(client)
            return found

        return await self._patiently(attempt)

    async def _patiently(self, attempt: Callable[[AIOKafkaClient], Awaitable[T]]) -> T:
        failure: BaseException | None = None
        timeout = asyncio.timeout(PATIENCE_S if self.answering else SHORT_PATIENCE_S)
        try:
            async with timeout:
                self._underway.add(timeout)
                while not self.closed:
                    client = self._client
                    try:
                        answer = await attempt(client)
                    except faults.FAILURES as error:
                        if not faults.passes(error):
                            raise faults.unavailable(error) from error
                        failure = error
                    else:
                        self._answered()
                        return answer
                    await _refresh(client)
                    await asyncio.sleep(RETRY_S)
        except TimeoutError:
            if not self.closed:
                self.doubt()
                self._renew()
                raise faults.unavailable(failure) from failure
        finally:
            self._underway.discard(timeout)
            if self.closed and not self._underway:
                self._quiet.set()
        raise StoreUnavailable("The log is closed")

    def _answered(self) -> None:
        if not self.answering:
            log.info("Kafka answers again", brokers=str(self.address))
        self.answering = True

    def _renew(self) -> None:
        # The driver may be stuck though the brokers are well, and does not say so.
        if self._renewing is None or self._renewing.done():
            self._renewing = asyncio.create_task(self._connect_anew())

    async def _connect_anew(self) -> None:
        # Through any broker known: those that the URL names may be away while others are well.
        hosts = sorted({*self.address.hosts, *self.known_hosts()})
        with contextlib.suppress(Misconfigured, *faults.FAILURES):
            if self._replaced is not None:
                await self._replaced
            async with asyncio.timeout(OPEN_TIMEOUT_S):
                client = await _connected(self.address, hosts)
            for name in self._topics:
                client.add_topic(name)
            old, self._client = self._client, client
            self._replaced = asyncio.create_task(old.close())


async def _refresh(client: AIOKafkaClient) -> None:
    await asyncio.wait({client.force_metadata_update()}, timeout=SHORT_PATIENCE_S)


async def _reached(address: Address) -> list[str]:
    """Return the hosts that let us in; all are tried at once."""
    options = address.options()
    reached: list[str] = []
    reasons: list[str] = []

    async def reach(host: str) -> None:
        name, port, _ = get_ip_port_afi(host)
        try:
            connection = await create_conn(name, port, client_id=CLIENT, request_timeout_ms=int(REACH_TIMEOUT_S * 1000), **options)
        except faults.FAILURES as error:
            reasons.append(f"{host} ({faults.why_unreachable(error)})")
        else:
            connection.close()
            reached.append(host)

    await asyncio.gather(*map(reach, address.hosts))
    if not reached:
        raise Misconfigured(f"MATINEE_LOG: no Kafka answers at {', '.join(sorted(reasons))}")
    return reached


async def _connected(address: Address, hosts: list[str]) -> AIOKafkaClient:
    client = AIOKafkaClient(bootstrap_servers=hosts, **DRIVER, **address.options())
    try:
        await client.bootstrap()
    except BaseException:
        await client.close()
        raise
    return client
