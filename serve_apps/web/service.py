"""Web: the members' site and the operators' console, as they were built, and what their pages may reach.

Main path: a path -> the file (files.py); for a page, the edges that are live -> its content security policy (policy.py).
The site is the same for everybody: nothing here knows who asks.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

import structlog

from cluster.durable import Store, StoreFactory
from cluster.edge.registry import EdgeStatus, live_edges
from cluster.settings import Settings
from serve_apps.web import policy
from serve_apps.web.files import DIST, File, Site, read_site

log = structlog.get_logger()

REFRESH_S: Final = 2.0
TIMEOUT_S: Final = 1.0


class Web:
    """The service behind /."""

    def __init__(self, settings: Settings, open_edges: StoreFactory, folder: Path = DIST, now_s: Callable[[], float] = time.time) -> None:
        self._settings, self._open_edges, self._folder, self._now_s = settings, open_edges, folder, now_s
        self._rows: Store | None = None
        self._edges: list[EdgeStatus] = []
        self._asked_at_s = float("-inf")
        self._asking = asyncio.Lock()
        self._failing = False

    async def open(self) -> None:
        """Read the site.

        Raises:
            SiteNotBuilt: there is none.
        """
        self._site: Site = await asyncio.to_thread(read_site, self._folder)

    async def close(self) -> None:
        """Close the store, if it was ever there."""
        if self._rows is not None:
            await self._rows.close()

    async def check(self) -> None:
        """Healthy while it answers: without the store it goes on naming the edges that it knew."""

    def file(self, path: str) -> File:
        """Return the file that answers a path.

        Raises:
            NotFound: there is none.
        """
        return self._site.file(path)

    async def content_security_policy(self) -> str:
        """Return what a page may do and reach, by the edges as of at most REFRESH_S ago; an unanswered question takes TIMEOUT_S."""
        async with self._asking:
            if abs(self._now_s() - self._asked_at_s) >= REFRESH_S:  # the clock may be set back
                await self._look()
                self._asked_at_s = self._now_s()
        return policy.content_security_policy(policy.origins_of([self._settings.own_edge_url, *(edge.url for edge in self._edges)]))

    async def _look(self) -> None:
        try:
            async with asyncio.timeout(TIMEOUT_S):
                self._rows = self._rows or await self._open_edges()
                self._edges = await live_edges(self._rows, self._now_s)
            self._failing = False
        except Exception as error:
            if not self._failing:
                log.warning("the edges that were known go on being named", reason=repr(error))
            self._failing = True
