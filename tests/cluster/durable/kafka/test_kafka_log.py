"""What only the log in Kafka can meet: topics made by others, its retention, foreign bytes, and what its readers cost each other."""

import asyncio
import contextlib
import socket
import threading
import time
import uuid
from collections.abc import AsyncIterator, Iterator

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic, RecordsToDelete
from aiokafka.structs import TopicPartition

from cluster.durable import Log, open_log, partition_of
from cluster.durable.kafka import brokers
from cluster.durable.kafka.address import parse
from cluster.durable.kafka.log import KafkaLog
from cluster.errors import CorruptData, Misconfigured, StoreUnavailable
from cluster.events import Event, Topic
from tests.servers import Servers

TOPIC = Topic("own", partitions=4)
MINE = partition_of("a", TOPIC.partitions)


@pytest.fixture
def url(servers: Servers) -> str:
    return f"{servers.log_url}/{uuid.uuid4().hex[:12]}"


def event(key: str, version: int) -> Event:
    return Event(TOPIC.name, "row.written", key, version, 0.0, {})


@contextlib.asynccontextmanager
async def opened(url: str) -> AsyncIterator[Log]:
    log = await open_log(url)
    try:
        yield log
    finally:
        await log.close()


@contextlib.asynccontextmanager
async def administering(url: str) -> AsyncIterator[AIOKafkaAdminClient]:
    admin = AIOKafkaAdminClient(bootstrap_servers=list(parse(url).hosts))
    await admin.start()
    try:
        yield admin
    finally:
        await admin.close()


@pytest.mark.durable
def test_what_the_retention_took_is_skipped(url: str) -> None:
    async def go() -> None:
        async with opened(url) as log, administering(url) as admin:
            await log.append(TOPIC, [event("a", version) for version in range(10)])
            place = TopicPartition(parse(url).topic_name(TOPIC.name), MINE)
            await admin.delete_records({place: RecordsToDelete(7)})
            assert [entry.offset for entry in await log.read(TOPIC, MINE, 0)] == [7, 8, 9]
            await admin.delete_records({place: RecordsToDelete(10)})
            assert await log.read(TOPIC, MINE, 0) == []
            assert await log.end(TOPIC, MINE) == 10
            waiting = asyncio.create_task(log.read(TOPIC, MINE, 0, wait_s=20.0))
            await log.append(TOPIC, [event("a", 10)])
            assert [entry.offset for entry in await waiting] == [10]

    asyncio.run(go())


@pytest.mark.durable
def test_a_topic_does_not_change_its_partitions(url: str) -> None:
    async def go() -> None:
        async with administering(url) as admin, opened(url) as log:
            await admin.create_topics([NewTopic(parse(url).topic_name(TOPIC.name), 3, 1)])
            for attempt in (log.end(TOPIC, 0), log.append(TOPIC, [event("a", 1)])):
                with pytest.raises(Misconfigured, match="has 3 partitions; it cannot be opened with 4"):
                    await attempt
            assert await log.end(Topic(TOPIC.name, 3), 0) == 0

    asyncio.run(go())


@pytest.mark.durable
def test_bytes_that_are_no_event_are_corrupt_and_those_around_them_are_read(url: str) -> None:
    async def go() -> None:
        async with opened(url) as log:
            await log.append(TOPIC, [event("a", 1)])
            async with AIOKafkaProducer(bootstrap_servers=list(parse(url).hosts)) as producer:
                for raw in (b"\xff\xfe", None, b'{"topic": "\xff"}'):
                    await producer.send_and_wait(parse(url).topic_name(TOPIC.name), raw, key=b"a", partition=MINE)
            await log.append(TOPIC, [event("a", 2)])
            seen, offset, damaged = [], 0, []
            while offset < await log.end(TOPIC, MINE):
                try:
                    entries = await log.read(TOPIC, MINE, offset, wait_s=5.0)
                except CorruptData as error:
                    damaged.append(error.fields["offset"])
                    offset = error.fields["offset"] + 1
                else:
                    seen += [entry.event.entity_version for entry in entries]
                    offset = entries[-1].offset + 1
            assert (seen, damaged) == ([1, 2], [1, 2, 3])

    asyncio.run(go())


@pytest.mark.durable
def test_events_at_the_limit_are_taken_and_a_full_page_of_them_is_read(url: str) -> None:
    async def go() -> None:
        async with opened(url) as log:
            big = [Event(TOPIC.name, "row.written", "a", version, 0.0, {"x": "y" * ((1 << 20) - 200)}) for version in range(6)]
            await log.append(TOPIC, big)
            assert [entry.event.entity_version for entry in await log.read(TOPIC, MINE, 0, limit=5)] == list(range(5))
            assert [entry.event.entity_version for entry in await log.read(TOPIC, MINE, 5, limit=5)] == [5]

    asyncio.run(go())


@pytest.mark.durable
def test_a_reader_that_waits_holds_up_none_that_reads(url: str) -> None:
    async def go() -> None:
        async with opened(url) as log:
            await log.append(TOPIC, [event(key, 1) for key in "abcdefgh"])
            ends = [await log.end(TOPIC, partition) for partition in range(TOPIC.partitions)]
            waiting = [
                asyncio.create_task(log.read(TOPIC, partition, end, wait_s=30.0)) for partition, end in enumerate(ends) for _ in range(8)
            ]
            began_s = time.monotonic()
            for _ in range(5):
                for partition, end in enumerate(ends):
                    assert len(await log.read(TOPIC, partition, 0)) == end
            assert time.monotonic() - began_s < 5.0
            assert not any(task.done() for task in waiting)
            for task in waiting:
                task.cancel()
            await asyncio.gather(*waiting, return_exceptions=True)

    asyncio.run(go())


@pytest.mark.durable
def test_waiting_costs_almost_no_processor_time(url: str) -> None:
    async def go() -> None:
        async with opened(url) as log:
            await log.end(TOPIC, 0)
            before_s = time.process_time()
            await asyncio.gather(*(log.read(TOPIC, number % TOPIC.partitions, 0, wait_s=2.0) for number in range(32)))
            assert time.process_time() - before_s < 0.5

    asyncio.run(go())


@pytest.mark.durable
def test_a_follower_hears_of_each_event_soon(url: str) -> None:
    async def go() -> None:
        async with opened(url) as log:
            heard: asyncio.Queue[int] = asyncio.Queue()

            async def follow(partition: int) -> None:
                offset = 0
                while True:
                    for entry in await log.read(TOPIC, partition, offset, wait_s=5.0):
                        offset = entry.offset + 1
                        heard.put_nowait(entry.event.entity_version)

            followers = [asyncio.create_task(follow(partition)) for partition in range(TOPIC.partitions)]
            took_s = []
            for version in range(40):
                began_s = time.monotonic()
                await log.append(TOPIC, [event("abcd"[version % 4], version)])
                assert await asyncio.wait_for(heard.get(), 10.0) == version
                took_s.append(time.monotonic() - began_s)
            assert sorted(took_s)[len(took_s) // 2] < 0.5
            for follower in followers:
                follower.cancel()
            await asyncio.gather(*followers, return_exceptions=True)

    asyncio.run(go())


@pytest.mark.durable
def test_logs_of_one_url_share_their_connections_until_the_last_is_closed(url: str) -> None:
    async def go() -> None:
        first, second = await asyncio.gather(KafkaLog.open(url), KafkaLog.open(url))
        assert first._shared is second._shared
        await first.append(TOPIC, [event("a", 1)])
        await first.close()
        await second.append(TOPIC, [event("a", 2)])
        assert len(await second.read(TOPIC, MINE, 0)) == 2
        await second.close()
        third = await KafkaLog.open(url)
        assert third._shared is not first._shared
        await third.close()
        assert asyncio.all_tasks() == {asyncio.current_task()}

    asyncio.run(go())


@pytest.mark.durable
def test_a_driver_that_is_stuck_is_replaced(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(brokers, "PATIENCE_S", 1.0)

    async def go() -> None:
        async with opened(url) as log:
            await log.append(TOPIC, [event("a", 1)])
            assert isinstance(log, KafkaLog)
            stuck = log._shared.brokers.client
            stuck._sync_task.cancel()  # it looks for leaders no more, and has forgotten those that it knew
            stuck.cluster._partitions.clear()
            with pytest.raises(StoreUnavailable):
                await log.read(TOPIC, MINE, 0)
            async with asyncio.timeout(10.0):
                while True:
                    with contextlib.suppress(StoreUnavailable):
                        assert len(await log.read(TOPIC, MINE, 0)) == 1
                        break
            assert log._shared.brokers.client is not stuck

    asyncio.run(go())


@contextlib.contextmanager
def listening(answer: bytes | None) -> Iterator[int]:
    """A port where something else than a Kafka listens: it says `answer` and hangs up, or says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            with contextlib.ExitStack() as held, contextlib.suppress(OSError):
                while True:
                    connection, _ = server.accept()
                    held.enter_context(connection)
                    if answer is not None:
                        connection.sendall(answer)
                        connection.close()

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        try:
            yield server.getsockname()[1]
        finally:
            server.shutdown(socket.SHUT_RDWR)
            thread.join()


def test_a_url_where_no_kafka_answers_is_misconfigured_in_one_line_that_says_why() -> None:
    with listening(b"SSH-2.0-Other\r\n") as other, listening(None) as silent:
        began_s = time.monotonic()
        with pytest.raises(Misconfigured) as told:
            asyncio.run(open_log(f"kafka://127.0.0.1:1,127.0.0.1:{other},127.0.0.1:{silent}"))
        assert time.monotonic() - began_s < 10.0
    assert told.value.detail.startswith("MATINEE_LOG: no Kafka answers at 127.0.0.1:1 (the connection is refused), ")
    assert f"127.0.0.1:{silent} (no answer)" in told.value.detail
    assert "\n" not in told.value.detail


@pytest.mark.durable
def test_tools_see_how_far_a_processor_is_and_no_member_of_its_group(url: str) -> None:
    async def go() -> None:
        group = f"{parse(url).prefix}-processor-own"
        async with opened(url) as log, administering(url) as admin:
            await log.append(TOPIC, [event("a", version) for version in range(10)])

            async def noted(offset: int) -> bool:
                if not await log.note_progress("processor-own", TOPIC, MINE, offset):
                    return False
                found = await admin.list_consumer_group_offsets(group)
                return {place.partition: kept.offset for place, kept in found.items()} == {MINE: offset}

            async with asyncio.timeout(30):
                for offset in (7, 10, 3):  # a replay goes back
                    while not await noted(offset):  # noqa: ASYNC110 - brokers that have just begun keep no offsets yet
                        await asyncio.sleep(0.05)

    asyncio.run(go())
