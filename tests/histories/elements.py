"""Clients that each add elements of their own, to a plain table or to the log, and what must be there afterwards."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Final, TypeVar

import msgspec

from cluster.durable import Log, Mode, Position, Row, Store, Table, partition_of
from cluster.errors import Unavailable
from cluster.events import Event, Topic
from tests.histories.history import History, Operation, Outcome

T = TypeVar("T")

ELEMENTS: Final = Table("history_elements", Mode.PLAIN, group="histories")
TOPIC: Final = Topic("history_elements", partitions=4)
PATIENCE_S: Final = 120.0


class Add(msgspec.Struct, frozen=True):
    """Add an element to a client's own."""

    number: int


def missing_or_odd(operations: Sequence[Operation], found: Mapping[str, set[int]]) -> list[str]:
    """Return what was acknowledged and is not there, was refused and is there, or was never asked for."""
    faults = []
    for client in sorted({operation.client for operation in operations} | set(found)):
        told: dict[Outcome, set[int]] = {outcome: set() for outcome in Outcome}
        for operation in operations:
            if operation.client == client:
                told[operation.outcome].add(operation.asked.number)
        there = found.get(client, set())
        # One that was refused and asked for again may be there by its second asking.
        for words, wrong in (
            ("were acknowledged and lost", told[Outcome.OK] - there),
            ("were refused and are there", (told[Outcome.REFUSED] & there) - told[Outcome.OK] - told[Outcome.UNKNOWN]),
            ("are there and were never asked for", there - set().union(*told.values())),
        ):
            if wrong:
                faults.append(f"{len(wrong)} elements of {client} {words}: {sorted(wrong)[:10]}")
    return faults


class _Adding:
    """What both workloads have in common."""

    def __init__(self, clients: int, seed: int) -> None:
        self.history = History()
        self.found: dict[str, set[int]] = {}
        self._clients, self._random = clients, random.Random(seed)

    async def run(self, ending: Callable[[], bool]) -> None:
        """Add until `ending`; then read all that is there."""
        names = [f"adder-{number}" for number in range(self._clients)]
        await asyncio.gather(*(self._client(number, name, ending) for number, name in enumerate(names)))
        async with asyncio.timeout(PATIENCE_S):
            for number, name in enumerate(names):
                self.found[name] = await self._all(number, name)

    def faults(self) -> list[str]:
        """Return what was lost or should not be there."""
        return missing_or_odd(self.history.operations, self.found)

    def judged(self) -> str:
        """Say what was judged."""
        return f"{sum(map(len, self.found.values()))} found, none lost, none that was refused"

    async def _client(self, number: int, client: str, ending: Callable[[], bool]) -> None:
        element = 0
        while not ending():
            element += 1
            await self.history.record(client, client, Add(element), self._add(number, client, element))
            await asyncio.sleep(self._random.uniform(0.0, 0.02))

    async def _add(self, number: int, client: str, element: int) -> Position | None:
        raise NotImplementedError

    async def _all(self, number: int, client: str) -> set[int]:
        raise NotImplementedError


class PlainRows(_Adding):
    """The workload: each element a row of a plain table."""

    name = "rows of a plain table: put"

    def __init__(self, stores: Sequence[Store], prefix: str, seed: int) -> None:
        super().__init__(len(stores), seed)
        self._stores, self._prefix = stores, prefix

    async def _add(self, number: int, client: str, element: int) -> Position | None:
        await self._stores[number].put([Row(f"{self._prefix}-{client}", f"{element:08d}", element, "element", {})])
        return None

    async def _all(self, number: int, client: str) -> set[int]:
        found, after = set[int](), None
        while True:
            rows = await until_answered(lambda: self._stores[number].scan(f"{self._prefix}-{client}", after=after, limit=500))  # noqa: B023
            found |= {row.version for row in rows}
            if len(rows) < 500:
                return found
            after = rows[-1].sort


class LogEntries(_Adding):
    """The workload: each element an event in the log."""

    name = "entries of the log: append"

    def __init__(self, logs: Sequence[Log], seed: int) -> None:
        super().__init__(len(logs), seed)
        self._logs = logs
        self._misplaced: list[str] = []

    def faults(self) -> list[str]:
        """Return what was lost, should not be there, or stands elsewhere than was said."""
        return [*super().faults(), *self._misplaced]

    async def _add(self, number: int, client: str, element: int) -> Position | None:
        (position,) = await self._logs[number].append(TOPIC, [Event(TOPIC.name, "element.added", client, element, 0.0, {})])
        return position

    async def _all(self, number: int, client: str) -> set[int]:
        partition, offset, stands = partition_of(client, TOPIC.partitions), 0, dict[int, int]()
        while entries := await until_answered(lambda: self._logs[number].read(TOPIC, partition, offset)):  # noqa: B023
            offset = entries[-1].offset + 1
            stands |= {entry.offset: entry.event.entity_version for entry in entries if entry.event.key == client}
        for operation in self.history.operations:
            where = operation.answer
            if operation.client == client and isinstance(where, Position) and stands.get(where.offset) != operation.asked.number:
                self._misplaced.append(
                    f"{operation.asked} of {client} was acknowledged at {where}, where {stands.get(where.offset)} stands"
                )
        return set(stands.values())


async def until_answered(read: Callable[[], Awaitable[T]]) -> T:
    """Ask until a store or a log answers."""
    while True:
        try:
            return await read()
        except Unavailable:
            await asyncio.sleep(0.2)
