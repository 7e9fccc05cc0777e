"""Search: titles by their names, people, genres and synopses, answered from memory.

Main path: search -> the index that the catalogue's feed fills -> policy says why each was found. Knows neither HTTP nor Ray.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from cluster.security.claims import Claims
from cluster.settings import Settings
from serve_apps.catalog.client import CatalogClient, CatalogFeed, sight
from serve_apps.catalog.schemas import TitleKind
from serve_apps.search import policy
from serve_apps.search.index import Index
from serve_apps.search.schemas import Found


class Search:
    """The service of search."""

    def __init__(self, settings: Settings, catalog: CatalogClient, now_s: Callable[[], float] = time.time) -> None:
        self.titles = CatalogFeed(settings, catalog, Index, now_s)

    async def open(self) -> None:
        """Read all titles, and begin to follow them."""
        await self.titles.open()
        if self.titles.loaded:
            self.titles.shelf.settle()

    async def close(self) -> None:
        """Stop following."""
        await self.titles.close()

    async def check(self) -> None:
        """Raise if the replica no longer follows the titles."""
        await self.titles.check()

    async def search(self, caller: Claims, text: str, kind: TitleKind | None, genre: str | None, limit: int) -> Found:
        """Return what a text finds of what the caller sees; a blank one finds everything, the newest first.

        Raises:
            ProfileRequired: a member who has not chosen a profile.
            ServiceUnavailable: this replica has not read the titles yet.
        """
        seen, index = sight(caller), self.titles.shelf
        asked = policy.query(text)
        if asked is None:
            everything = index.everything(seen)
            items = [policy.listed(found) for found in policy.narrowed(everything, kind, genre)[:limit]]
            return Found(items=items, people=[], facets=policy.facets(everything, kind, genre), near=[])
        hits = policy.ordered(asked, index.find(asked, seen))
        items = [policy.hit(asked, found, index.synopsis(found)) for found in policy.narrowed(hits, kind, genre)[:limit]]
        return Found(
            items=items,
            people=policy.people(asked, hits),
            facets=policy.facets(hits, kind, genre),
            near=[] if hits else policy.near(text, index.alike(text, seen)),
        )
