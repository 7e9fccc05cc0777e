"""Appends that are made at once, and go to the brokers together: each is told of its own events."""

import asyncio
import contextlib
import uuid
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any

import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from cluster.durable import Log, Position, open_log, partition_of
from cluster.durable.kafka.address import parse
from cluster.durable.kafka.lane import BATCH_BYTES
from cluster.errors import InvalidInput, StoreUnavailable
from cluster.events import Event, Topic
from tests.servers import Servers

pytestmark = pytest.mark.durable

TOPIC = Topic("appends", partitions=4)
MINE = partition_of("a", TOPIC.partitions)
ELSEWHERE = next(key for key in "bcdefghij" if partition_of(key, TOPIC.partitions) != MINE)


@pytest.fixture
def url(servers: Servers) -> str:
    return f"{servers.log_url}/{uuid.uuid4().hex[:12]}"


def event(key: str, version: int, filler: str = "") -> Event:
    return Event(TOPIC.name, "row.written", key, version, 0.0, {"filler": filler})


async def everything(log: Log) -> dict[Position, Event]:
    found: dict[Position, Event] = {}
    for partition in range(TOPIC.partitions):
        offset = 0
        while entries := await log.read(TOPIC, partition, offset, limit=1000):
            found |= {Position(partition, entry.offset): entry.event for entry in entries}
            offset = entries[-1].offset + 1
    return found


@contextlib.asynccontextmanager
async def opened(url: str) -> AsyncIterator[Log]:
    log = await open_log(url)
    try:
        yield log
    finally:
        await log.close()


def on(url: str, go: Callable[[Log], Coroutine[Any, Any, None]]) -> None:
    async def run() -> None:
        async with opened(url) as log:
            await go(log)

    asyncio.run(run())


def test_each_of_many_appends_is_told_where_its_events_stand(url: str) -> None:
    async def go(log: Log) -> None:
        appends = [[event(f"k{number % 7}", number), event(f"k{number % 5}", number)][: 1 + number % 2] for number in range(300)]
        told = await asyncio.gather(*(log.append(TOPIC, events) for events in appends))
        expected = {place: each for places, events in zip(told, appends, strict=True) for place, each in zip(places, events, strict=True)}
        assert await everything(log) == expected

    on(url, go)


def test_an_append_of_several_batches_keeps_its_order(url: str) -> None:
    async def go(log: Log) -> None:
        small = [event("a" if version % 3 else "a" * 500, version, "x" * (version % 900)) for version in range(1000)]
        big = [event("a", version, "x" * (BATCH_BYTES // 3)) for version in range(20)]
        for events in (small, big):
            told = await log.append(TOPIC, events)
            found = await everything(log)
            assert [found[place] for place in told] == events
            for partition in range(TOPIC.partitions):
                offsets = [place.offset for place in told if place.partition == partition]
                assert offsets == sorted(offsets)

    on(url, go)


def test_a_caller_that_gives_up_takes_nothing_from_the_others(url: str) -> None:
    async def go(log: Log) -> None:
        await log.append(TOPIC, [event("a", 0)])
        appends = [asyncio.create_task(log.append(TOPIC, [event("a", version)])) for version in range(1, 21)]
        await asyncio.sleep(0)  # all have begun
        for hasty in appends[::2]:
            hasty.cancel()
        told = await asyncio.gather(*appends[1::2])
        found = await everything(log)
        assert [found[place].entity_version for (place,) in told] == list(range(2, 21, 2))
        assert all(hasty.cancelled() for hasty in appends[::2])

    on(url, go)


def test_an_event_that_the_brokers_refuse_fails_alone_and_what_waits_behind_it_was_not_written(url: str) -> None:
    async def go(log: Log) -> None:
        admin = AIOKafkaAdminClient(bootstrap_servers=list(parse(url).hosts))
        await admin.start()
        small_limit = {"max.message.bytes": str(2 * BATCH_BYTES)}
        await admin.create_topics([NewTopic(parse(url).topic_name(TOPIC.name), TOPIC.partitions, 1, topic_configs=small_limit)])
        await admin.close()
        events = [event("a", 1), event("a", 2, "x" * 3 * BATCH_BYTES), event("a", 3), event(ELSEWHERE, 4)]
        before, refused, behind, elsewhere = await asyncio.gather(*(log.append(TOPIC, [each]) for each in events), return_exceptions=True)
        assert isinstance(refused, InvalidInput)
        assert isinstance(behind, StoreUnavailable)
        assert isinstance(before, list)
        assert isinstance(elsewhere, list)
        again = await log.append(TOPIC, [event("a", 3)])
        assert await everything(log) == {**dict(zip([*before, *elsewhere], [events[0], events[3]], strict=True)), again[0]: events[2]}

    on(url, go)


def test_what_is_under_way_when_the_log_is_closed_is_delivered(url: str) -> None:
    async def go() -> None:
        async with opened(url) as log:
            await log.append(TOPIC, [event("a", 0)])
            first = asyncio.create_task(log.append(TOPIC, [event("a", 1)]))
            for _ in range(3):  # it is handed over
                await asyncio.sleep(0)
            second = asyncio.create_task(log.append(TOPIC, [event("a", 2)]))
            await asyncio.sleep(0)
        (one,), (two,) = await asyncio.gather(first, second)
        async with opened(url) as log:
            found = await everything(log)
        assert (found[one].entity_version, found[two].entity_version) == (1, 2)

    asyncio.run(go())
