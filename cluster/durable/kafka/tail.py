"""Readers that wait for what comes, gathered into few long polls.

A broker answers the requests of a connection one after another: a fetch that waits holds up all behind it. So polls have connections
of their own, each carries everybody who waits for the same broker, and whoever comes while one is under way goes along with another.
Only wakes: what came is read by the reader. Refuses to know whom it wakes.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Collection
from typing import Final

from aiokafka.client import AIOKafkaClient
from aiokafka.protocol.fetch import FetchRequest

from cluster.durable.kafka import faults
from cluster.durable.kafka.brokers import RETRY_S, Brokers

POLL_S: Final = 1.0
POLLS: Final = 4
"""To one broker at once; with all under way, a reader that comes is looked after when the first ends, POLL_S later at most."""
_CONNECTIONS: Final = 100
"""Above the driver's own numbers of connections."""

Place = tuple[str, int]
"""A topic's name on the brokers, and a partition."""


class Waiting:
    """A reader that waits for something at `offset` or beyond."""

    def __init__(self, place: Place, offset: int) -> None:
        self.place, self.offset = place, offset
        self.woken: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def wake(self) -> None:
        """Have it look again."""
        if not self.woken.done():
            self.woken.set_result(None)


class Tail:
    """Owns the polls to all brokers."""

    def __init__(self, brokers: Brokers) -> None:
        self._brokers = brokers
        self._idle: set[Waiting] = set()
        self._polls: dict[tuple[int, int], asyncio.Task[None]] = {}
        self._due = False
        self._closed = False

    def wait(self, name: str, partition: int, offset: int) -> asyncio.Future[None]:
        """Return a future that is done once there may be something at `offset` or beyond; cancel it to stop waiting."""
        waiting = Waiting((name, partition), offset)
        self._idle.add(waiting)
        self._soon()
        return waiting.woken

    async def close(self) -> None:
        """End all polls; nobody is woken."""
        self._closed = True
        polls = list(self._polls.values())
        for poll in polls:
            poll.cancel()
        await asyncio.gather(*polls, return_exceptions=True)

    def _soon(self) -> None:
        # Those who come in one turn of the loop go along with one poll.
        if not self._due:
            self._due = True
            asyncio.get_running_loop().call_soon(self._begin)

    def _begin(self) -> None:
        self._due = False
        if self._closed:
            return
        by_node: dict[int, list[Waiting]] = defaultdict(list)
        for waiting in list(self._idle):
            node = self._brokers.leader_of(*waiting.place)
            if node is None or waiting.woken.done():
                self._idle.discard(waiting)
                waiting.wake()
            else:
                by_node[node].append(waiting)
        for node, group in by_node.items():
            connection = next((number for number in range(POLLS) if (node, number) not in self._polls), None)
            if connection is not None:
                self._idle.difference_update(group)
                self._polls[node, connection] = asyncio.create_task(self._poll(node, connection, group))

    async def _poll(self, node: int, connection: int, group: Collection[Waiting]) -> None:
        try:
            told = await _ends(self._brokers.client, node, _CONNECTIONS + connection, group)
        except faults.FAILURES:
            await asyncio.sleep(RETRY_S)
            told = {}  # they look for themselves, and find out what is wrong
        finally:
            del self._polls[node, connection]
        for waiting in group:
            end = told.get(waiting.place)
            if end is None or end > waiting.offset:
                waiting.wake()
            elif not waiting.woken.done():
                self._idle.add(waiting)
        self._soon()


async def _ends(client: AIOKafkaClient, node: int, connection: int, group: Collection[Waiting]) -> dict[Place, int]:
    """Return the ends of the partitions once one has grown, or after POLL_S; one that this broker no longer leads is left out."""
    first: dict[Place, int] = {}
    for waiting in group:
        first[waiting.place] = min(waiting.offset, first.get(waiting.place, waiting.offset))
    by_topic: dict[str, list[tuple[int, int, int]]] = defaultdict(list)
    for (name, partition), offset in first.items():
        by_topic[name].append((partition, offset, 1))
    request = FetchRequest(int(POLL_S * 1000), 1, 1, 0, list(by_topic.items()))
    answer = await client.send(node, request, group=connection)
    return {(name, partition): end for name, partitions in answer.topics for partition, code, end, *_ in partitions if code == 0}
