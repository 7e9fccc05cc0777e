"""Operations through its HTTP API, on a fake cluster and real stores."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest

from cluster.durable import Insert, Mode, Row, Table, open_log, open_store
from cluster.durable.outbox import HINTS, OUTBOX_PREFIX, open_outbox
from cluster.edge.registry import EDGES
from cluster.edge.registry import PARTITION as EDGE_PARTITION
from cluster.errors import NotAuthenticated, ServiceUnavailable
from cluster.events import CATALOG, Event
from cluster.security.claims import Claims
from cluster.settings import Settings
from serve_apps.http import served
from serve_apps.operations.lag import REFRESH_S, Lag
from serve_apps.operations.policy import ScaleRange
from serve_apps.operations.routes import PREFIX, create_api
from serve_apps.operations.scales import kept_scales
from serve_apps.operations.service import Operations, Placed, Seen
from serve_apps.operations.tables import SCALES
from serve_apps.studio.schemas import StudioStatus, Usage
from tests.clock import Clock


class FakeCluster:
    """A cluster that does what it is told at once."""

    def __init__(self) -> None:
        self.running = {name: Seen("RUNNING", 1, 1) for name in ("auth", "playback")}
        self.living = {"outbox-relay": True}
        self.scaled: list[tuple[str, ScaleRange]] = []
        self.fails = False

    def placed(self) -> Sequence[Placed]:
        return [Placed("auth", "/api/v1/auth", ScaleRange(1, 4)), Placed("playback", "/api/v1/playback", ScaleRange(1, 4))]

    def applications(self) -> dict[str, Seen]:
        if self.fails:
            raise RuntimeError("the controller is away")
        return dict(self.running)

    def actors(self, timeout_s: float) -> dict[str, bool]:
        if self.fails:
            raise RuntimeError("Ray is away")
        return dict(self.living)

    def scale(self, application: str, scale: ScaleRange) -> None:
        if self.fails:
            raise RuntimeError("the controller is away")
        self.scaled.append((application, scale))
        self.running[application] = Seen("DEPLOYING", 1, scale.min_replicas)


class TwoTokens:
    """Knows the tokens `operator` and `member`."""

    async def admit(self, token: str) -> Claims:
        if token not in {"operator", "member"}:
            raise NotAuthenticated
        return Claims("account", "device", ("operator",) if token == "operator" else ("member",), expires_at_s=1e12)


class Running:
    """Operations as HTTP clients see it, and what it stands on."""

    def __init__(self, settings: Settings, cluster: FakeCluster, http: httpx.AsyncClient) -> None:
        self.settings, self.cluster, self.http = settings, cluster, http

    async def get(self, path: str, token: str = "operator") -> httpx.Response:
        return await self.http.get(PREFIX + path, headers={"Authorization": f"Bearer {token}"})

    async def put(self, path: str, body: Any, token: str = "operator") -> httpx.Response:
        return await self.http.put(PREFIX + path, json=body, headers={"Authorization": f"Bearer {token}"})


async def studio_with_work() -> StudioStatus:
    return StudioStatus(jobs={}, active=[], disk=Usage(collectable_bytes=4711))


async def studio_away() -> StudioStatus:
    raise ServiceUnavailable("studio does not answer")


async def studio_hangs() -> StudioStatus:
    await asyncio.Event().wait()
    raise AssertionError


@asynccontextmanager
async def operations(
    folder: Path, cluster: FakeCluster, studio: Callable[[], Awaitable[StudioStatus]] = studio_with_work, clock: Clock | None = None
) -> AsyncIterator[Running]:
    settings, now_s = Settings(data=folder), clock or Clock()
    service = Operations(
        settings,
        cluster,
        open_scales=partial(open_store, settings.store, SCALES),
        open_edges=partial(open_store, settings.store, EDGES),
        open_log=partial(open_log, settings.log),
        studio=studio,
        lag=Lag(partial(open_store, settings.store, HINTS, now_s), partial(open_store, settings.store), now_s),
        now_s=now_s,
    )
    await service.open()
    app = served(create_api(service, TwoTokens()), PREFIX)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://matinee") as http:
        yield Running(settings, cluster, http)
    await service.close()


def run(test: Callable[[], Awaitable[None]]) -> None:
    asyncio.run(test())  # type: ignore[arg-type]


def test_status_tells_of_every_placed_application(tmp_path: Path) -> None:
    async def test() -> None:
        cluster = FakeCluster()
        del cluster.running["playback"]
        async with operations(tmp_path, cluster) as running:
            told = (await running.get("/status")).json()
        assert told["ready"] is False
        scale = {"min_replicas": 1, "max_replicas": 4}
        assert told["applications"] == [
            {"name": "auth", "prefix": "/api/v1/auth", "state": "healthy", "replicas": 1, "target": 1, **scale},
            {"name": "playback", "prefix": "/api/v1/playback", "state": "missing", "replicas": 0, "target": 0, **scale},
        ]
        assert told["actors"] == [{"name": "outbox-relay", "answers": True}]
        assert told["collectable_bytes"] == 4711

    run(test)


def test_status_shows_live_edges_only(tmp_path: Path) -> None:
    async def test() -> None:
        clock = Clock()
        async with operations(tmp_path, FakeCluster(), clock=clock) as running:
            edges = await open_store(running.settings.store, EDGES)
            for name, seen_at_s in (("live", clock() - 1), ("gone", clock() - 60)):
                value = {"url": f"http://{name}", "started_at_s": 1.0, "seen_at_s": seen_at_s, "hits": 3}
                await edges.put([Row(EDGE_PARTITION, name, 1, "edge", value)])
            told = (await running.get("/status")).json()
            await edges.close()
        (edge,) = told["edges"]
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


def test_a_scale_is_applied_and_kept_over_restarts(tmp_path: Path) -> None:
    async def test() -> None:
        cluster = FakeCluster()
        async with operations(tmp_path, cluster) as running:
            answer = await running.put("/applications/playback/scale", {"min_replicas": 3, "max_replicas": 3})
            assert answer.status_code == 200
            assert answer.json()["state"] == "scaling"
            assert (answer.json()["target"], answer.json()["min_replicas"]) == (3, 3)
        assert cluster.scaled == [("playback", ScaleRange(3, 3))]
        async with operations(tmp_path, FakeCluster()) as running:
            told = (await running.get("/status")).json()["applications"]
            store = await open_store(running.settings.store, SCALES)
            assert await kept_scales(store) == {"playback": ScaleRange(3, 3)}
            await store.close()
        assert [(each["name"], each["min_replicas"], each["max_replicas"]) for each in told] == [("auth", 1, 4), ("playback", 3, 3)]

    run(test)


def test_scales_at_once_end_with_one_of_them(tmp_path: Path) -> None:
    async def test() -> None:
        async with operations(tmp_path, FakeCluster()) as running:
            bodies = [{"min_replicas": 1, "max_replicas": n} for n in range(1, 9)]
            answers = await asyncio.gather(*(running.put("/applications/auth/scale", body) for body in bodies))
            assert {answer.status_code for answer in answers} <= {200, 503}
            store = await open_store(running.settings.store, SCALES)
            kept = await kept_scales(store)
            await store.close()
        assert kept["auth"].max_replicas in range(1, 9)

    run(test)


def test_a_scale_that_serve_does_not_take_is_kept_and_told(tmp_path: Path) -> None:
    async def test() -> None:
        cluster = FakeCluster()
        async with operations(tmp_path, cluster) as running:
            cluster.fails = True
            answer = await running.put("/applications/auth/scale", {"min_replicas": 2, "max_replicas": 2})
            assert answer.status_code == 503
            assert "is kept" in answer.json()["detail"]
            cluster.fails = False
            assert (await running.get("/status")).json()["applications"][0]["min_replicas"] == 2

    run(test)


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("/applications/nothing/scale", {"min_replicas": 1, "max_replicas": 1}, 404),
        ("/applications/auth/scale", {"min_replicas": 2, "max_replicas": 1}, 422),
        ("/applications/auth/scale", {"min_replicas": 0, "max_replicas": 1}, 422),
        ("/applications/auth/scale", {"min_replicas": 1, "max_replicas": 65}, 422),
        ("/applications/auth/scale", {"min_replicas": 1}, 422),
        ("/applications/auth/scale", {"min_replicas": 1, "max_replicas": 1, "more": 1}, 422),
        ("/applications/%00/scale", {"min_replicas": 1, "max_replicas": 1}, 422),
    ],
)
def test_a_wrong_scale_changes_nothing(tmp_path: Path, path: str, body: object, status: int) -> None:
    async def test() -> None:
        cluster = FakeCluster()
        async with operations(tmp_path, cluster) as running:
            answer = await running.put(path, body)
            assert answer.status_code == status
            assert answer.headers["content-type"] == "application/problem+json"
        assert cluster.scaled == []

    run(test)


@pytest.mark.parametrize(("token", "status"), [("member", 403), ("stranger", 401)])
def test_only_operators_see_or_change_anything(tmp_path: Path, token: str, status: int) -> None:
    async def test() -> None:
        cluster = FakeCluster()
        async with operations(tmp_path, cluster) as running:
            assert (await running.get("/status", token)).status_code == status
            scaled = await running.put("/applications/auth/scale", {"min_replicas": 2, "max_replicas": 2}, token)
            assert scaled.status_code == status
            assert (await running.http.get(PREFIX + "/status")).status_code == 401
        assert cluster.scaled == []

    run(test)
