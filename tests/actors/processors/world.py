"""A processor over real SQLite stores and logs, or those of given URLs, and faults put between it and them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from actors.outbox_relay import OutboxRelay
from actors.processors import LogProcessor, Patience, Processor, results
from actors.processors.kept import PROCESSED
from cluster.durable import Change, Entry, Log, Row, Store, open_log, open_store
from cluster.durable.outbox import HINTS
from cluster.errors import Indeterminate, InvalidInput, StoreUnavailable, Unavailable, VersionConflict
from cluster.events import DEAD_LETTERS, Event, Topic
from tests.clock import Clock

T = TypeVar("T")

NUMBERS = Topic("numbers", partitions=2)
QUICK = Patience(event_s=0.0, first_s=0.001, limit_s=0.005)


def number(key: str, version: int, **value: Any) -> Event:
    return Event(NUMBERS.name, "number.given", key, version, 0.0, value)


def keys(event: Event) -> list[str]:
    if event.value.get("poison") == "keys":
        raise KeyError("to")
    return event.value.get("to", [event.key])


def apply(current: Mapping[str, Any], event: Event) -> Mapping[str, Any]:
    """Add the version to the list of each row."""
    changed = {key: {"got": [*(row["got"] if row else []), event.entity_version]} for key, row in current.items()}
    match event.value.get("poison"):
        case "apply":
            raise ValueError(f"no number: {event.entity_version}")
        case "stranger":
            return {"stranger": {}}
        case "no json":
            return {key: {"got": object()} for key in current}
        case "too large":
            return {key: {"got": "x" * (1 << 20)} for key in current}
    return changed


LISTS = Processor("lists", NUMBERS, keys, apply)


def applied(processor: Processor, rows: Mapping[str, Any], event: Event) -> Mapping[str, Any]:
    """Apply an event, and hold that nothing was changed unasked, and that the rows come back from a store as they were made."""
    current = {key: rows.get(key) for key in processor.keys(event)}
    before = msgspec.json.encode(current)
    made = processor.apply(current, event)
    assert msgspec.json.encode(current) == before
    assert msgspec.json.decode(msgspec.json.encode(made)) == made
    return made


class Killed(BaseException):
    """What a process that is killed meets."""


class Faults:
    """Counts the calls of store and log, and lets one of them fail: `before` or `after` it takes effect."""

    def __init__(self, at: int = 0, when: str = "before", killed: bool = False) -> None:
        self.calls, self._at, self._when, self._killed = 0, at, when, killed
        self.away = False
        self.most_bytes, self.refused = 0, 0
        """How large a batch may be, where there is a limit to it, and how many were larger."""
        self.left: Any = None
        """What was just opened when it failed, or was killed: nobody has it, to close it."""

    async def call(self, operation: Callable[[], Awaitable[T]], *, writes: bool = False) -> T:
        if self.away:
            self.calls += 1
            raise StoreUnavailable
        self.calls += 1
        mine = self.calls == self._at
        if mine and self._when == "before":
            raise Killed if self._killed else StoreUnavailable()
        answer = await operation()
        if mine:
            self.left = answer
            raise Killed if self._killed else (Indeterminate() if writes else StoreUnavailable())
        return answer


class FaultyStore:
    """Passes to another store."""

    def __init__(self, store: Store, faults: Faults) -> None:
        self._store, self._faults = store, faults

    @property
    def table(self) -> Any:
        return self._store.table

    async def get(self, partition: str, sort: str) -> Row | None:
        return await self._faults.call(lambda: self._store.get(partition, sort))

    async def get_each(self, partition: str, sorts: Sequence[str]) -> list[Row | None]:
        return await self._faults.call(lambda: self._store.get_each(partition, sorts))

    async def put(self, rows: Sequence[Row]) -> None:
        await self._faults.call(lambda: self._store.put(rows), writes=True)

    async def batch(self, partition: str, changes: Sequence[Change]) -> None:
        if self._faults.most_bytes and len(msgspec.json.encode(changes)) > self._faults.most_bytes:
            self._faults.refused += 1
            raise InvalidInput
        await self._faults.call(lambda: self._store.batch(partition, changes), writes=True)

    async def close(self) -> None:
        await self._store.close()


class FaultyLog:
    """Passes to another log."""

    def __init__(self, log: Log, faults: Faults) -> None:
        self._log, self._faults = log, faults

    async def read(self, topic: Topic, partition: int, offset: int, **how: Any) -> list[Entry]:
        return await self._faults.call(lambda: self._log.read(topic, partition, offset, **how))

    async def note_progress(self, group: str, topic: Topic, partition: int, offset: int) -> bool:
        return await self._log.note_progress(group, topic, partition, offset)

    async def close(self) -> None:
        await self._log.close()


class World:
    """A store, a log, and processors over them."""

    def __init__(self, store_url: str, log_url: str, clock: Clock) -> None:
        self.store_url, self.log_url, self.clock = store_url, log_url, clock
        self._processors: list[LogProcessor] = []
        self._faults: list[Faults] = []

    async def __aenter__(self) -> World:
        self.log = await open_log(self.log_url, self.clock)
        self.store = await open_store(self.store_url, PROCESSED, self.clock)
        return self

    async def __aexit__(self, *_: object) -> None:
        left = [faults.left for faults in self._faults if hasattr(faults.left, "close")]
        for each in (*left, *self._processors, self.store, self.log):
            await each.close()

    def processor(self, faults: Faults | None = None, processor: Processor = LISTS, **how: Any) -> LogProcessor:
        """Return a processor as a process of its own would have it."""
        faults = faults or Faults()

        async def opened(table: Any) -> Store:
            return FaultyStore(await faults.call(lambda: open_store(self.store_url, table, self.clock)), faults)  # type: ignore[return-value]

        async def opened_log() -> Log:
            return FaultyLog(await faults.call(lambda: open_log(self.log_url, self.clock)), faults)  # type: ignore[return-value]

        made = LogProcessor(
            processor, partial(opened, PROCESSED), partial(opened, HINTS), opened_log, self.clock, **{"patience": QUICK, **how}
        )
        self._processors.append(made)
        self._faults.append(faults)
        return made

    async def opened(self, table: Any) -> Store:
        return await open_store(self.store_url, table, self.clock)

    async def give(self, *events: Event) -> None:
        for first in range(0, len(events), 1000):
            await self.log.append(NUMBERS, events[first : first + 1000])

    async def got(self, processor: Processor = LISTS) -> dict[str, Any]:
        """Return the whole result; no key is in two partitions."""
        found = [await results.rows(self.store, processor.name, partition) for partition in range(processor.topic.partitions)]
        merged = {key: value.get("got") for each in found for key, value in each}
        assert len(merged) == sum(map(len, found))
        return merged

    async def letters(self) -> list[dict[str, Any]]:
        """Publish what was set aside, and return it."""
        relay = OutboxRelay(
            partial(open_store, self.store_url, HINTS, self.clock),
            partial(open_store, self.store_url, now_s=self.clock),
            partial(open_log, self.log_url, self.clock),
            self.clock,
        )
        await relay.run_once()
        await relay.close()
        return [entry.event.value for entry in await self.log.read(DEAD_LETTERS, 0, 0, limit=1000)]

    async def lag(self) -> int:
        return sum([(await results.progress(self.store, self.log, LISTS, each)).lag for each in range(NUMBERS.partitions)])


def in_world(folder: Path, scenario: Callable[[World], Coroutine[Any, Any, None]], clock: Clock | None = None) -> None:
    between(f"sqlite:{folder / 'store'}", f"sqlite:{folder / 'log'}", scenario, clock)


def between(store_url: str, log_url: str, scenario: Callable[[World], Coroutine[Any, Any, None]], clock: Clock | None = None) -> None:
    async def go() -> None:
        async with World(store_url, log_url, clock or Clock()) as world:
            await scenario(world)

    asyncio.run(go())


async def until(condition: Callable[[], Awaitable[bool]], within_s: float = 20.0) -> None:
    """Wait for a condition."""
    async with asyncio.timeout(within_s):
        while not await condition():  # noqa: ASYNC110 - what is waited for is in a store
            await asyncio.sleep(0.005)


async def drained(processor: LogProcessor) -> None:
    """Go on as `run` does."""
    while True:
        try:
            await processor.run_once()
            return
        except (Unavailable, VersionConflict):
            continue
