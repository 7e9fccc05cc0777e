"""Which edges are live: each writes a row of its own every REFRESH_S, and counts as live while that row is young.

Playback ranks the live edges, operations shows them. An edge that stops cleanly writes that it was never seen.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Final

import msgspec
import structlog

from cluster.durable.store import SCAN_LIMIT, Mode, Row, Store, StoreFactory, Table

log = structlog.get_logger()

EDGES: Final = Table("edges", Mode.PLAIN, group="edges")
PARTITION: Final = "edges"
REFRESH_S: Final = 2.0
LIVE_S: Final = 6.0
WRITE_TIMEOUT_S: Final = 5.0


class EdgeStatus(msgspec.Struct, frozen=True):
    """One edge as it last told of itself."""

    edge_id: str
    url: str
    started_at_s: float
    seen_at_s: float
    hits: int = 0
    misses: int = 0
    fill_bytes: int = 0
    cache_bytes: int = 0
    disk_limit_bytes: int | None = None
    """The most that its cache may hold; None in rows that came before this field."""
    disk_free_bytes: int | None = None
    """What is free on the disk of its cache; None also where that cannot be told."""


async def live_edges(store: Store, now_s: Callable[[], float] = time.time) -> list[EdgeStatus]:
    """Return the edges seen in the last LIVE_S, by id; rows that can't be read are passed over."""
    rows = await store.scan(PARTITION, limit=SCAN_LIMIT)
    edges = [edge for row in rows if (edge := _status(row)) is not None]
    return [edge for edge in edges if now_s() - edge.seen_at_s < LIVE_S]


def _status(row: Row) -> EdgeStatus | None:
    try:
        return msgspec.convert({**row.value, "edge_id": row.sort}, EdgeStatus)
    except msgspec.ValidationError:
        return None


class Registration:
    """Keeps one edge's row; `status` is asked for the present figures at each refresh."""

    def __init__(self, open_store: StoreFactory, status: Callable[[], EdgeStatus]) -> None:
        self._open_store = open_store
        self._store: Store | None = None
        self._status = status
        self._version = 0

    async def refresh(self) -> None:
        """Write the row once; raises what the store raises."""
        self._store = self._store or await self._open_store()
        status = self._status()
        if not self._version:
            # The row of an earlier run may carry a later version, if the clock was set back meanwhile.
            stored = await self._store.get(PARTITION, status.edge_id)
            self._version = stored.version if stored else 0
        await self._write(self._store, status, status.seen_at_s)

    async def follow(self) -> None:
        """Refresh for ever; an edge that can't tell of itself goes on serving."""
        failing = False
        while True:
            try:
                async with asyncio.timeout(WRITE_TIMEOUT_S):
                    await self.refresh()
                failing = False
            except Exception as error:
                if not failing:
                    log.warning("this edge cannot register itself", error=repr(error))
                failing = True
            await asyncio.sleep(REFRESH_S)

    async def withdraw(self) -> None:
        """Tell that the edge is gone, so that nobody is sent here any more, and free the store."""
        if self._store:
            if self._version:
                # Not removed: nobody can read the version of a removed row, and a next start with the clock set back must exceed it.
                status = self._status()
                await self._write(self._store, msgspec.structs.replace(status, seen_at_s=0.0), status.seen_at_s)
            await self._store.close()

    async def _write(self, store: Store, status: EdgeStatus, now_s: float) -> None:
        self._version = max(self._version + 1, int(now_s * 1000))
        value = msgspec.to_builtins(status)
        del value["edge_id"]
        await store.put([Row(PARTITION, status.edge_id, self._version, "edge", value, now_s + 10 * LIVE_S)])
