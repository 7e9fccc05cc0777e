"""Recommendations beside a real catalogue; what profiles watched and said is what a test wants, fails, or never comes."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import httpx

from cluster.errors import ServiceUnavailable
from cluster.security.claims import Claims
from serve_apps.catalog.client import CatalogClient
from serve_apps.http import served
from serve_apps.playback.schemas import WatchedTitle
from serve_apps.profiles.schemas import Taste
from serve_apps.recommendations.live import Live
from serve_apps.recommendations.routes import PREFIX, create_api
from serve_apps.recommendations.service import Recommendations
from serve_apps.serving import LocalTarget
from tests.serve_apps.catalog.world import NamesGate, World, eventually, in_world, relaying

SOURCE_S = 0.05


class Told:
    """The readers of playback and profiles: `away` fails at once, `hangs` never answers."""

    def __init__(self) -> None:
        self.watched: list[WatchedTitle] = []
        self.listed_ids: list[str] = []
        self.ratings: dict[str, int] = {}
        self.wanted: list[str] = []
        self.away = self.hangs = False

    async def latest(self, viewer: Claims, limit: int) -> list[WatchedTitle]:
        await self._answer()
        return self.watched[:limit]

    async def of(self, account_id: str, profile_id: str, listed_limit: int) -> Taste:
        await self._answer()
        return Taste(self.listed_ids[:listed_limit], self.ratings, self.wanted)

    async def languages(self, account_id: str, profile_id: str) -> list[str]:
        await self._answer()
        return self.wanted

    async def close(self) -> None:
        """Nothing is open."""

    async def _answer(self) -> None:
        if self.hangs:
            await asyncio.Event().wait()
        if self.away:
            raise ServiceUnavailable


class Home:
    """One replica of recommendations, and the catalogue that it follows."""

    def __init__(self, catalog: World, live: Live | None = None, source_s: float = SOURCE_S) -> None:
        self.catalog, self.playback, self.profiles = catalog, Told(), Told()
        self.service = Recommendations(
            catalog.settings,
            CatalogClient(LocalTarget(catalog.catalog)),
            source_s=source_s,
            live=live,
        )
        self.service.watched, self.service.tastes = self.playback, self.profiles
        self.gate = NamesGate()
        self.app = served(create_api(self.service, self.gate), PREFIX)
        self.http = httpx.AsyncClient(transport=httpx.ASGITransport(self.app), base_url="http://testserver")

    async def ask(self, path: str = "", bearer: str = "adult", **params: Any) -> httpx.Response:
        return await self.http.get(PREFIX + path, params=params, headers={"Authorization": f"Bearer {bearer}"})

    async def rows(self, bearer: str = "adult") -> dict[str, dict[str, Any]]:
        answer = await self.ask("", bearer)
        assert answer.status_code == 200, answer.text
        return {row["row_id"]: row for row in answer.json()["rows"]}

    async def names(self, row_id: str, bearer: str = "adult") -> list[str]:
        return [item["title"]["name"] for item in (await self.rows(bearer)).get(row_id, {"items": []})["items"]]

    async def never(self) -> None:
        """Not return."""
        await asyncio.Event().wait()

    async def make(self, name: str, **fields: Any) -> str:
        """Make a title, and wait until it is known here."""
        title_id = str((await self.catalog.make(name, **fields))["title_id"])
        await eventually(lambda: title_id in self.service.titles.shelf)
        return title_id


def at_home(tmp_path: Path, run: Callable[[Home], Awaitable[None]], live: Live | None = None, source_s: float = SOURCE_S) -> None:
    async def with_catalog(catalog: World) -> None:
        home = Home(catalog, live, source_s)
        async with relaying(catalog.settings), home.http:
            await home.service.open()
            try:
                await run(home)
                await home.service.check()
            finally:
                await home.service.close()

    in_world(tmp_path, with_catalog)
