"""Playback sessions that may not read any more, though their signed paths have not expired yet.

Playback writes the rows; every edge reads them all every POLL_S into a set in memory. When the store does not answer,
the last set stays in force: viewers go on watching.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Final

import structlog

from cluster.durable.store import SCAN_LIMIT, Mode, Row, Store, StoreFactory, Table

log = structlog.get_logger()

REVOKED_SESSIONS: Final = Table("revoked_sessions", Mode.PLAIN, group="playback")
PARTITION: Final = "revoked"
POLL_S: Final = 2.0
POLL_TIMEOUT_S: Final = 10.0
SESSIONS_LIMIT: Final = 500_000


def revoked_row(session_id: str, expires_at_s: float, now_s: float) -> Row:
    """Return the row that revokes a session; `expires_at_s` is when its longest-lived signed path expires anyway."""
    return Row(PARTITION, session_id, int(now_s * 1000), "revoked-session", {"revoked_at_s": now_s}, expires_at_s)


class RevokedSessions:
    """The revoked sessions as of the last poll."""

    def __init__(self, open_store: StoreFactory, now_s: Callable[[], float] = time.time) -> None:
        self._open_store = open_store
        self._store: Store | None = None
        self._now_s = now_s
        self._sessions: frozenset[str] = frozenset()
        self.polled_at_s = 0.0

    def __contains__(self, session_id: str) -> bool:
        return session_id in self._sessions

    def __len__(self) -> int:
        return len(self._sessions)

    async def poll(self) -> None:
        """Read the set anew; raises what the store raises, and then the last set stays."""
        self._store = self._store or await self._open_store()
        now_s = self._now_s()
        found: set[str] = set()
        after: str | None = None
        while len(found) < SESSIONS_LIMIT:
            rows = await self._store.scan(PARTITION, after=after, limit=SCAN_LIMIT)
            found.update(row.sort for row in rows if row.expires_at_s is None or row.expires_at_s > now_s)
            if len(rows) < SCAN_LIMIT:
                break
            after = rows[-1].sort
        self._sessions, self.polled_at_s = frozenset(found), now_s

    async def follow(self) -> None:
        """Poll for ever; no error ends it."""
        failing = False
        while True:
            try:
                async with asyncio.timeout(POLL_TIMEOUT_S):
                    await self.poll()
                failing = False
            except Exception as error:
                if not failing:
                    log.warning("revoked sessions cannot be read; the last set stays", error=repr(error), sessions=len(self))
                failing = True
            await asyncio.sleep(POLL_S)

    async def close(self) -> None:
        """Free the store."""
        if self._store:
            await self._store.close()
