"""Profiles on real SQLite tables, asked over ASGI by callers whose token is their claims."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
from starlette.types import ASGIApp

from cluster.errors import ServiceUnavailable, TokenInvalid
from cluster.security.claims import Claims
from cluster.settings import Settings
from serve_apps.http import served
from serve_apps.playback.client import PlaybackClient
from serve_apps.profiles.client import ProfilesClient
from serve_apps.profiles.routes import PREFIX, create_api
from serve_apps.profiles.service import Profiles
from serve_apps.serving import LocalTarget


class PlainGate:
    async def admit(self, token: str) -> Claims:
        try:
            return msgspec.json.decode(bytes.fromhex(token), type=Claims)
        except (ValueError, msgspec.MsgspecError) as error:
            raise TokenInvalid from error


def token(account_id: str = "a", profile: dict[str, Any] | None = None, **claims: Any) -> str:
    if profile is not None:
        claims |= {"profile_id": profile["profile_id"], "maturity": profile["maturity"], "kids": profile["kids"]}
    return msgspec.json.encode(Claims(account_id, "device", ("member",), 1e12, **claims)).hex()


class ToldPlayback:
    """Playback that remembers which profiles it was to forget, or is away."""

    def __init__(self) -> None:
        self.away = False
        self.forgotten: list[tuple[str, str]] = []

    async def forget_profile(self, account_id: str, profile_id: str) -> None:
        if self.away:
            raise ServiceUnavailable
        self.forgotten.append((account_id, profile_id))


class World:
    """One instance of profiles, with a clock that stands still until told."""

    def __init__(self, directory: Path) -> None:
        self.now_s = 1_800_000_000.0
        self.settings = Settings(data=directory)
        self.playback = ToldPlayback()
        self.profiles = Profiles(self.settings, PlaybackClient(LocalTarget(self.playback)), lambda: self.now_s)
        self.client = ProfilesClient(LocalTarget(self.profiles))
        self.app: ASGIApp = served(create_api(self.profiles, PlainGate()), PREFIX)
        self.http = httpx.AsyncClient(transport=httpx.ASGITransport(self.app), base_url="http://host")

    async def ask(self, method: str, path: str = "", *, by: str | None = None, **kwargs: Any) -> httpx.Response:
        headers = {"Authorization": f"Bearer {by or token()}", **kwargs.pop("headers", {})}
        return await self.http.request(method, PREFIX + path, headers=headers, **kwargs)

    async def made(self, account_id: str = "a", **fields: Any) -> dict[str, Any]:
        answer = await self.ask("POST", by=token(account_id), json={"name": "Ann", **fields})
        assert answer.status_code == 201, answer.text
        profile: dict[str, Any] = answer.json()
        return profile


@pytest.fixture
def in_world(tmp_path: Path) -> Callable[[Callable[[World], Awaitable[None]]], None]:
    def run(scenario: Callable[[World], Awaitable[None]]) -> None:
        async def main() -> None:
            world = World(tmp_path)
            await world.profiles.open()
            try:
                await scenario(world)
            finally:
                await world.http.aclose()
                await world.profiles.close()

        asyncio.run(main())

    return run
