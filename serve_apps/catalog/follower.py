"""Keeps a replica's snapshot: notes the ends of the log, scans the store, then follows the log.

A change that the scan misses is in the log after the noted ends, and one that both bring counts once, since versions decide.
While store or log are away the snapshot stays as it is; `stale_s` says for how long.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable
from typing import Final

import structlog

from cluster.durable import Log, Row, Store
from cluster.errors import CorruptData, MatineeError
from cluster.events import CATALOG, Event
from serve_apps.catalog.rows import parsed, record_of, title_rows
from serve_apps.catalog.snapshot import Snapshot
from serve_apps.catalog.tables import SORT_PREFIX

log = structlog.get_logger()

CHANGED: Final = "title.changed"
GONE: Final = "title.deleted"

_WAIT_S: Final = 5.0
_RETRY_S: Final = 0.5
RELOAD_AFTER_S: Final = 3600.0
"""After so long without the log the store is scanned again, in case the log has let go of what was missed."""


class _Missed(Exception):
    """Following the log on is not enough: it was away for too long, or is damaged here."""


class Follower:
    """Owns the task that follows the catalogue's topic: one bounded read at a time for each of its partitions."""

    def __init__(self, store: Store, events: Log, snapshot: Callable[[], Snapshot], now_s: Callable[[], float] = time.time) -> None:
        self._store, self._events, self._new_snapshot, self._now_s = store, events, snapshot, now_s
        self.snapshot = snapshot()
        self._followed_at_s = [0.0] * CATALOG.partitions
        self._task: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Load everything and begin to follow.

        Raises:
            StoreUnavailable: the store or the log does not answer; without a first load there is nothing to serve.
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
        loaded = self._new_snapshot()
        async for rows in title_rows(self._store):
            for row in rows:
                _apply_row(loaded, row)
        self.snapshot = loaded
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
                log.error("an entry of the log is damaged; the store has what it told", partition=partition, error=error.detail)
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
                _apply_event(self.snapshot, entry.event)
                offset = entry.offset + 1
            self._followed_at_s[partition] = self._now_s()


def _apply_row(snapshot: Snapshot, row: Row) -> None:
    # One damaged title must not keep all others from being seen.
    try:
        snapshot.apply(row.sort.removeprefix(SORT_PREFIX), row.version, record_of(row))
    except CorruptData as error:
        log.error("title left out", error=error.detail)


def _apply_event(snapshot: Snapshot, event: Event) -> None:
    try:
        if event.kind == CHANGED:
            snapshot.apply(event.key, event.entity_version, parsed(event.value, f"the event of {event.key}"))
        elif event.kind == GONE:
            snapshot.apply(event.key, event.entity_version, None)
    except CorruptData as error:
        log.error("event left out", error=error.detail)
