"""All of Matinee in one process: every service on real SQLite tables and file objects, behind one ASGI application.

Main path: `with running(folder) as whole:` -> `whole.run(whole.ask("GET", "/api/v1/titles", by=member))`; people.py and films.py act in it.
Services call each other through their clients, by LocalTarget; no Ray, so what runs on it (`FakeCluster`) and what encodes are fakes.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Protocol, TypeVar

import httpx
from starlette.types import ASGIApp, Receive, Scope, Send

from actors.outbox_relay import OutboxRelay
from actors.sessions.client import SWEEP_EVERY_S, Sessions
from actors.sessions.shard import SessionShard
from actors.sessions.tables import open_tables
from cluster.durable import open_log, open_store
from cluster.durable.outbox import HINTS
from cluster.edge.registry import EDGES
from cluster.security.gate import TokenGate, open_gate
from cluster.settings import Settings
from serve_apps.audit import Audit
from serve_apps.auth import routes as auth
from serve_apps.auth.service import Auth
from serve_apps.catalog import routes as catalog
from serve_apps.catalog.client import CatalogClient
from serve_apps.catalog.service import Catalog
from serve_apps.http import served
from serve_apps.operations import routes as operations
from serve_apps.operations.lag import Lag
from serve_apps.operations.policy import ScaleRange
from serve_apps.operations.service import Operations, Placed, Seen
from serve_apps.operations.tables import SCALES
from serve_apps.playback import routes as playback
from serve_apps.playback.client import PlaybackClient
from serve_apps.playback.service import Playback
from serve_apps.profiles import routes as profiles
from serve_apps.profiles.client import ProfilesClient
from serve_apps.profiles.service import Profiles
from serve_apps.recommendations import routes as recommendations
from serve_apps.recommendations.service import Recommendations
from serve_apps.search import routes as search
from serve_apps.search.service import Search
from serve_apps.serving import LocalTarget
from serve_apps.studio import routes as studio
from serve_apps.studio.client import StudioClient
from serve_apps.studio.runner import EncodeRunner
from serve_apps.studio.service import Studio
from serve_apps.telemetry import routes as telemetry
from serve_apps.telemetry.service import Telemetry
from serve_apps.web import routes as web
from serve_apps.web.service import Web
from tests.serve_apps.studio.factory import FakeEncoders
from tests.serve_apps.web.built import built_site

T = TypeVar("T")

APPLICATIONS = {
    "auth": auth.PREFIX,
    "profiles": profiles.PREFIX,
    "catalog": catalog.PREFIX,
    "studio": studio.PREFIX,
    "playback": playback.PREFIX,
    "search": search.PREFIX,
    "recommendations": recommendations.PREFIX,
    "telemetry": telemetry.PREFIX,
    "operations": operations.PREFIX,
    "web": web.PREFIX,
}
"""Every application with its prefix, as cluster.launch.deploy has them."""

OPERATOR_PASSWORD = "operator of the whole"


class FakeCluster:
    """Ray Serve as operations sees it: everything runs, and scales at once."""

    def __init__(self) -> None:
        self.replicas = dict.fromkeys(APPLICATIONS, 1)

    def placed(self) -> Sequence[Placed]:
        return [Placed(name, prefix, ScaleRange(1, 4)) for name, prefix in APPLICATIONS.items()]

    def applications(self, timeout_s: float) -> dict[str, Seen]:
        return {name: Seen("RUNNING", replicas, replicas) for name, replicas in self.replicas.items()}

    def actors(self, timeout_s: float) -> dict[str, bool]:
        return {"outbox-relay": True, "encode-runner": True}

    def scale(self, application: str, scale: ScaleRange) -> None:
        self.replicas[application] = scale.min_replicas


class Bearer(Protocol):
    """Whoever has a token."""

    @property
    def access_token(self) -> str: ...


class Whole:
    """The open system; `apps` are the applications by name, `app` is all of them."""

    def __init__(self, settings: Settings, now_s: Callable[[], float]) -> None:
        self.settings, self.now_s = settings, now_s
        self.cluster = FakeCluster()
        self.encoders = FakeEncoders(settings)
        self.relay = OutboxRelay(
            partial(open_store, settings.store, HINTS, now_s),
            lambda table: open_store(settings.store, table, now_s),
            partial(open_log, settings.log),
        )
        self.shards = [
            SessionShard(
                number,
                settings.session_shards,
                partial(open_tables, settings, now_s, self.relay.nudge),
                settings.lease_s,
                now_s,
                sweep_every_s=min(SWEEP_EVERY_S, settings.lease_s / 4),
            )
            for number in range(settings.session_shards)
        ]
        self.catalog = Catalog(settings, nudge=self.relay.nudge, now_s=now_s)
        self.catalog_client = CatalogClient(LocalTarget(self.catalog))
        self.runner = EncodeRunner(settings, self.catalog_client, self.encoders, now_s)
        self.studio = Studio(settings, self.catalog_client, self.runner.nudge, now_s)
        self.playback = Playback(settings, self.catalog_client, Sessions(self.shards), now_s)
        self.profiles = Profiles(settings, PlaybackClient(LocalTarget(self.playback)), now_s)
        self.auth = Auth(settings, ProfilesClient(LocalTarget(self.profiles)), PlaybackClient(LocalTarget(self.playback)), now_s)
        self.search = Search(settings, self.catalog_client, now_s)
        self.recommendations = Recommendations(settings, self.catalog_client, now_s)
        self.telemetry = Telemetry(partial(open_log, settings.log), now_s)
        self.operations = Operations(
            settings,
            self.cluster,
            open_scales=partial(open_store, settings.store, SCALES, now_s),
            open_edges=partial(open_store, settings.store, EDGES, now_s),
            open_log=partial(open_log, settings.log),
            studio=StudioClient(LocalTarget(self.studio)).status,
            live_streams=Sessions(self.shards).live_total,
            lag=Lag(partial(open_store, settings.store, HINTS, now_s), lambda table: open_store(settings.store, table, now_s), now_s),
            now_s=now_s,
        )
        self.web = Web(settings, partial(open_store, settings.store, EDGES, now_s), built_site(settings.data / "site"), now_s)
        self.apps: Mapping[str, ASGIApp] = {}
        self.http: httpx.AsyncClient
        self.runs: asyncio.Runner | None = None

    def run(self, doing: Coroutine[Any, Any, T]) -> T:
        """Do something from a test that is not asynchronous; for a Whole of `running`."""
        assert self.runs is not None
        return self.runs.run(doing)

    async def ask(self, method: str, path: str, by: Bearer | str | None = None, **given: Any) -> httpx.Response:
        """Send a request as somebody (or with a token as text); no cookies are kept."""
        self.http.cookies.clear()
        token = by if isinstance(by, str) or by is None else by.access_token
        bearer = {} if token is None else {"Authorization": f"Bearer {token}"}
        return await self.http.request(method, path, headers={**bearer, **given.pop("headers", {})}, **given)

    async def get(self, path: str, by: Bearer | None = None, **params: Any) -> Any:
        """Return the JSON that is there."""
        answer = await self.ask("GET", path, by, params=params)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def app(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand a request to the application with the longest prefix that fits, as Serve does."""
        for name, prefix in sorted(APPLICATIONS.items(), key=lambda item: -len(item[1])):
            if scope["path"] == prefix or scope["path"].startswith(prefix.rstrip("/") + "/"):
                return await self.apps[name](scope, receive, send)
        raise AssertionError(scope["path"])


@contextlib.asynccontextmanager
async def opened(folder: Path, now_s: Callable[[], float] = time.time, **settings: Any) -> AsyncIterator[Whole]:
    """Open everything, and close it at the end."""
    whole = Whole(Settings(data=folder, operator_password=OPERATOR_PASSWORD, **settings), now_s)
    async with contextlib.AsyncExitStack() as opening:
        opening.push_async_callback(whole.relay.close)
        for shard in whole.shards:
            opening.push_async_callback(shard.close)
        for service in (
            whole.profiles,
            whole.auth,
            whole.catalog,
            whole.studio,
            whole.playback,
            whole.search,
            whole.recommendations,
            whole.telemetry,
            whole.operations,
            whole.web,
        ):
            await service.open()
            opening.push_async_callback(service.close)
        await opening.enter_async_context(_at_work(whole.runner))
        gates = {name: await _gate(opening, whole) for name in APPLICATIONS if name != "web"}
        audit = Audit(partial(open_log, whole.settings.log), whole.now_s)
        opening.push_async_callback(audit.close)
        whole.apps = {
            "auth": served(auth.create_api(whole.auth, gates["auth"], whole.settings), auth.PREFIX, audit=audit),
            "profiles": served(profiles.create_api(whole.profiles, gates["profiles"]), profiles.PREFIX, audit=audit),
            "catalog": served(catalog.create_api(whole.catalog, gates["catalog"]), catalog.PREFIX, audit=audit),
            "studio": served(
                studio.create_api(whole.studio, gates["studio"], whole.settings), studio.PREFIX, audit=audit, streams=studio.streams
            ),
            "playback": served(playback.create_api(whole.playback, gates["playback"]), playback.PREFIX, audit=audit),
            "search": served(search.create_api(whole.search, gates["search"]), search.PREFIX),
            "recommendations": served(recommendations.create_api(whole.recommendations, gates["recommendations"]), recommendations.PREFIX),
            "telemetry": served(telemetry.create_api(whole.telemetry, gates["telemetry"]), telemetry.PREFIX),
            "operations": served(operations.create_api(whole.operations, gates["operations"]), operations.PREFIX, audit=audit),
            "web": served(web.create_api(whole.web, web.NoMembers()), web.PREFIX),
        }
        transport = httpx.ASGITransport(whole.app)
        whole.http = await opening.enter_async_context(httpx.AsyncClient(transport=transport, base_url=whole.settings.site_url, timeout=30))
        yield whole


@contextlib.contextmanager
def running(folder: Path, now_s: Callable[[], float] = time.time, **settings: Any) -> Iterator[Whole]:
    """Open everything for tests that are not asynchronous; it lives on only while `Whole.run` does something."""
    with asyncio.Runner() as runner:
        opening = opened(folder, now_s, **settings)
        whole = runner.run(opening.__aenter__())
        whole.runs = runner
        try:
            yield whole
        finally:
            runner.run(opening.__aexit__(None, None, None))


async def _gate(opening: contextlib.AsyncExitStack, whole: Whole) -> TokenGate:
    gate = await open_gate(whole.settings, whole.now_s)
    opening.push_async_callback(gate.close)
    return gate


@contextlib.asynccontextmanager
async def _at_work(runner: EncodeRunner) -> AsyncIterator[None]:
    task = asyncio.create_task(runner.run())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await runner.close()
