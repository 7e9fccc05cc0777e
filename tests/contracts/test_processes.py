"""What store and log owe to processes side by side, and to one that is killed, whichever adapter stands behind the port."""

import asyncio
import contextlib
import signal
import subprocess
from collections.abc import AsyncIterator

import pytest

from cluster.durable import Entry, Log, Row, Store, open_log, open_store, partition_of
from tests.clock import Clock
from tests.contracts.writing import TABLE, TOPIC, start


@contextlib.asynccontextmanager
async def opened_store(url: str) -> AsyncIterator[Store]:
    store = await open_store(url, TABLE, Clock())
    try:
        yield store
    finally:
        await store.close()


@contextlib.asynccontextmanager
async def opened_log(url: str) -> AsyncIterator[Log]:
    log = await open_log(url, Clock())
    try:
        yield log
    finally:
        await log.close()


async def all_rows(store: Store) -> list[Row]:
    rows: list[Row] = []
    while page := await store.scan("p", after=rows[-1].sort if rows else None, limit=1000):
        rows += page
    return rows


async def all_entries(log: Log, partition: int) -> list[Entry]:
    entries: list[Entry] = []
    while page := await log.read(TOPIC, partition, entries[-1].offset + 1 if entries else 0, limit=1000):
        entries += page
    return entries


def killed_after(acknowledgements: int, process: subprocess.Popen[str]) -> list[str]:
    """Kill -9 the writer once it has told that many acknowledgements; return all that it told."""
    assert process.stdout is not None
    told = [process.stdout.readline() for _ in range(acknowledgements)]
    process.send_signal(signal.SIGKILL)
    told += process.communicate(timeout=30)[0].splitlines(keepends=True)
    # A line that the kill cut short was not acknowledged.
    return [line.strip() for line in told if line.endswith("\n")]


def test_eight_processes_write_at_once_and_none_finds_it_locked(store_url: str) -> None:
    writers = [start("store", store_url, f"w{number}", 200) for number in range(8)]
    outputs = [process.communicate(timeout=200) for process in writers]
    assert [(process.returncode, errors) for process, (_, errors) in zip(writers, outputs, strict=True)] == [(0, "")] * 8

    async def count() -> int:
        async with opened_store(store_url) as store:
            return len(await all_rows(store))

    assert asyncio.run(count()) == 8 * 200 * 2


@pytest.mark.parametrize("acknowledged_before", [1, 50, 200])
def test_a_row_that_was_acknowledged_survives_kill_9_of_its_writer(store_url: str, acknowledged_before: int) -> None:
    acknowledged = killed_after(acknowledged_before, start("store", store_url, "w", 1_000_000))

    async def compare() -> None:
        async with opened_store(store_url) as store:
            found = {row.sort for row in await all_rows(store)}
            assert set(acknowledged) <= found
            assert all(f"{sort}/twin" in found for sort in found if not sort.endswith("/twin"))
            assert len(found) % 2 == 0
            await store.put_if_absent("p", "after", "kind", {})

    asyncio.run(compare())


def test_processes_append_at_once_and_each_keeps_its_order(log_url: str) -> None:
    writers = {f"w{number}": start("log", log_url, f"w{number}", 100) for number in range(4)}
    acknowledged = {}
    for name, process in writers.items():
        output, errors = process.communicate(timeout=60)
        assert (process.returncode, errors) == (0, "")
        acknowledged[name] = [tuple(line.split()) for line in output.splitlines()]

    async def compare() -> None:
        async with opened_log(log_url) as log:
            for partition in range(TOPIC.partitions):
                entries = await all_entries(log, partition)
                assert [entry.offset for entry in entries] == sorted({entry.offset for entry in entries})
                for name in writers:
                    mine = [
                        (str(partition), str(entry.offset), name, str(entry.event.entity_version))
                        for entry in entries
                        if entry.event.key == name
                    ]
                    assert mine == (acknowledged[name] if partition_of(name, TOPIC.partitions) == partition else [])

    asyncio.run(compare())


@pytest.mark.parametrize("acknowledged_before", [1, 150])
def test_an_entry_that_was_acknowledged_survives_kill_9_of_its_writer(log_url: str, acknowledged_before: int) -> None:
    acknowledged = killed_after(acknowledged_before, start("log", log_url, "w", 1_000_000))

    async def compare() -> None:
        async with opened_log(log_url) as log:
            versions = [entry.event.entity_version for entry in await all_entries(log, partition_of("w", TOPIC.partitions))]
            assert versions == list(range(len(versions)))
            assert len(versions) > int(acknowledged[-1].split()[3])

    asyncio.run(compare())


def test_a_reader_is_woken_by_another_process(log_url: str) -> None:
    async def go() -> None:
        async with opened_log(log_url) as log:
            waiting = asyncio.create_task(log.read(TOPIC, partition_of("w", TOPIC.partitions), 0, wait_s=30.0))
            process = await asyncio.to_thread(start, "log", log_url, "w", 1)
            assert [entry.event.key for entry in await waiting] == ["w"]
            await asyncio.to_thread(process.communicate)

    asyncio.run(go())
