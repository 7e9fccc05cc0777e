"""What only the embedded log can meet: processes side by side, kill -9, its own retention, damaged files."""

import asyncio
import contextlib
import signal
import sqlite3
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from cluster.durable import Entry, open_log, partition_of
from cluster.durable.sqlite.log import SqliteLog
from cluster.errors import CorruptData, Misconfigured
from cluster.events import Event, Topic
from tests.clock import Clock
from tests.cluster.durable.test_sqlite_store import start
from tests.cluster.durable.writing import TOPIC


def event(key: str, version: int) -> Event:
    return Event(TOPIC.name, "row.written", key, version, 0.0, {})


@contextlib.asynccontextmanager
async def opened(folder: Path, clock: Clock | None = None, retention_s: float = 86400.0) -> AsyncIterator[SqliteLog]:
    log = await SqliteLog.open(folder, clock or Clock(), retention_s)
    try:
        yield log
    finally:
        await log.close()


async def everything(log: SqliteLog, partition: int) -> list[Entry]:
    entries: list[Entry] = []
    while page := await log.read(TOPIC, partition, entries[-1].offset + 1 if entries else 0, limit=1000):
        entries += page
    return entries


def test_processes_append_at_once_and_each_keeps_its_order(tmp_path: Path) -> None:
    writers = {f"w{number}": start("log", tmp_path, f"w{number}", 100) for number in range(4)}
    acknowledged = {}
    for name, process in writers.items():
        output, errors = process.communicate(timeout=60)
        assert (process.returncode, errors) == (0, "")
        acknowledged[name] = [tuple(line.split()) for line in output.splitlines()]

    async def compare() -> None:
        async with opened(tmp_path) as log:
            for partition in range(TOPIC.partitions):
                entries = await everything(log, partition)
                assert [entry.offset for entry in entries] == list(range(len(entries)))
                for name in writers:
                    mine = [
                        (str(partition), str(entry.offset), name, str(entry.event.entity_version))
                        for entry in entries
                        if entry.event.key == name
                    ]
                    assert mine == (acknowledged[name] if partition_of(name, TOPIC.partitions) == partition else [])

    asyncio.run(compare())


@pytest.mark.parametrize("acknowledged_before", [1, 150])
def test_what_was_acknowledged_survives_kill_9_of_the_writer(tmp_path: Path, acknowledged_before: int) -> None:
    process = start("log", tmp_path, "w", 1_000_000)
    assert process.stdout is not None
    acknowledged = [process.stdout.readline() for _ in range(acknowledged_before)]
    process.send_signal(signal.SIGKILL)
    acknowledged += process.communicate(timeout=30)[0].splitlines(keepends=True)
    last = [int(line.split()[3]) for line in acknowledged if line.endswith("\n")][-1]

    async def compare() -> None:
        async with opened(tmp_path) as log:
            versions = [entry.event.entity_version for entry in await everything(log, partition_of("w", TOPIC.partitions))]
            assert versions == list(range(len(versions)))
            assert len(versions) > last

    asyncio.run(compare())


def test_a_reader_is_woken_by_another_process(tmp_path: Path) -> None:
    async def go() -> None:
        async with opened(tmp_path) as log:
            waiting = asyncio.create_task(log.read(TOPIC, partition_of("w", TOPIC.partitions), 0, wait_s=30.0))
            process = await asyncio.to_thread(start, "log", tmp_path, "w", 1)
            assert [entry.event.key for entry in await waiting] == ["w"]
            await asyncio.to_thread(process.communicate)

    asyncio.run(go())


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


def test_a_topic_does_not_change_its_partitions(tmp_path: Path) -> None:
    async def go() -> None:
        async with opened(tmp_path) as log:
            await log.append(TOPIC, [event("a", 1)])
        async with opened(tmp_path) as log:
            with pytest.raises(Misconfigured):
                await log.end(Topic(TOPIC.name, TOPIC.partitions + 1), 0)

    asyncio.run(go())


def test_an_entry_that_cannot_be_read_is_corrupt(tmp_path: Path) -> None:
    async def go() -> None:
        async with opened(tmp_path) as log:
            (position,) = await log.append(TOPIC, [event("a", 1)])
        with contextlib.closing(sqlite3.connect(tmp_path / f"{TOPIC.name}.sqlite3")) as connection, connection:
            connection.execute("UPDATE entries SET event = '{\"topic\": 3}'")
        async with opened(tmp_path) as log:
            with pytest.raises(CorruptData):
                await log.read(TOPIC, position.partition, 0)

    asyncio.run(go())


@pytest.mark.parametrize("url", ["stone:tablets", "sqlite:/proc/matinee"])
def test_a_log_that_cannot_be_opened_is_misconfigured(url: str) -> None:
    with pytest.raises(Misconfigured):
        asyncio.run(open_log(url))
