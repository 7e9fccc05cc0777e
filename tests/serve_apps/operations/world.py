"""Operations on real SQLite in a directory of the test, called over ASGI; the cluster that it reports on does what it is told."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import httpx

from cluster.durable import LogFactory, open_log, open_store
from cluster.durable.outbox import HINTS
from cluster.edge.registry import EDGES
from cluster.errors import NotAuthenticated, ServiceUnavailable
from cluster.security.claims import Claims
from cluster.settings import Settings
from serve_apps.http import served
from serve_apps.operations.lag import Lag
from serve_apps.operations.policy import ScaleRange
from serve_apps.operations.routes import PREFIX, create_api
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

    def applications(self, timeout_s: float) -> dict[str, Seen]:
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


async def three_streams() -> int:
    return 3


@asynccontextmanager
async def operations(
    folder: Path,
    cluster: FakeCluster,
    studio: Callable[[], Awaitable[StudioStatus]] = studio_with_work,
    clock: Clock | None = None,
    live_streams: Callable[[], Awaitable[int]] = three_streams,
    log: LogFactory | None = None,
) -> AsyncIterator[Running]:
    settings, now_s = Settings(data=folder), clock or Clock()
    service = Operations(
        settings,
        cluster,
        open_scales=partial(open_store, settings.store, SCALES),
        open_edges=partial(open_store, settings.store, EDGES),
        open_log=log or partial(open_log, settings.log),
        studio=studio,
        live_streams=live_streams,
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
