"""Clients that fight for rows of a linear table, and what a row is: a register with versions."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Sequence
from typing import Final

import msgspec

from cluster.durable import Mode, Row, Store, Table
from tests.histories.history import History, Operation, Outcome
from tests.histories.linearizability import refutation

ROWS: Final = Table("history_rows", Mode.LINEAR, group="histories")
SORT: Final = "row"
AT_ONCE: Final = 3
LONGEST: Final = 60
"""After so many operations a row is left alone, since long histories take long to judge."""

State = tuple[int, str]
ABSENT: Final[State] = (0, "")


class Get(msgspec.Struct, frozen=True):
    """Read the row; answered with the state."""


class Put(msgspec.Struct, frozen=True):
    """Write a row that must not exist."""

    value: str


class Swap(msgspec.Struct, frozen=True):
    """Replace the row of this version."""

    version: int
    value: str


class Remove(msgspec.Struct, frozen=True):
    """Remove the row of this version."""

    version: int


def step(state: State, operation: Operation) -> State | None:
    """Return the row after an operation, or None if it cannot have ended as it did."""
    asked = operation.asked
    if isinstance(asked, Get):
        return state if operation.answer == state else None
    version = 0 if isinstance(asked, Put) else asked.version
    if operation.outcome is Outcome.CONFLICT:
        return state if state[0] != version else None
    if state[0] != version:
        return None
    return ABSENT if isinstance(asked, Remove) else (version + 1, asked.value)


def state_of(row: Row | None) -> State:
    """Return a row as histories have it."""
    return ABSENT if row is None else (row.version, str(row.value["value"]))


class Registers:
    """The workload: clients with a store each, all on the same few rows."""

    name = "rows of a linear table: get, put_if_absent, compare_and_set"

    def __init__(self, stores: Sequence[Store], prefix: str, seed: int, *, removals: bool = False) -> None:
        self.history = History()
        self._stores, self._prefix, self._removals = stores, prefix, removals
        self._random = random.Random(seed)
        self._used = [0] * AT_ONCE
        self._values = 0

    async def run(self, ending: Callable[[], bool]) -> None:
        """Read and write until `ending`; at last every row is read once."""
        await asyncio.gather(*(self._client(f"client-{number}", store, ending) for number, store in enumerate(self._stores)))
        for key in sorted(self.history.by_key()):
            await self._ask("last", self._stores[0], key, Get())

    def faults(self) -> list[str]:
        """Return the rows whose histories nothing explains."""
        found = (refutation(operations, ABSENT, step) for operations in self.history.by_key().values())
        return [str(each) for each in found if each is not None]

    def judged(self) -> str:
        """Say what was judged."""
        return f"{len(self.history.by_key())} rows, each linearizable"

    async def _client(self, client: str, store: Store, ending: Callable[[], bool]) -> None:
        known: dict[str, State] = {}
        while not ending():
            slot = self._random.randrange(AT_ONCE)
            key = f"{self._prefix}-{slot}-{self._used[slot] // LONGEST}"
            self._used[slot] += 1
            operation = await self._ask(client, store, key, self._wish(known.get(key)))
            if operation.outcome is Outcome.OK:
                known[key] = operation.answer
            else:
                known.pop(key, None)  # whatever it was, it may be another by now
            await asyncio.sleep(self._random.uniform(0.0, 0.02))

    def _wish(self, known: State | None) -> Get | Put | Swap | Remove:
        if known is None:
            return Get() if self._random.random() < 0.8 else Put(self._value())  # some write without having looked
        if self._random.random() < 0.25:
            return Get()
        if known == ABSENT:
            return Put(self._value())
        if self._removals and self._random.random() < 0.15:
            return Remove(known[0])
        return Swap(known[0], self._value())

    def _value(self) -> str:
        self._values += 1
        return f"v{self._values}"

    async def _ask(self, client: str, store: Store, key: str, wish: Get | Put | Swap | Remove) -> Operation:
        async def call() -> State:
            match wish:
                case Get():
                    return state_of(await store.get(key, SORT))
                case Put(value):
                    return state_of(await store.put_if_absent(key, SORT, "row", {"value": value}))
                case Swap(version, value):
                    return state_of(await store.compare_and_set(Row(key, SORT, version, "row", {}), {"value": value}))
                case Remove(version):
                    await store.delete(Row(key, SORT, version, "row", {}))
                    return ABSENT

        return await self.history.record(client, key, wish, call(), reads=isinstance(wish, Get))
