"""Playback in process: real shards and stores, a catalogue of one series and some films, tokens that say who they are."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import msgspec

from actors.sessions.client import Sessions
from actors.sessions.shard import SessionShard
from actors.sessions.tables import open_tables
from cluster.errors import PlayableNotFound, TitleNotFound, TokenInvalid
from cluster.security.claims import Claims, Role
from cluster.settings import Settings, load
from serve_apps.catalog.client import CatalogClient
from serve_apps.catalog.schemas import Media, Playable, TitleOutline
from serve_apps.catalog.views import outline
from serve_apps.http import served
from serve_apps.playback.routes import PREFIX, create_api
from serve_apps.playback.service import Playback
from serve_apps.serving import LocalTarget


def media(duration_s: float = 100.0) -> Media:
    return Media(version_id="v1", duration_s=duration_s, width=640, height=360, frame_rate=24, thumbnails=True)


def film(playable_id: str, *, maturity: int = 0, published: bool = True, ready: bool = True, title_id: str | None = None) -> Playable:
    return Playable(
        playable_id=playable_id,
        title_id=title_id or playable_id,
        kind="film" if title_id is None else "episode",
        name=f"Name of {playable_id}",
        maturity=maturity,
        published=published,
        media=media() if ready else None,
    )


class Catalogue:
    def __init__(self) -> None:
        films = [film("film"), film("other"), film("adult", maturity=18), film("draft", published=False), film("unready", ready=False)]
        episodes = [film(f"series-s01e{number:02d}", title_id="series") for number in (1, 2, 3)]
        self.playables = {each.playable_id: each for each in films + episodes}

    async def outline(self, title_id: str) -> TitleOutline:
        found = [each for each in self.playables.values() if each.title_id == title_id]
        if not found:
            raise TitleNotFound
        return outline(title_id, found)

    async def playable(self, playable_id: str) -> Playable:
        if playable_id not in self.playables:
            raise PlayableNotFound
        return self.playables[playable_id]


class SpokenGate:
    """A token is its claims in JSON: how tokens are checked is not playback's matter."""

    async def admit(self, token: str) -> Claims:
        try:
            return msgspec.json.decode(token, type=Claims)
        except msgspec.MsgspecError as error:
            raise TokenInvalid from error


def token(
    device: str = "laptop",
    *,
    account: str = "account",
    profile: str | None = "profile",
    maturity: int = 18,
    streams: int = 2,
    roles: tuple[Role, ...] = ("member",),
    **more: Any,
) -> str:
    claims = Claims(account, device, roles, 4e9, profile, maturity, streams=streams, **more)
    return msgspec.json.encode(claims).decode()


class World:
    def __init__(self, http: httpx.AsyncClient, settings: Settings, playback: Playback, shards: list[SessionShard], app: Any) -> None:
        self.http, self.settings, self.playback, self.shards, self.app = http, settings, playback, shards, app

    async def ask(self, method: str, path: str, bearer: str | None = None, **given: Any) -> httpx.Response:
        headers = {"Authorization": f"Bearer {bearer or token()}"} | given.pop("headers", {})
        return await self.http.request(method, PREFIX + path, headers=headers, **given)

    async def start(self, playable_id: str = "film", bearer: str | None = None, **given: Any) -> httpx.Response:
        return await self.ask("POST", "/sessions", bearer, json={"playable_id": playable_id}, **given)

    async def beat(self, session_id: str, sequence: int, position_s: float, bearer: str | None = None) -> httpx.Response:
        body = {"sequence": sequence, "position_s": position_s}
        return await self.ask("POST", f"/sessions/{session_id}/heartbeats", bearer, json=body)


@asynccontextmanager
async def open_world(folder: Path, now_s: Callable[[], float]) -> AsyncIterator[World]:
    settings = load(data=folder)
    shards = [SessionShard(number, 2, partial(open_tables, settings, now_s), settings.lease_s, now_s) for number in range(2)]
    playback = Playback(settings, CatalogClient(LocalTarget(Catalogue())), Sessions(shards), now_s)
    await playback.open()
    app = served(create_api(playback, SpokenGate()), PREFIX)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://testserver") as http:
        yield World(http, settings, playback, shards, app)
    await playback.close()
    await asyncio.gather(*(shard.close() for shard in shards))
