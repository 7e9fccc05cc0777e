"""A catalogue on real SQLite in a directory of the test, called over ASGI; its relay runs once when the test says so, or by itself."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import httpx

from actors.outbox_relay import OutboxRelay
from cluster.durable import open_log, open_store
from cluster.durable.outbox import HINTS, Nudge
from cluster.errors import TokenInvalid
from cluster.ids import new_id
from cluster.security.claims import Claims
from cluster.settings import Settings
from serve_apps.catalog.routes import PREFIX, create_api
from serve_apps.catalog.schemas import ArtworkImage, Media, Track
from serve_apps.catalog.service import Catalog
from serve_apps.http import served

EDGE = "http://edge.test"
OPERATOR = Claims("operator", "device", ("operator", "member"), 2e9)
OWNER = Claims("account", "device", ("member",), 2e9)
ADULT = Claims("account", "device", ("member",), 2e9, profile_id="adult", maturity=18)
KID = Claims("account", "device", ("member",), 2e9, profile_id="kid", maturity=7, kids=True)
OPERATORS_KID = Claims("operator", "device", ("operator", "member"), 2e9, profile_id="kid", maturity=7, kids=True)
BEARERS = {"operator": OPERATOR, "owner": OWNER, "adult": ADULT, "kid": KID, "operators-kid": OPERATORS_KID}


class NamesGate:
    """Admits tokens that name one of BEARERS, and `cap-<age>` profiles."""

    async def admit(self, token: str) -> Claims:
        if token.startswith("cap-"):
            return Claims("account", "device", ("member",), 2e9, profile_id=token, maturity=int(token[4:]))
        if token not in BEARERS:
            raise TokenInvalid
        return BEARERS[token]


def settings_in(folder: Path) -> Settings:
    return Settings(data=folder, edge_url=EDGE)


def relay_of(settings: Settings) -> OutboxRelay:
    return OutboxRelay(partial(open_store, settings.store, HINTS), partial(open_store, settings.store), partial(open_log, settings.log))


class World:
    """One replica, and a way to call it as somebody."""

    def __init__(self, settings: Settings, catalog: Catalog, client: httpx.AsyncClient) -> None:
        self.settings, self.catalog, self.client = settings, catalog, client

    async def call(self, method: str, path: str = "", bearer: str = "operator", **given: Any) -> httpx.Response:
        headers = {"Authorization": f"Bearer {bearer}", **given.pop("headers", {})}
        return await self.client.request(method, PREFIX + path, headers=headers, **given)

    async def get(self, path: str = "", bearer: str = "operator", **params: Any) -> Any:
        answer = await self.call("GET", path, bearer, params=params)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def make(self, name: str = "Night Train", **fields: Any) -> dict[str, Any]:
        body = {"kind": "film", "name": name, "maturity": 7, "published": True, **fields}
        answer = await self.call("POST", json=body)
        assert answer.status_code == 201, answer.text
        made: dict[str, Any] = answer.json()
        return made

    async def episode(self, title_id: str, season: int, episode: int, **fields: Any) -> dict[str, Any]:
        path = f"/{title_id}/seasons/{season}/episodes/{episode}"
        answer = await self.call("PUT", path, json={"name": f"{season}x{episode}", **fields}, headers={"If-Match": "*"})
        assert answer.status_code in {200, 201}, answer.text
        put: dict[str, Any] = answer.json()
        return put

    async def pages(self, bearer: str, **params: Any) -> list[dict[str, Any]]:
        """Return all items of a list, page after page."""
        found: list[dict[str, Any]] = []
        cursor: dict[str, str] = {}
        while True:
            page = await self.get("", bearer, **params, **cursor)
            found += page["items"]
            if page["next_cursor"] is None:
                return found
            cursor = {"cursor": page["next_cursor"]}

    async def relay(self) -> int:
        """Publish what the outbox holds."""
        relay = relay_of(self.settings)
        try:
            return await relay.run_once()
        finally:
            await relay.close()


@asynccontextmanager
async def relaying(settings: Settings) -> AsyncIterator[OutboxRelay]:
    """A relay that runs by itself."""
    relay = relay_of(settings)
    running = asyncio.create_task(relay.run())
    try:
        yield relay
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await relay.close()


@asynccontextmanager
async def opened(settings: Settings, nudge: Nudge | None = None) -> AsyncIterator[World]:
    catalog = Catalog(settings, nudge=nudge)
    await catalog.open()
    transport = httpx.ASGITransport(served(create_api(catalog, NamesGate()), PREFIX))
    try:
        async with httpx.AsyncClient(transport=transport, base_url="http://testserver") as client:
            yield World(settings, catalog, client)
    finally:
        await catalog.close()


def in_world(tmp_path: Path, run: Callable[[World], Awaitable[None]]) -> None:
    async def main() -> None:
        async with opened(settings_in(tmp_path)) as world:
            await run(world)

    asyncio.run(main())


async def eventually(happened: Callable[[], bool], within_s: float = 5.0) -> None:
    async with asyncio.timeout(within_s):
        while not happened():  # noqa: ASYNC110  # what is waited for happens behind the port of the log
            await asyncio.sleep(0.005)


def media(version_id: str | None = None, **fields: Any) -> Media:
    known: dict[str, Any] = {"duration_s": 60.0, "width": 1920, "height": 1080, "frame_rate": 24.0}
    return Media(version_id=version_id or new_id(), **{**known, "audio": [Track(language="en", label="English")], **fields})


def candidate(kind: Any, name: str = "a") -> ArtworkImage:
    return ArtworkImage(kind=kind, object_name=f"artwork/{name * 64}.jpg", width=640, height=360)
