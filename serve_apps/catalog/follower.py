"""Keeps titles in memory: notes the ends of the log, reads all titles, then follows the log.

A change that the reading misses is in the log after the noted ends, and one that both bring counts once, since versions decide.
While the titles' source or the log are away what is held stays as it is; `stale_s` says for how long.
Where titles come from (rows.py, feed.py) and what holds them is its opener's matter.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Final, Generic, Protocol, TypeVar

import structlog

from cluster.durable import Log
from cluster.errors import CorruptData, MatineeError
from cluster.events import CATALOG, Event
from serve_apps.catalog.record import TitleRecord, TitleState
from serve_apps.catalog.rows import parsed

log = structlog.get_logger()

CHANGED: Final = "title.changed"
GONE: Final = "title.deleted"

_WAIT_S: Final = 5.0
_RETRY_S: Final = 0.5
RELOAD_AFTER_S: Final = 3600.0
"""After so long without the log all titles are read again, in case the log has let go of what was missed."""


class _Missed(Exception):
    """Following the log on is not enough: it was away for too long, or is damaged here."""


class Holder(Protocol):
    """What holds titles; it keeps the highest version, whatever order they come in."""

    def apply(self, title_id: str, version: int, record: TitleRecord | None) -> object:
        """Take a version of a title in; None: it was deleted."""
        ...


H = TypeVar("H", bound=Holder)
Reading = Callable[[], AsyncIterator[Sequence[TitleState]]]
"""Reads all titles, tombstones included, as they are at least at the time of the call."""


class Follower(Generic[H]):
    """Owns the task that follows the catalogue's topic: one bounded read at a time for each of its partitions."""

    def __init__(self, titles: Reading, events: Log, holder: Callable[[], H], now_s: Callable[[], float] = time.time) -> None:
        self._titles, self._events, self._new_holder, self._now_s = titles, events, holder, now_s
        self.holder = holder()
        self._followed_at_s = [0.0] * CATALOG.partitions
        self._task: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Load everything and begin to follow.

        Raises:
            Unavailable: the titles' source or the log does not answer; without a first load there is nothing to serve.
        """
        ends = await self._load()
        self._task = asyncio.create_task(self._run(ends), name="catalog-follower")

    async def close(self) -> None:
        """Stop following."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    @property
    def running(self) -> bool:
        """Whether the task lives; it ends only by a mistake of ours."""
        return self._task is not None and not self._task.done()

    @property
    def stale_s(self) -> float:
        """How long ago some partition of the log was last read; a few seconds when all is well."""
        return max(0.0, self._now_s() - min(self._followed_at_s))

    async def _load(self) -> list[int]:
        ends = [await self._events.end(CATALOG, partition) for partition in range(CATALOG.partitions)]
        loaded = self._new_holder()
        async for states in self._titles():
            for state in states:
                loaded.apply(state.title_id, state.version, state.record)
        self.holder = loaded
        self._followed_at_s = [self._now_s()] * CATALOG.partitions
        return ends

    async def _run(self, ends: list[int]) -> None:
        while True:
            try:
                async with asyncio.TaskGroup() as group:
                    for partition, end in enumerate(ends):
                        group.create_task(self._follow(partition, end))
            except* _Missed:
                ends = await self._load_again()

    async def _load_again(self) -> list[int]:
        while True:
            try:
                return await self._load()
            except MatineeError as error:
                log.warning("catalogue not loaded again", error=repr(error))
                await asyncio.sleep(_RETRY_S)

    async def _follow(self, partition: int, offset: int) -> None:
        failing = False
        while True:
            try:
                entries = await self._events.read(CATALOG, partition, offset, wait_s=_WAIT_S)
            except CorruptData as error:
                log.error("an entry of the log is damaged; the titles have what it told", partition=partition, error=error.detail)
                raise _Missed from error
            except MatineeError as error:
                if not failing:
                    log.warning("catalogue is not followed", partition=partition, error=repr(error))
                failing = True
                await asyncio.sleep(_RETRY_S)
                continue
            if self._now_s() - self._followed_at_s[partition] > RELOAD_AFTER_S:
                raise _Missed
            if failing:
                log.info("catalogue is followed again", partition=partition)
            failing = False
            for entry in entries:
                _apply_event(self.holder, entry.event)
                offset = entry.offset + 1
            self._followed_at_s[partition] = self._now_s()


def _apply_event(holder: Holder, event: Event) -> None:
    try:
        if event.kind == CHANGED:
            holder.apply(event.key, event.entity_version, parsed(event.value, f"the event of {event.key}"))
        elif event.kind == GONE:
            holder.apply(event.key, event.entity_version, None)
    except CorruptData as error:
        log.error("event left out", error=error.detail)
