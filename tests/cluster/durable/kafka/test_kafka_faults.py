"""Brokers that die, stand still and come back while others append and read."""

import asyncio
import contextlib
import itertools
import time
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any

import pytest

from cluster.durable import Log, Position, open_log, partition_of
from cluster.durable.kafka import lane
from cluster.durable.kafka.log import NOTE_TIMEOUT_S
from cluster.errors import Indeterminate, StoreUnavailable
from cluster.events import Event, Topic
from cluster.launch.servers.jars import fetch
from cluster.launch.servers.kafka import KAFKA
from cluster.launch.servers.nodes import Nodes
from tests.servers import CACHE, started

pytestmark = pytest.mark.durable

TOPIC = Topic("faults", partitions=4)
KEYS = [f"k{number}" for number in range(8)]
BOUND_S = 10.0
"""No call takes longer, whatever the brokers do."""


@pytest.fixture
def nodes(tmp_path: Path) -> Iterator[Nodes]:
    running = started(KAFKA, tmp_path / "kafka")
    try:
        yield running
    finally:
        running.stop()


@pytest.fixture
def three(tmp_path: Path) -> Iterator[Nodes]:
    running = started(KAFKA, tmp_path / "kafka", 3)
    try:
        yield running
    finally:
        running.stop()


def start_again(nodes: Nodes) -> None:
    nodes.start(fetch(KAFKA.title, KAFKA.coordinates, CACHE))


class Traffic:
    """A writer for each key and a reader for each partition, until the brokers have acknowledged enough."""

    def __init__(self, log: Log) -> None:
        self.log = log
        self._stopping = self._written = False
        self._moved = asyncio.Event()
        self.acknowledged: dict[str, list[int]] = {key: [] for key in KEYS}
        self.heard: dict[str, list[int]] = {key: [] for key in KEYS}
        self.failed: list[type[Exception]] = []
        self.longest_s = 0.0

    async def run(self) -> None:
        """Write until `stop`, and read until all that was acknowledged was heard."""
        async with asyncio.TaskGroup() as group:
            for partition in range(TOPIC.partitions):
                group.create_task(self._read(partition))
            await asyncio.gather(*map(self._write, KEYS))
            self._written = True

    async def acknowledges(self, more: int = 20) -> None:
        """Wait until so many more were acknowledged for every key."""
        least = {key: len(versions) + more for key, versions in self.acknowledged.items()}
        await self._until(lambda: all(len(self.acknowledged[key]) >= count for key, count in least.items()))

    async def fails(self, error: type[Exception] | None = None) -> None:
        """Wait until more calls than there are keys have failed, each writer's at least once."""
        least = self._failures(error) + len(KEYS) + 1
        await self._until(lambda: self._failures(error) >= least)

    def stop(self) -> None:
        """Let `run` come to its end."""
        self._stopping = True

    def _failures(self, error: type[Exception] | None) -> int:
        return len(self.failed) if error is None else self.failed.count(error)

    async def _until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(60.0):
            while not condition():
                self._moved.clear()
                await self._moved.wait()

    async def _write(self, key: str) -> None:
        for version in itertools.count():
            fact = Event(TOPIC.name, "row.written", key, version, 0.0, {})
            while not self._stopping:
                began_s = time.monotonic()
                try:
                    await self.log.append(TOPIC, [fact])
                except (StoreUnavailable, Indeterminate) as error:
                    self.failed.append(type(error))
                else:
                    self.acknowledged[key].append(version)
                    break
                finally:
                    self.longest_s = max(self.longest_s, time.monotonic() - began_s)
                    self._moved.set()
            else:
                return

    async def _read(self, partition: int) -> None:
        offset = 0
        while not self._written or any(
            not self.heard[key] or self.heard[key][-1] < self.acknowledged[key][-1]
            for key in KEYS
            if partition_of(key, TOPIC.partitions) == partition
        ):
            with contextlib.suppress(StoreUnavailable):
                for entry in await self.log.read(TOPIC, partition, offset, wait_s=1.0):
                    assert entry.offset >= offset
                    offset = entry.offset + 1
                    heard = self.heard[entry.event.key]
                    if not heard or entry.event.entity_version > heard[-1]:  # as every reader takes events in
                        heard.append(entry.event.entity_version)
                    self._moved.set()


def during(nodes: Nodes, fault: Callable[[Traffic], Coroutine[Any, Any, None]]) -> Traffic:
    """Run traffic around a fault; afterwards every version of every key was heard, in its order."""

    async def go() -> Traffic:
        log = await open_log(nodes.url)
        traffic = Traffic(log)
        running = asyncio.create_task(traffic.run())
        try:
            await traffic.acknowledges()
            await fault(traffic)
            await traffic.acknowledges()
            traffic.stop()
            await asyncio.wait_for(running, 60.0)
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
            await log.close()
        return traffic

    traffic = asyncio.run(go())
    for key in KEYS:
        assert traffic.heard[key][: len(traffic.acknowledged[key])] == traffic.acknowledged[key]
    assert traffic.longest_s < BOUND_S
    return traffic


def test_nothing_acknowledged_is_lost_when_the_broker_is_killed_and_comes_back(nodes: Nodes) -> None:
    async def twice(traffic: Traffic) -> None:
        for _ in range(2):
            await asyncio.to_thread(nodes.nodes[0].kill)
            await traffic.fails()
            await asyncio.to_thread(start_again, nodes)
            await traffic.acknowledges()

    during(nodes, twice)


def test_a_broker_that_stands_still_is_noticed_and_found_again(nodes: Nodes) -> None:
    async def stand_still(traffic: Traffic) -> None:
        nodes.nodes[0].pause()
        try:
            await traffic.fails(StoreUnavailable)
            async with asyncio.timeout(NOTE_TIMEOUT_S + 1.0):
                assert not await traffic.log.note_progress("readers", TOPIC, 0, 1)
        finally:
            nodes.nodes[0].resume()

    during(nodes, stand_still)


def test_what_waits_behind_an_append_that_is_not_answered_is_not_written(nodes: Nodes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lane, "APPEND_DEADLINE_S", 1.5)

    async def go() -> None:
        log = await open_log(nodes.url)

        def append(version: int) -> Coroutine[Any, Any, list[Position]]:
            return log.append(TOPIC, [Event(TOPIC.name, "row.written", "k", version, 0.0, {})])

        try:
            await append(0)
            nodes.nodes[0].pause()
            sent = asyncio.create_task(append(1))
            for _ in range(3):  # it is handed over
                await asyncio.sleep(0)
            behind = await asyncio.gather(append(2), append(3), return_exceptions=True)
            with pytest.raises(Indeterminate):
                await sent
            assert [type(error) for error in behind] == [StoreUnavailable] * 2
            nodes.nodes[0].resume()
            async with asyncio.timeout(60.0):
                while True:
                    with contextlib.suppress(StoreUnavailable, Indeterminate):
                        (place,) = await append(4)
                        break
            versions = [entry.event.entity_version for entry in await log.read(TOPIC, place.partition, 0)]
            assert {0, 4} <= set(versions) <= {0, 1, 4}
        finally:
            nodes.nodes[0].resume()
            await log.close()

    asyncio.run(go())


def test_two_of_three_brokers_go_on_while_the_third_is_dead(three: Nodes) -> None:
    async def kill_two_in_turn(traffic: Traffic) -> None:
        for node in three.nodes[:2]:
            await asyncio.to_thread(node.kill)
            await traffic.acknowledges()
            await asyncio.to_thread(start_again, three)
            await traffic.acknowledges()

    failed = during(three, kill_two_in_turn).failed
    # None, but where a busy machine takes longer over new leaders than an append waits.
    assert len(failed) <= 2 * len(KEYS)
