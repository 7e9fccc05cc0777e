"""All titles in the memory of another service, followed live: what it holds is its own shelf, what comes is the catalogue's.

Main path: note the log's ends -> page all titles in by the catalogue's client -> follow the log (follower.py) -> Shelf.put and drop.
While the catalogue or the log are away the shelf stays as it is, and no replica ends for it: one that begins then waits for a moment, and
answers that it has no titles yet until it does.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Final, Generic, Protocol, TypeVar

import structlog

from cluster.durable import Log, open_log
from cluster.errors import MatineeError, ServiceUnavailable
from cluster.settings import Settings
from serve_apps.catalog import views
from serve_apps.catalog.follower import Follower
from serve_apps.catalog.record import TitleRecord, TitleState
from serve_apps.catalog.schemas import Title

log = structlog.get_logger()

OPENING_S: Final = 10.0
"""How long a replica that begins waits for the titles before it is ready without them."""
TOMBSTONES: Final = 10_000
"""How many deleted titles are remembered, so that a late event does not bring one back."""
_RETRY_S: Final = 0.5


class Shelf(Protocol):
    """What a service keeps of the titles; called in the event loop, by one task at a time."""

    def put(self, title: Title) -> None:
        """Keep a title, in the place of what was kept of it: published or not, without its draft episodes and trailers."""
        ...

    def drop(self, title_id: str) -> None:
        """Forget a title, if it is kept."""
        ...


class Source(Protocol):
    """Where all titles are paged in from: CatalogClient."""

    async def titles(self, after: str | None) -> tuple[list[TitleState], str | None]:
        """See CatalogClient."""
        ...


S = TypeVar("S", bound=Shelf)


class _Shelved(Generic[S]):
    """Knows the versions of what a shelf holds: only a higher one is put on it, and none that was dropped since."""

    def __init__(self, shelf: S, edge_url: str) -> None:
        self.shelf, self._edge_url = shelf, edge_url
        self._versions: dict[str, int] = {}
        self._dropped: OrderedDict[str, int] = OrderedDict()

    def apply(self, title_id: str, version: int, record: TitleRecord | None) -> None:
        """See follower.Holder."""
        if max(self._versions.get(title_id, 0), self._dropped.get(title_id, 0)) >= version:
            return
        try:
            if record is not None:
                self.shelf.put(views.title(record, self._edge_url, drafts=False))
                self._versions[title_id] = version
                return
            self.shelf.drop(title_id)
        except Exception as error:
            # One title must not keep all others from being followed.
            log.error("title not kept", title_id=title_id, error=repr(error))
            return
        self._versions.pop(title_id, None)
        self._dropped[title_id] = version
        if len(self._dropped) > TOMBSTONES:
            self._dropped.popitem(last=False)


class CatalogFeed(Generic[S]):
    """Owns the task that fills a shelf and keeps it true; after long absences a new shelf is filled and takes the old one's place."""

    def __init__(
        self,
        settings: Settings,
        catalog: Source,
        shelf: Callable[[], S],
        now_s: Callable[[], float] = time.time,
        *,
        opening_s: float = OPENING_S,
    ) -> None:
        self._settings, self._catalog, self._new_shelf, self._now_s, self._opening_s = settings, catalog, shelf, now_s, opening_s
        self._log: Log | None = None
        self._follower: Follower[_Shelved[S]] | None = None
        self._opening: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Begin to fill the shelf; returns once it is filled, or has been tried for a while: then it goes on by itself."""
        self._opening = asyncio.create_task(self._open(), name="catalog-feed")
        await asyncio.wait({self._opening}, timeout=self._opening_s)

    async def close(self) -> None:
        """Stop, and close what is open."""
        if self._opening is not None:
            self._opening.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._opening
        if self._follower is not None:
            await self._follower.close()
        if self._log is not None:
            await self._log.close()

    async def check(self) -> None:
        """Raise if nothing is followed any more, which only a mistake of ours can bring about."""
        ended = self._opening is not None and self._opening.done() and not (self._follower is not None and self._follower.running)
        if ended:
            raise ServiceUnavailable("The feed of the catalogue has ended")

    @property
    def loaded(self) -> bool:
        """Whether there is a shelf."""
        return self._follower is not None

    @property
    def shelf(self) -> S:
        """What is known of the titles; it may be a moment behind.

        Raises:
            ServiceUnavailable: they have not been read yet.
        """
        if self._follower is None:
            raise ServiceUnavailable("The titles are not loaded yet", retry_after_s=1)
        return self._follower.holder.shelf

    async def _open(self) -> None:
        waiting = False
        while True:
            try:
                self._log = self._log or await open_log(self._settings.log)
                follower = Follower(self._all, self._log, lambda: _Shelved(self._new_shelf(), self._settings.own_edge_url), self._now_s)
                await follower.open()
            except MatineeError as error:
                if not waiting:
                    log.warning("no titles yet", error=repr(error))
                waiting = True
                await asyncio.sleep(_RETRY_S)
                continue
            self._follower = follower
            return

    async def _all(self) -> AsyncIterator[Sequence[TitleState]]:
        after: str | None = None
        while True:
            states, after = await self._catalog.titles(after)
            yield states
            if after is None:
                return
