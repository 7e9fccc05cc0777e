import asyncio
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import pytest

from cluster.durable import Entry, Insert, Log, Position, Store, Update, open_log, open_store
from cluster.errors import CorruptData, StoreUnavailable
from cluster.events import CATALOG, Event, Topic
from serve_apps.catalog.follower import CHANGED, GONE, RELOAD_AFTER_S, Follower
from serve_apps.catalog.policy import Sight
from serve_apps.catalog.record import TitleRecord
from serve_apps.catalog.rows import states
from serve_apps.catalog.snapshot import Snapshot
from serve_apps.catalog.tables import SORT_PREFIX, TITLE, TITLES, partition_for
from tests.clock import Clock
from tests.serve_apps.catalog.world import EDGE, eventually

TITLE_ID = "a" * 32
EVERYTHING = Sight(18, drafts=True)


class FlakyLog:
    """A log that is away when the test says so."""

    def __init__(self, log: Log) -> None:
        self.log, self.down, self.refused, self.damaged = log, False, 0, False

    async def append(self, topic: Topic, events: Sequence[Event]) -> list[Position]:
        return await self.log.append(topic, events)

    async def read(self, topic: Topic, partition: int, offset: int, *, limit: int = 500, wait_s: float = 0.0) -> list[Entry]:
        if self.down:
            self.refused += 1
            raise StoreUnavailable
        if self.damaged:
            raise CorruptData
        return await self.log.read(topic, partition, offset, limit=limit, wait_s=min(wait_s, 0.01))

    async def end(self, topic: Topic, partition: int) -> int:
        self.damaged = False  # the end is past what is damaged
        return await self.log.end(topic, partition)

    async def close(self) -> None:
        await self.log.close()


class Following:
    def __init__(self, store: Store, log: FlakyLog, clock: Clock) -> None:
        self.store, self.log, self.clock = store, log, clock
        self.follower = Follower(partial(states, store), log, lambda: Snapshot(EDGE), clock)

    async def write(self, name: str, version: int) -> None:
        value = TitleRecord(title_id=TITLE_ID, kind="film", name=name).model_dump(mode="json")
        sort = SORT_PREFIX + TITLE_ID
        change = Update(sort, TITLE, value, if_version=version - 1) if version > 1 else Insert(sort, TITLE, value)
        await self.store.batch(partition_for(TITLE_ID), [change])

    async def tell(self, name: str | None, version: int) -> None:
        value = TitleRecord(title_id=TITLE_ID, kind="film", name=name or "").model_dump(mode="json")
        event = Event(CATALOG.name, CHANGED if name else GONE, TITLE_ID, version, 0.0, value)
        await self.log.append(CATALOG, [event])

    @property
    def name(self) -> str | None:
        entry = self.follower.holder.detail(TITLE_ID, EVERYTHING)
        return entry.name if entry is not None else None


def following(tmp_path: Path, run) -> None:
    async def main() -> None:
        clock = Clock()
        store = await open_store(f"sqlite:{tmp_path / 'store'}", TITLES, clock)
        log = FlakyLog(await open_log(f"sqlite:{tmp_path / 'log'}", clock))
        world = Following(store, log, clock)
        try:
            await run(world)
        finally:
            await world.follower.close()
            await log.close()
            await store.close()

    asyncio.run(main())


def test_what_was_written_before_is_loaded_and_what_comes_after_is_followed(tmp_path):
    async def run(world: Following) -> None:
        await world.write("old", 1)
        await world.follower.open()
        assert world.name == "old"
        await world.tell("new", 2)
        await eventually(lambda: world.name == "new")
        await world.tell("old", 1)
        await world.tell(None, 3)
        await eventually(lambda: world.name is None)

    following(tmp_path, run)


def test_while_the_log_is_away_the_replica_keeps_what_it_has_and_says_how_old_that_is(tmp_path):
    async def run(world: Following) -> None:
        await world.write("old", 1)
        await world.follower.open()
        world.log.down = True
        world.clock.advance(60)
        await eventually(lambda: world.log.refused >= CATALOG.partitions)
        assert (world.name, world.follower.running, world.follower.stale_s) == ("old", True, 60.0)
        await world.tell("new", 2)
        world.log.down = False
        await eventually(lambda: world.name == "new" and world.follower.stale_s == 0)

    following(tmp_path, run)


def test_after_a_long_absence_of_the_log_the_store_is_scanned_again(tmp_path):
    async def run(world: Following) -> None:
        await world.write("old", 1)
        await world.follower.open()
        world.log.down = True
        await eventually(lambda: world.log.refused >= CATALOG.partitions)
        await world.write("missed", 2)  # and nothing in the log tells of it any more
        world.clock.advance(RELOAD_AFTER_S + 1)
        world.log.down = False
        await eventually(lambda: world.name == "missed")
        await world.tell("new", 3)
        await eventually(lambda: world.name == "new")

    following(tmp_path, run)


def test_past_a_damaged_entry_of_the_log_the_store_is_scanned_again(tmp_path):
    async def run(world: Following) -> None:
        await world.write("old", 1)
        await world.follower.open()
        await world.write("told by the damaged entry", 2)
        world.log.damaged = True
        await eventually(lambda: world.name == "told by the damaged entry")
        await world.tell("new", 3)
        await eventually(lambda: world.name == "new")

    following(tmp_path, run)


def test_a_damaged_title_hides_no_other(tmp_path):
    async def run(world: Following) -> None:
        await world.write("good", 1)
        await world.store.batch(partition_for(TITLE_ID), [Insert(SORT_PREFIX + "b" * 32, TITLE, {"name": 3})])
        await world.follower.open()
        await world.log.append(CATALOG, [Event(CATALOG.name, CHANGED, TITLE_ID, 2, 0.0, {"name": 3})])
        await world.tell("better", 3)
        await eventually(lambda: world.name == "better")
        assert len(world.follower.holder) == 1

    following(tmp_path, run)


def test_without_a_log_there_is_nothing_to_serve(tmp_path):
    async def run(world: Following) -> None:
        await world.log.close()
        with pytest.raises(StoreUnavailable):
            await world.follower.open()

    following(tmp_path, run)
