"""How far the log is behind, as operators are told, whatever the relay does."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import pytest

from actors.outbox_relay import OutboxRelay
from cluster.durable import Insert, Mode, Store, Table, open_log, open_store
from cluster.durable.outbox import HINTS, OUTBOX_PREFIX, SLOT_S, Outbox
from cluster.events import CATALOG, Event
from serve_apps.operations.lag import REFRESH_S, Lag, Unpublished
from tests.clock import Clock

TITLES = Table("titles", Mode.LINEAR, group="catalog")


class Committing:
    """Somebody who commits facts, a relay that is told to run, and the lag between them."""

    def __init__(self, folder: Path, clock: Clock, titles: Store, outbox: Outbox) -> None:
        self.folder, self.clock, self.titles, self.outbox = folder, clock, titles, outbox
        self.opened: Counter[str] = Counter()
        self.lag = Lag(partial(self._open, HINTS), self._open, clock)

    async def commit(self, number: int, partition: str = "t1") -> None:
        event = Event(CATALOG.name, "title.changed", f"title-{number}", 1, self.clock(), {})
        await self.outbox.commit(partition, [Insert(f"title-{number}", "title", {})], [event])

    async def relay(self) -> None:
        relay = OutboxRelay(
            partial(open_store, f"sqlite:{self.folder}", HINTS, self.clock),
            lambda table: open_store(f"sqlite:{self.folder}", table, self.clock),
            partial(open_log, f"sqlite:{self.folder / 'log'}", self.clock),
            self.clock,
        )
        await relay.run_once()
        await relay.close()

    async def look(self) -> Unpublished:
        self.clock.advance(REFRESH_S)
        return await self.lag.look()

    async def _open(self, table: Table) -> Store:
        self.opened[table.name] += 1
        await asyncio.sleep(0)  # others run meanwhile
        return await open_store(f"sqlite:{self.folder}", table, self.clock)


@asynccontextmanager
async def committing(folder: Path) -> AsyncIterator[Committing]:
    clock = Clock()
    titles = await open_store(f"sqlite:{folder}", TITLES, clock)
    outbox = Outbox(titles, await open_store(f"sqlite:{folder}", HINTS, clock), clock)
    world = Committing(folder, clock, titles, outbox)
    try:
        yield world
    finally:
        await world.lag.close()
        await outbox.close()
        await titles.close()


def run(folder: Path, test: Callable[[Committing], Awaitable[None]]) -> None:
    async def main() -> None:
        async with committing(folder) as world:
            await test(world)

    asyncio.run(main())


@pytest.mark.parametrize("stuck_s", [10.0, 600.0, 5 * 86400.0])
def test_a_relay_that_is_stuck_is_told_of_however_long_ago_that_began(tmp_path: Path, stuck_s: float) -> None:
    async def test(world: Committing) -> None:
        await world.commit(1)
        await world.relay()
        world.clock.advance(600)
        await world.commit(2)
        world.clock.advance(stuck_s)
        assert await world.look() == Unpublished(1, stuck_s + REFRESH_S)
        await world.commit(3, "t2")
        assert await world.look() == Unpublished(2, stuck_s + 2 * REFRESH_S)
        await world.relay()
        assert await world.look() == Unpublished()

    run(tmp_path, test)


def test_while_much_has_come_since_it_tells_since_when_about(tmp_path: Path) -> None:
    async def test(world: Committing) -> None:
        for number in range(40):  # published
            await world.commit(number, f"a{number}")
            world.clock.advance(1)
        await world.relay()
        world.clock.advance(600)
        await world.relay()
        began_s = world.clock()
        for number in range(100, 220):
            await world.commit(number, f"t{number}")
            world.clock.advance(SLOT_S / 2)
        told = await world.look()
        assert told.facts > 0
        assert told.oldest_s == world.clock() - began_s

    run(tmp_path, test)


def test_a_fact_that_cannot_be_read_waits_since_its_hint(tmp_path: Path) -> None:
    async def test(world: Committing) -> None:
        await world.commit(1)
        await world.relay()
        await world.titles.batch("t1", [Insert(f"{OUTBOX_PREFIX}damaged", "event", {"topic": 3})])
        assert await world.look() == Unpublished(1, REFRESH_S)

    run(tmp_path, test)


def test_looks_at_once_open_each_table_once(tmp_path: Path) -> None:
    async def test(world: Committing) -> None:
        await world.commit(1)
        told = await asyncio.gather(*(world.lag.look() for _ in range(5)))
        assert told == [Unpublished(1, 0.0)] * 5
        assert world.opened == {HINTS.name: 1, TITLES.name: 1}

    run(tmp_path, test)
