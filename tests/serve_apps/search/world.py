"""Search beside a real catalogue that it follows, and indexes of titles that are made up."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

import httpx

from serve_apps.catalog.client import CatalogClient, Sight
from serve_apps.catalog.schemas import Title, TitleKind
from serve_apps.http import served
from serve_apps.search import policy
from serve_apps.search.index import Index
from serve_apps.search.routes import PREFIX, create_api
from serve_apps.search.service import Search
from serve_apps.serving import LocalTarget
from tests.serve_apps.catalog.world import NamesGate, World, eventually, in_world, relaying
from tests.serve_apps.recommendations.titles import film

GROWN_UP = Sight(18, drafts=False)


def index_of(*titles: Title) -> Index:
    index = Index()
    for title in titles:
        index.put(title)
    return index


def named(*names: str) -> Index:
    return index_of(*(film(f"t{number}", name=name, age_days=number) for number, name in enumerate(names)))


def found(index: Index, text: str, sight: Sight = GROWN_UP, kind: TitleKind | None = None, genre: str | None = None) -> list[str]:
    """Return the names that are found, the best first."""
    asked = policy.query(text)
    assert asked is not None
    return [each.card.name for each in policy.narrowed(policy.ordered(asked, index.find(asked, sight)), kind, genre)]


class Searching:
    """One replica of search, and the catalogue that it follows."""

    def __init__(self, catalog: World) -> None:
        self.catalog = catalog
        self.service = Search(catalog.settings, CatalogClient(LocalTarget(catalog.catalog)))
        self.app = served(create_api(self.service, NamesGate()), PREFIX)
        self.http = httpx.AsyncClient(transport=httpx.ASGITransport(self.app), base_url="http://testserver")

    async def ask(self, q: str | None = None, bearer: str = "adult", **params: Any) -> httpx.Response:
        given = params if q is None else {"q": q, **params}
        return await self.http.get(PREFIX, params=given, headers={"Authorization": f"Bearer {bearer}"})

    async def get(self, q: str | None = None, bearer: str = "adult", **params: Any) -> Any:
        answer = await self.ask(q, bearer, **params)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def names(self, q: str | None = None, bearer: str = "adult", **params: Any) -> list[str]:
        return [hit["title"]["name"] for hit in (await self.get(q, bearer, **params))["items"]]

    async def make(self, name: str, *, cast: Sequence[str] = (), **fields: Any) -> str:
        """Make a title, and wait until it is known here."""
        made = await self.catalog.make(name, cast=[{"name": person} for person in cast], **fields)
        title_id = str(made["title_id"])
        await eventually(lambda: title_id in self.service.titles.shelf)
        return title_id


def searching(tmp_path: Path, run: Callable[[Searching], Awaitable[None]]) -> None:
    async def with_catalog(catalog: World) -> None:
        world = Searching(catalog)
        async with relaying(catalog.settings), world.http:
            await world.service.open()
            try:
                await run(world)
                await world.service.check()
            finally:
                await world.service.close()

    in_world(tmp_path, with_catalog)
