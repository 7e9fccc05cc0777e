"""What every log does, whichever adapter stands behind the port."""

import asyncio
import itertools
import time
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from cluster.durable import Entry, Log, open_log, partition_of
from cluster.errors import InvalidInput, StoreUnavailable
from cluster.events import Event, Topic
from tests.clock import Clock

TOPIC = Topic("contract", partitions=4)
KEYS = ["a", "b", "c", "d", "é"]


def event(key: str, version: int, topic: Topic = TOPIC, **value: Any) -> Event:
    return Event(topic.name, "thing.changed", key, version, 12.5, value)


def check(log_url: str, scenario: Callable[[Log], Coroutine[Any, Any, None]]) -> None:
    async def go() -> None:
        log = await open_log(log_url, Clock())
        try:
            await scenario(log)
        finally:
            await log.close()

    asyncio.run(go())


def test_a_key_stays_in_its_partition_and_order(log_url: str) -> None:
    async def scenario(log: Log) -> None:
        events = [event(key, version, text="naïve \U0001f37f") for version in range(1, 21) for key in KEYS]
        positions = await log.append(TOPIC, events[:50]) + await log.append(TOPIC, events[50:])
        assert [position.partition for position in positions] == [partition_of(fact.key, TOPIC.partitions) for fact in events]
        for partition in range(TOPIC.partitions):
            entries = await log.read(TOPIC, partition, 0)
            placed = [(position.offset, fact) for position, fact in zip(positions, events, strict=True) if position.partition == partition]
            assert [(entry.offset, entry.event) for entry in entries] == placed
            assert [entry.offset for entry in entries] == sorted({entry.offset for entry in entries})
            assert await log.end(TOPIC, partition) > max((entry.offset for entry in entries), default=-1)

    check(log_url, scenario)


def test_a_group_of_keys_stays_together_and_in_order(log_url: str) -> None:
    async def scenario(log: Log) -> None:
        topic = Topic("contract_grouped", partitions=4, grouped=True)
        events = [event(f"{group}/{number}", 1, topic) for number in range(10) for group in KEYS]
        positions = await log.append(topic, events)
        assert [position.partition for position in positions] == [partition_of(fact.key.split("/")[0], 4) for fact in events]
        for partition in range(topic.partitions):
            expected = [fact for fact in events if partition_of(fact.key.split("/")[0], 4) == partition]
            assert [entry.event for entry in await log.read(topic, partition, 0)] == expected

    check(log_url, scenario)


def test_reading_goes_on_from_an_offset(log_url: str) -> None:
    async def scenario(log: Log) -> None:
        await log.append(TOPIC, [event("a", version) for version in range(1, 26)])
        partition, offset, seen = partition_of("a", TOPIC.partitions), 0, []
        while entries := await log.read(TOPIC, partition, offset, limit=10):
            seen += [entry.event.entity_version for entry in entries]
            offset = entries[-1].offset + 1
        assert seen == list(range(1, 26))
        assert await log.read(TOPIC, partition, await log.end(TOPIC, partition)) == []

    check(log_url, scenario)


def test_topics_are_apart(log_url: str) -> None:
    async def scenario(log: Log) -> None:
        other = Topic("contract_other", partitions=1)
        await log.append(other, [event("a", 1, other)])
        await log.append(TOPIC, [])
        assert await log.read(TOPIC, partition_of("a", 4), 0) == []
        assert len(await log.read(other, 0, 0)) == 1

    check(log_url, scenario)


def test_a_waiting_reader_is_woken_by_an_append_and_not_by_another_partitions(log_url: str) -> None:
    async def scenario(log: Log) -> None:
        mine, others = partition_of("a", TOPIC.partitions), next(key for key in KEYS if partition_of(key, 4) != partition_of("a", 4))
        waiting = asyncio.create_task(log.read(TOPIC, mine, 0, wait_s=20.0))
        await log.append(TOPIC, [event(others, 1)])
        began_s = time.monotonic()
        await log.append(TOPIC, [event("a", 1)])
        assert [entry.event.key for entry in await waiting] == ["a"]
        assert time.monotonic() - began_s < 5.0

    check(log_url, scenario)


def test_waiting_ends_at_its_time(log_url: str) -> None:
    async def scenario(log: Log) -> None:
        began_s = time.monotonic()
        assert await log.read(TOPIC, 0, 0, wait_s=0.2) == []
        assert 0.15 < time.monotonic() - began_s < 5.0

    check(log_url, scenario)


def test_many_readers_wait_at_once(log_url: str) -> None:
    async def scenario(log: Log) -> None:
        waiting = [asyncio.create_task(log.read(TOPIC, partition, 0, wait_s=20.0)) for partition in range(4) for _ in range(25)]
        keys = {partition_of(key, 4): key for key in map(str, range(50))}
        await log.append(TOPIC, [event(key, 1) for key in keys.values()])
        assert [len(entries) for entries in await asyncio.gather(*waiting)] == [1] * 100

    check(log_url, scenario)


def test_what_was_appended_is_there_when_it_is_opened_again(log_url: str) -> None:
    async def go() -> None:
        log = await open_log(log_url, Clock())
        (position,) = await log.append(TOPIC, [event("a", 1)])
        await log.close()
        log = await open_log(log_url, Clock())
        assert await log.read(TOPIC, position.partition, 0) == [Entry(position.offset, event("a", 1))]
        (later,) = await log.append(TOPIC, [event("a", 2)])
        assert later.offset > position.offset
        await log.close()

    asyncio.run(go())


def test_noted_progress_changes_nothing_and_never_fails(log_url: str) -> None:
    async def scenario(log: Log) -> None:
        await log.append(TOPIC, [event("a", 1)])
        partition = partition_of("a", TOPIC.partitions)
        for offset in (0, 1, 7, 0):
            await log.note_progress("readers", TOPIC, partition, offset)
        assert len(await log.read(TOPIC, partition, 0)) == await log.end(TOPIC, partition) == 1
        await log.close()
        await log.note_progress("readers", TOPIC, partition, 1)

    check(log_url, scenario)


def test_what_cannot_be_is_refused(log_url: str) -> None:
    async def scenario(log: Log) -> None:
        for attempt in (
            log.read(TOPIC, 4, 0),
            log.read(TOPIC, -1, 0),
            log.read(TOPIC, 0, 0, limit=0),
            log.read(TOPIC, 0, 0, limit=100_000),
            log.end(TOPIC, 4),
            log.append(TOPIC, [event("a", 1, Topic("another"))]),
            log.append(TOPIC, [event("a", 1, big="x" * (2 << 20))]),
            log.append(TOPIC, [event("a", 1, wrong=object())]),
            log.append(TOPIC, [event("a", 1)] * 100_000),
            log.append(Topic("../escape"), [event("a", 1, Topic("../escape"))]),
        ):
            with pytest.raises(InvalidInput):
                await attempt
        assert [await log.end(TOPIC, partition) for partition in range(4)] == [0] * 4

    check(log_url, scenario)


def test_a_closed_log_says_so_and_wakes_who_waits(log_url: str) -> None:
    async def go() -> None:
        log = await open_log(log_url, Clock())
        await log.append(TOPIC, [event("a", 1)])
        waiting = asyncio.create_task(log.read(TOPIC, partition_of("a", 4), 1, wait_s=20.0))
        await asyncio.sleep(0)
        await log.close()
        await log.close()
        with pytest.raises(StoreUnavailable):
            await waiting
        with pytest.raises(StoreUnavailable):
            await log.append(TOPIC, [event("a", 2)])

    asyncio.run(go())


class LogMachine(RuleBasedStateMachine):
    """A topic of its own for each run, against lists in memory."""

    log: Log
    runner: asyncio.Runner
    names = itertools.count()

    @initialize(partitions=st.integers(1, 3))
    def begin(self, partitions: int) -> None:
        self.topic = Topic(f"model_{next(self.names)}", partitions)
        self.model: list[list[Entry]] = [[] for _ in range(partitions)]

    @rule(keys=st.lists(st.sampled_from(KEYS), max_size=5), version=st.integers(1, 9))
    def append(self, keys: list[str], version: int) -> None:
        events = [event(key, version, self.topic, n=number) for number, key in enumerate(keys)]
        positions = self.runner.run(self.log.append(self.topic, events))
        for position, fact in zip(positions, events, strict=True):
            partition = self.model[position.partition]
            assert position.partition == partition_of(fact.key, self.topic.partitions)
            assert not partition or position.offset > partition[-1].offset
            partition.append(Entry(position.offset, fact))

    @rule(data=st.data(), limit=st.integers(1, 6))
    def read(self, data: st.DataObject, limit: int) -> None:
        partition = data.draw(st.integers(0, self.topic.partitions - 1))
        offset = data.draw(st.integers(0, 12))
        expected = [entry for entry in self.model[partition] if entry.offset >= offset][:limit]
        assert self.runner.run(self.log.read(self.topic, partition, offset, limit=limit)) == expected

    @rule(data=st.data())
    def end(self, data: st.DataObject) -> None:
        partition = data.draw(st.integers(0, self.topic.partitions - 1))
        entries = self.model[partition]
        assert self.runner.run(self.log.end(self.topic, partition)) == (entries[-1].offset + 1 if entries else 0)


def test_a_log_answers_as_its_model(log_url: str) -> None:
    with asyncio.Runner() as runner:
        log = runner.run(open_log(log_url, Clock()))
        machine = type("LogMachine", (LogMachine,), {"log": log, "runner": runner})
        run_state_machine_as_test(machine, settings=settings(max_examples=25, stateful_step_count=25, deadline=None))
        runner.run(log.close())
