"""Recommendations: a profile's page, and titles like another, answered from memory.

Main path: home -> what the profile watched, said and did, read from the store at once and not for long -> what the live model picks ->
policy, on the titles of the catalogue's feed. What is not read costs the page a row; of others only the encoder is asked, once after
each play.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Final, TypeVar
from weakref import ref

import structlog

from actors.processors.kept import PROCESSED
from cluster.durable import open_store
from cluster.errors import MatineeError, TitleNotFound
from cluster.security.claims import Claims
from cluster.settings import Settings
from serve_apps.catalog.client import CatalogClient, CatalogFeed, Sight, sight
from serve_apps.playback.reader import WatchedTitles
from serve_apps.profiles.reader import Tastes
from serve_apps.recommendations import policy
from serve_apps.recommendations.encoded_pages import EncodedPages
from serve_apps.recommendations.exploration import explored
from serve_apps.recommendations.live import Live
from serve_apps.recommendations.pages import Basis, Page, Pages
from serve_apps.recommendations.popular import Popular
from serve_apps.recommendations.profile import ProfileStates
from serve_apps.recommendations.schemas import Home, SimilarTitles
from serve_apps.recommendations.sources import NO_PICKS, Sources
from serve_apps.recommendations.stock import Shelf, Stock

log = structlog.get_logger()

T = TypeVar("T")

SOURCE_S: Final = 1.0
"""How long a page waits for what is kept of a profile."""
WATCHED_LIMIT: Final = 100
LISTED_LIMIT: Final = 100


class Recommendations:
    """The service of recommendations."""

    def __init__(
        self,
        settings: Settings,
        catalog: CatalogClient,
        now_s: Callable[[], float] = time.time,
        *,
        source_s: float = SOURCE_S,
        live: Live | None = None,
    ) -> None:
        self.titles = CatalogFeed(settings, catalog, Shelf, now_s)
        open_processed = partial(open_store, settings.store, PROCESSED, now_s)
        self.popular, self.states = Popular(open_processed, now_s), ProfileStates(open_processed)
        self.watched, self.tastes = WatchedTitles(settings, now_s), Tastes(settings, now_s)
        self.live = live
        self._pages, self._encoded = Pages(), EncodedPages()
        self._explored_share = settings.explored_share
        self._now_s, self._source_s = now_s, source_s

    async def open(self) -> None:
        """Read all titles, and begin to follow them."""
        self.popular.open()
        if self.live is not None:
            await self.live.open()
        await self.titles.open()

    async def close(self) -> None:
        """Stop following."""
        await self.popular.close()
        if self.live is not None:
            await self.live.close()
        for source in (self.states, self.watched, self.tastes):
            await source.close()
        await self.titles.close()

    async def check(self) -> None:
        """Raise if the replica no longer follows the titles."""
        await self.titles.check()

    async def page(self, viewer: Claims, *, packs: bool = False) -> Page:
        """Return a profile's page; drafts are on nobody's. Made anew only where what it is made from has changed.

        For a caller that `packs`, what was made before comes in gzip; a page that is made now goes out as it is, at once.

        Raises:
            ServiceUnavailable: this replica has not read the titles yet.
        """
        shelf, profile_id = self.titles.shelf, viewer.profile_id or ""
        watched, taste, state = await asyncio.gather(
            self._in_time("places", self.watched.latest(viewer, WATCHED_LIMIT)),
            self._in_time("choices", self.tastes.of(viewer.account_id, profile_id, LISTED_LIMIT)),
            self._in_time("profile state", self.states.read(viewer.account_id, profile_id)),
        )
        sources = Sources(watched, taste.listed if taste is not None else None, state, taste.ratings if taste is not None else {})
        stock = shelf.stock(Sight(sight(viewer).cap, drafts=False), taste.languages if taste is not None else ())
        now_s = self._now_s()
        bundle_id = self.live.bundle_id if self.live is not None else None
        day, profile = int(now_s // policy.DAY_S), (viewer.account_id, profile_id)
        basis = Basis(ref(stock), sources, tuple(sources.begun(now_s)), self.popular.version, bundle_id, day)
        if (page := self._pages.get(profile, basis)) is None:
            home = await self._home(stock, sources, profile_id, now_s)
            page = Page(self._encoded.encode(home))
            # Where the live model did not pick itself, it may the next time.
            if home.model_version == bundle_id and (bundle_id is None or home.fallback == "none"):
                self._pages.keep(profile, basis, page)
        elif packs and not page.packed:
            page = await asyncio.to_thread(page.pack)
            self._pages.keep(profile, basis, page)
        return page if packs else page.unpack()

    async def _home(self, stock: Stock, sources: Sources, profile_id: str, now_s: float) -> Home:
        picks = await self.live.picks(stock, sources, now_s) if self.live is not None else NO_PICKS
        values = self.live.row_values if self.live is not None else None
        page = policy.home(stock, sources, profile_id, now_s, self.popular.scores, picks, values)
        return explored(page, stock, sources, profile_id, now_s, self._explored_share)

    async def similar(self, caller: Claims, title_id: str, limit: int) -> SimilarTitles:
        """Return titles like another, the most alike first, to a profile in its languages.

        Raises:
            TitleNotFound: there is none that the caller sees.
            ProfileRequired: a member who has not chosen a profile.
        """
        shelf, languages = self.titles.shelf, None
        if caller.profile_id is not None:
            languages = await self._in_time("languages", self.tastes.languages(caller.account_id, caller.profile_id))
        stock = shelf.stock(sight(caller), languages or ())
        title = stock.by_id.get(title_id)
        if title is None:
            raise TitleNotFound
        found, version = self.live.alike(stock, title) if self.live is not None else (policy.similar(stock, title), None)
        return SimilarTitles(items=[each.card for each in found[:limit]], model_version=version)

    async def _in_time(self, source: str, answer: Awaitable[T]) -> T | None:
        try:
            async with asyncio.timeout(self._source_s):
                return await answer
        except (MatineeError, TimeoutError) as error:
            log.warning("a row fails", source=source, error=repr(error))
            return None
