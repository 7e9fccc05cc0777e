"""What operators are told of what runs."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from actors.processors.kept import PROCESSED
from cluster.durable import Insert, Log, Mode, Row, Table, open_log, open_store, partition_of
from cluster.durable.outbox import OUTBOX_PREFIX, open_outbox
from cluster.edge.registry import EDGES
from cluster.edge.registry import PARTITION as EDGE_PARTITION
from cluster.errors import ServiceUnavailable, StoreUnavailable
from cluster.events import CATALOG, PLAYBACK, Event, Topic
from serve_apps.operations.lag import REFRESH_S
from serve_apps.operations.service import Seen
from serve_apps.studio.schemas import StudioStatus
from tests.clock import Clock
from tests.serve_apps.operations.world import FakeCluster, operations, run, studio_away, studio_hangs


def test_status_tells_of_every_placed_application(tmp_path: Path) -> None:
    async def test() -> None:
        cluster = FakeCluster()
        del cluster.running["playback"]
        async with operations(tmp_path, cluster) as running:
            told = (await running.get("/status")).json()
        assert told["ready"] is False
        scale = {"min_replicas": 1, "max_replicas": 4}
        assert told["applications"] == [
            {"name": "auth", "prefix": "/api/v1/auth", "state": "healthy", "replicas": 1, "target": 1, **scale, "seats": ["running"]},
            {"name": "playback", "prefix": "/api/v1/playback", "state": "missing", "replicas": 0, "target": 0, **scale, "seats": []},
        ]
        assert told["actors"] == [{"name": "outbox-relay", "answers": True}]
        assert told["collectable_bytes"] == 4711
        assert told["live_streams"] == 3

    run(test)


def test_status_shows_live_edges_only(tmp_path: Path) -> None:
    async def test() -> None:
        clock = Clock()
        async with operations(tmp_path, FakeCluster(), clock=clock) as running:
            edges = await open_store(running.settings.store, EDGES)
            disk = {"disk_limit_bytes": 10**10, "disk_free_bytes": 10**9}
            for name, seen_at_s, more in (("before", clock() - 1, {}), ("live", clock() - 1, disk), ("gone", clock() - 60, disk)):
                value = {"url": f"http://{name}", "started_at_s": 1.0, "seen_at_s": seen_at_s, "hits": 3, **more}
                await edges.put([Row(EDGE_PARTITION, name, 1, "edge", value)])
            told = (await running.get("/status")).json()
            await edges.close()
        earlier, edge = told["edges"]  # an edge of the version before tells less
        assert (earlier["edge_id"], earlier["disk_limit_bytes"], earlier["disk_free_bytes"]) == ("before", None, None)
        assert (edge["disk_limit_bytes"], edge["disk_free_bytes"]) == (10**10, 10**9)
        assert (edge["edge_id"], edge["url"], edge["hits"], edge["seen_s_ago"]) == ("live", "http://live", 3, 1.0)

    run(test)


def test_status_counts_what_the_log_holds(tmp_path: Path) -> None:
    async def test() -> None:
        async with operations(tmp_path, FakeCluster()) as running:
            log = await open_log(running.settings.log)
            await log.append(CATALOG, [Event(CATALOG.name, "title.changed", f"t{n}", 1, 1.0, {}) for n in range(5)])
            told = (await running.get("/status")).json()
            await log.close()
        assert told["log"]["topics"]["catalog"] == 5
        assert told["log"]["topics"]["playback"] == 0

    run(test)


def test_status_tells_how_far_log_processors_are(tmp_path: Path) -> None:
    async def test() -> None:
        async with operations(tmp_path, FakeCluster()) as running:
            log, processed = await open_log(running.settings.log), await open_store(running.settings.store, PROCESSED)
            await log.append(PLAYBACK, [Event(PLAYBACK.name, "session.started", f"a{n}", 1, 1.0, {}) for n in range(5)])
            partition = partition_of("a0", PLAYBACK.partitions)
            held = sum(partition_of(f"a{n}", PLAYBACK.partitions) == partition for n in range(5))
            await processed.put_if_absent(f"plays/{partition:03d}", "offset", "offset", {"offset": held, "generation": 0, "aside": 2})
            told = (await running.get("/status")).json()
            await log.close()
            await processed.close()
        assert told["log"]["processors"] == [
            {"name": "plays", "topic": "playback", "lag": 5 - held, "set_aside": 2},
            {"name": "profiles", "topic": "playback", "lag": 5, "set_aside": 0},
        ]

    run(test)


def test_status_tells_of_facts_that_wait_to_be_published(tmp_path: Path) -> None:
    async def test() -> None:
        clock = Clock()
        async with operations(tmp_path, FakeCluster(), clock=clock) as running:
            assert (await running.get("/status")).json()["log"]["unpublished"] == 0
            store = await open_store(running.settings.store, Table("titles", Mode.LINEAR, group="catalog"))
            outbox = await open_outbox(running.settings, store, now_s=clock)
            facts = [Event(CATALOG.name, "title.changed", "t1", version, clock(), {}) for version in (1, 2)]
            await outbox.commit("t1", [Insert("row", "title", {})], facts)
            clock.advance(REFRESH_S + 2)
            told = (await running.get("/status")).json()["log"]
            assert (told["unpublished"], told["oldest_unpublished_s"]) == (2, REFRESH_S + 2)
            for row in await store.scan("t1", OUTBOX_PREFIX):
                await store.delete(row)
            clock.advance(REFRESH_S)
            assert (await running.get("/status")).json()["log"]["unpublished"] == 0
            await outbox.close()
            await store.close()

    run(test)


def test_status_tells_of_facts_that_wait_while_the_log_is_away(tmp_path: Path) -> None:
    async def log_that_does_not_answer() -> Log:
        return LogAway()

    async def test() -> None:
        clock = Clock()
        async with operations(tmp_path, FakeCluster(), clock=clock, log=log_that_does_not_answer) as running:
            store = await open_store(running.settings.store, Table("titles", Mode.LINEAR, group="catalog"))
            outbox = await open_outbox(running.settings, store, now_s=clock)
            await outbox.commit("t1", [Insert("row", "title", {})], [Event(CATALOG.name, "title.changed", "t1", 1, clock(), {})])
            told = (await running.get("/status")).json()["log"]
            assert (told["unpublished"], told["topics"]) == (1, {})
            await outbox.close()
            await store.close()

    run(test)


class LogAway(Log):
    async def end(self, topic: Topic, partition: int) -> int:
        raise StoreUnavailable("no broker answers")

    async def close(self) -> None:
        return


def test_status_shows_a_seat_for_each_replica(tmp_path: Path) -> None:
    async def test() -> None:
        cluster = FakeCluster()
        cluster.running = {"auth": Seen("RUNNING", 2, 4, starting=1), "playback": Seen("UNHEALTHY", 1, 2)}
        async with operations(tmp_path, cluster) as running:
            told = (await running.get("/status")).json()
        assert [application["seats"] for application in told["applications"]] == [
            ["running", "running", "starting", "starting"],
            ["running", "unhealthy"],
        ]

    run(test)


async def shards_away() -> int:
    raise ServiceUnavailable("a session shard does not answer")


async def shards_hang() -> int:
    await asyncio.Event().wait()
    raise AssertionError


@pytest.mark.parametrize("live_streams", [shards_away, shards_hang])
def test_session_shards_that_do_not_answer_leave_the_rest(
    tmp_path: Path, live_streams: Callable[[], Awaitable[int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("serve_apps.operations.service.GATHER_TIMEOUT_S", 0.2)

    async def test() -> None:
        async with operations(tmp_path, FakeCluster(), live_streams=live_streams) as running:
            told = (await running.get("/status")).json()
        assert (told["live_streams"], told["ready"]) == (None, True)

    run(test)


@pytest.mark.parametrize("studio", [studio_away, studio_hangs])
def test_a_studio_that_does_not_answer_leaves_the_rest(
    tmp_path: Path, studio: Callable[[], Awaitable[StudioStatus]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("serve_apps.operations.service.GATHER_TIMEOUT_S", 0.2)

    async def test() -> None:
        async with operations(tmp_path, FakeCluster(), studio) as running:
            answer = await running.get("/status")
        assert answer.status_code == 200
        assert (answer.json()["jobs"], answer.json()["collectable_bytes"]) == ([], None)
        assert answer.json()["ready"] is True

    run(test)


def test_without_serve_the_answer_is_a_problem_that_says_when_to_try_again(tmp_path: Path) -> None:
    async def test() -> None:
        cluster = FakeCluster()
        cluster.fails = True
        async with operations(tmp_path, cluster) as running:
            answer = await running.get("/status")
        assert (answer.status_code, answer.json()["type"]) == (503, "urn:matinee:error:service-unavailable")
        assert int(answer.headers["retry-after"]) >= 1

    run(test)
