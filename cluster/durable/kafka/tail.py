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
"""To one broker at once; with all under way, a reader that comes is looked after when they end, POLL_S later at most."""
RETURN_S: Final = 0.02
"""How long those who were not woken wait for those who were: they read, and most are back at once."""
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
    """Owns the polls to all brokers.

    Polls to a broker that are begun while another is under way end with it, so that all readers go along with one poll again.
    """

    def __init__(self, brokers: Brokers) -> None:
        self._brokers = brokers
        self._loop = asyncio.get_running_loop()
        self._idle: set[Waiting] = set()
        self._polls: dict[tuple[int, int], asyncio.Task[None]] = {}
        self._ends_s: dict[int, float] = {}
        self._due: asyncio.Handle | None = None
        self._away = 0
        self._closed = False

    def wait(self, name: str, partition: int, offset: int) -> asyncio.Future[None]:
        """Return a future that is done once there may be something at `offset` or beyond; cancel it to stop waiting."""
        waiting = Waiting((name, partition), offset)
        self._idle.add(waiting)
        self._away -= 1
        if self._away <= 0:
            self._begin_in(0.0)  # in the loop's next turn: those who come in this one go along
        return waiting.woken

    async def close(self) -> None:
        """End all polls; nobody is woken."""
        self._closed = True
        polls = list(self._polls.values())
        for poll in polls:
            poll.cancel()
        await asyncio.gather(*polls, return_exceptions=True)

    def _begin_in(self, delay_s: float) -> None:
        if self._due is not None:
            self._due.cancel()
        self._due = self._loop.call_later(delay_s, self._begin)

    def _begin(self) -> None:
        self._due, self._away = None, 0
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
            self._begin_at(node, group)

    def _begin_at(self, node: int, group: Collection[Waiting]) -> None:
        now_s = self._loop.time()
        free = [number for number in range(POLLS) if (node, number) not in self._polls]
        if len(free) == POLLS or now_s > self._ends_s[node] + POLL_S:  # none under way, or only such as are long overdue
            self._ends_s[node] = now_s + POLL_S
        left_s = self._ends_s[node] - now_s
        if free and left_s > RETURN_S:
            self._idle.difference_update(group)
            self._polls[node, free[0]] = asyncio.create_task(self._poll(node, free[0], group, left_s))

    async def _poll(self, node: int, connection: int, group: Collection[Waiting], wait_s: float) -> None:
        try:
            told = await _ends(self._brokers.client, node, _CONNECTIONS + connection, group, wait_s)
        except faults.FAILURES:
            await asyncio.sleep(RETRY_S)
            told = {}  # they look for themselves, and find out what is wrong
        finally:
            del self._polls[node, connection]
        for waiting in group:
            end = told.get(waiting.place)
            if not waiting.woken.done() and (end is None or end > waiting.offset):
                self._away += 1
                waiting.wake()
            elif not waiting.woken.done():
                self._idle.add(waiting)
        self._begin_in(RETURN_S if self._away > 0 else 0.0)


async def _ends(client: AIOKafkaClient, node: int, connection: int, group: Collection[Waiting], wait_s: float) -> dict[Place, int]:
    """Return the ends of the partitions once one has grown, or after `wait_s`; one that this broker no longer leads is left out."""
    first: dict[Place, int] = {}
    for waiting in group:
        first[waiting.place] = min(waiting.offset, first.get(waiting.place, waiting.offset))
    by_topic: dict[str, list[tuple[int, int, int]]] = defaultdict(list)
    for (name, partition), offset in first.items():
        by_topic[name].append((partition, offset, 1))
    request = FetchRequest(max(1, int(wait_s * 1000)), 1, 1, 0, list(by_topic.items()))
    answer = await client.send(node, request, group=connection)
    return {(name, partition): end for name, partitions in answer.topics for partition, code, end, *_ in partitions if code == 0}
