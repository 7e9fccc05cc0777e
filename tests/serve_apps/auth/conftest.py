"""Auth and profiles on real SQLite tables in one process, with one clock, asked over ASGI."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.types import ASGIApp

from cluster.durable import Store, open_store
from cluster.errors import ServiceUnavailable
from cluster.security.gate import TokenGate
from cluster.security.keys import PUBLIC_KEYS, PublicKeys
from cluster.security.revocation import REVOKED_DEVICES, RevokedDevices
from cluster.security.tokens import TokenVerifier
from cluster.settings import Settings
from serve_apps.auth.routes import PREFIX, create_api
from serve_apps.auth.service import Auth
from serve_apps.http import served
from serve_apps.playback.client import PlaybackClient
from serve_apps.profiles.client import ProfilesClient
from serve_apps.profiles.routes import PREFIX as PROFILES_PREFIX
from serve_apps.profiles.routes import create_api as create_profiles_api
from serve_apps.profiles.service import Profiles
from serve_apps.serving import LocalTarget

PASSWORD = "correct horse battery"


class Flaky(LocalTarget):
    """A service in this process that can be away, for all or for some accounts."""

    away = False
    away_for: Collection[str] = ()

    async def invoke(self, method: str, /, *args: Any) -> Any:
        if self.away or args[0] in self.away_for:
            raise ServiceUnavailable
        return await super().invoke(method, *args)


class NoHistory:
    """Playback for accounts that never watched anything."""

    async def delete_all(self, account_id: str) -> None: ...

    async def forget_profile(self, account_id: str, profile_id: str) -> None: ...


class World:
    """One instance of auth and profiles, with a clock that stands still until told."""

    def __init__(self, directory: Path, **settings: Any) -> None:
        self.now_s = 1_800_000_000.0
        self.settings = Settings(data=directory, **settings)
        playback = PlaybackClient(LocalTarget(NoHistory()))
        self.profiles = Profiles(self.settings, playback, self.clock)
        self.target = Flaky(self.profiles)
        self.auth = Auth(self.settings, ProfilesClient(self.target), playback, self.clock)
        self.app: ASGIApp
        self.stores: list[Store] = []

    def clock(self) -> float:
        return self.now_s

    async def open(self) -> None:
        await self.profiles.open()
        await self.auth.open()
        public, self.revoked_store = [await open_store(self.settings.store, t, self.clock) for t in (PUBLIC_KEYS, REVOKED_DEVICES)]
        self.revoked = RevokedDevices(self.revoked_store)
        self.gate = TokenGate(TokenVerifier(PublicKeys(public, self.clock), self.clock), self.revoked, [public, self.revoked_store])
        self.app = served(create_api(self.auth, self.gate, self.settings), PREFIX)
        profiles_app = served(create_profiles_api(self.profiles, self.gate), PROFILES_PREFIX)
        self.http = self.browser()
        self.profiles_http = httpx.AsyncClient(transport=httpx.ASGITransport(profiles_app), base_url="http://host")

    def browser(self) -> httpx.AsyncClient:
        """A client with cookies of its own."""
        return httpx.AsyncClient(transport=httpx.ASGITransport(self.app), base_url="http://host")

    async def close(self) -> None:
        await self.http.aclose()
        await self.profiles_http.aclose()
        await self.gate.close()
        await self.auth.close()
        await self.profiles.close()

    async def ask(self, method: str, path: str, by: dict[str, Any] | str | None = None, **kwargs: Any) -> httpx.Response:
        """Ask auth, with the access token of an answer; no cookies are kept."""
        headers = {**bearer(by), **kwargs.pop("headers", {})}
        self.http.cookies.clear()
        return await self.http.request(method, PREFIX + path, headers=headers, **kwargs)

    async def ask_profiles(self, method: str, path: str, by: dict[str, Any], **kwargs: Any) -> httpx.Response:
        return await self.profiles_http.request(method, PROFILES_PREFIX + path, headers=bearer(by), **kwargs)

    async def signed_up(self, email: str = "ann@example.org", **fields: Any) -> dict[str, Any]:
        answer = await self.ask("POST", "/accounts", json={"email": email, "password": PASSWORD, "name": "Ann", **fields})
        assert answer.status_code == 201, answer.text
        tokens: dict[str, Any] = answer.json()
        return tokens

    async def signed_in(self, email: str = "ann@example.org", password: str = PASSWORD, **fields: Any) -> dict[str, Any]:
        answer = await self.ask("POST", "/tokens", json={"email": email, "password": password, "device_name": "TV", **fields})
        assert answer.status_code == 201, answer.text
        tokens: dict[str, Any] = answer.json()
        return tokens

    async def refreshed(self, tokens: dict[str, Any], **fields: Any) -> httpx.Response:
        return await self.ask("POST", "/tokens/refresh", json={"refresh_token": tokens["refresh_token"], **fields})

    async def profile(self, by: dict[str, Any], **fields: Any) -> dict[str, Any]:
        answer = await self.ask_profiles("POST", "", by, json={"name": "P", **fields})
        assert answer.status_code == 201, answer.text
        profile: dict[str, Any] = answer.json()
        return profile

    async def chosen(self, by: dict[str, Any], profile: dict[str, Any], **fields: Any) -> httpx.Response:
        return await self.ask("POST", "/tokens/profile", by, json={"profile_id": profile["profile_id"], **fields})


def bearer(by: dict[str, Any] | str | None) -> dict[str, str]:
    if by is None:
        return {}
    return {"Authorization": f"Bearer {by if isinstance(by, str) else by['access_token']}"}


def slug(answer: httpx.Response) -> str:
    return str(answer.json()["type"]).rpartition(":")[2]


Scenario = Callable[[World], Awaitable[None]]
InWorld = Callable[..., None]


@pytest.fixture
def in_world(tmp_path: Path) -> InWorld:
    def run(scenario: Scenario, **settings: Any) -> None:
        async def main() -> None:
            world = World(tmp_path, **{"operator_password": PASSWORD, **settings})
            await world.open()
            try:
                await scenario(world)
            finally:
                await world.close()

        asyncio.run(main())

    return run
