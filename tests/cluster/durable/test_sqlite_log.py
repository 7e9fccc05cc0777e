"""What only the embedded log can meet: its own retention, damaged files, and what waiting costs."""

import asyncio
import contextlib
import sqlite3
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from cluster.durable import open_log, partition_of
from cluster.durable.sqlite.log import SqliteLog
from cluster.errors import CorruptData, Misconfigured
from cluster.events import PLAYBACK, Event, Topic
from cluster.settings import Settings
from tests.clock import Clock
from tests.contracts.writing import TOPIC


def event(key: str, version: int) -> Event:
    return Event(TOPIC.name, "row.written", key, version, 0.0, {})


@contextlib.asynccontextmanager
async def opened(folder: Path, clock: Clock | None = None, retention_s: float = 86400.0) -> AsyncIterator[SqliteLog]:
    log = await SqliteLog.open(folder, clock or Clock(), retention_s)
    try:
        yield log
    finally:
        await log.close()


def test_waiting_costs_almost_no_processor_time(tmp_path: Path) -> None:
    async def go() -> None:
        async with opened(tmp_path) as log:
            before_s = time.process_time()
            await asyncio.gather(*(log.read(TOPIC, number % TOPIC.partitions, 0, wait_s=0.5) for number in range(32)))
            assert time.process_time() - before_s < 0.2

    asyncio.run(go())


def test_old_entries_go_and_offsets_stay(tmp_path: Path) -> None:
    clock, partition = Clock(), partition_of("a", TOPIC.partitions)

    async def go() -> None:
        async with opened(tmp_path, clock, retention_s=100.0) as log:
            await log.append(TOPIC, [event("a", version) for version in range(700)])
            clock.advance(60)
            await log.append(TOPIC, [event("a", 700)])
            assert await log.trim(TOPIC) == 0
            clock.advance(60)
            assert [await log.trim(TOPIC) for _ in range(3)] == [500, 200, 0]
            assert [(entry.offset, entry.event.entity_version) for entry in await log.read(TOPIC, partition, 0)] == [(700, 700)]
            clock.advance(60)
            assert await log.trim(TOPIC) == 1
            assert await log.read(TOPIC, partition, 0) == []
            assert await log.end(TOPIC, partition) == 701
        async with opened(tmp_path, clock) as log:
            (position,) = await log.append(TOPIC, [event("a", 701)])
            assert position.offset == 701

    asyncio.run(go())


def test_a_topic_may_keep_its_entries_longer_than_the_log(tmp_path: Path) -> None:
    clock, longer = Clock(), Topic("longer", 1, retention_s=1000.0)

    async def go() -> None:
        async with opened(tmp_path, clock, retention_s=100.0) as log:
            await log.append(longer, [Event(longer.name, "thing.changed", "a", 1, 1.0, {})])
            clock.advance(999)
            assert await log.trim(longer) == 0
            clock.advance(2)
            assert await log.trim(longer) == 1

    asyncio.run(go())


def test_a_setting_may_keep_plays_longer_or_shorter_than_their_topic_says(tmp_path: Path) -> None:
    clock, kept_s = Clock(), Settings(data=tmp_path, plays_kept_days=200).kept_s

    async def go() -> None:
        log = await SqliteLog.open(tmp_path / "log", clock, kept_s=kept_s)
        await log.append(PLAYBACK, [Event(PLAYBACK.name, "session.started", "a", 1, 1.0, {})])
        clock.advance(199 * 86400.0)
        assert await log.trim(PLAYBACK) == 0
        clock.advance(2 * 86400.0)
        assert await log.trim(PLAYBACK) == 1
        await log.close()

    asyncio.run(go())


def test_a_topic_does_not_change_its_partitions(tmp_path: Path) -> None:
    async def go() -> None:
        async with opened(tmp_path) as log:
            await log.append(TOPIC, [event("a", 1)])
        async with opened(tmp_path) as log:
            with pytest.raises(Misconfigured):
                await log.end(Topic(TOPIC.name, TOPIC.partitions + 1), 0)

    asyncio.run(go())


def test_an_entry_that_cannot_be_read_is_corrupt_and_those_around_it_are_read(tmp_path: Path) -> None:
    async def go() -> None:
        async with opened(tmp_path) as log:
            first, damaged, last = await log.append(TOPIC, [event("a", version) for version in range(3)])
        with contextlib.closing(sqlite3.connect(tmp_path / f"{TOPIC.name}.sqlite3")) as connection, connection:
            connection.execute("UPDATE entries SET event = '{\"topic\": 3}' WHERE offset = ?", (damaged.offset,))
        async with opened(tmp_path) as log:
            assert [entry.offset for entry in await log.read(TOPIC, first.partition, 0)] == [first.offset]
            with pytest.raises(CorruptData) as caught:
                await log.read(TOPIC, first.partition, first.offset + 1)
            past = caught.value.fields["offset"] + 1
            assert [entry.offset for entry in await log.read(TOPIC, first.partition, past)] == [last.offset]

    asyncio.run(go())


@pytest.mark.parametrize("url", ["stone:tablets", "sqlite:/proc/matinee"])
def test_a_log_that_cannot_be_opened_is_misconfigured(url: str) -> None:
    with pytest.raises(Misconfigured):
        asyncio.run(open_log(url))
