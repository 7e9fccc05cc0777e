"""Web: the page at /.

Main path: the list that the composition root gave, with what answers at the moment, asked at most every REFRESH_S.
Knows no service but by name.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from typing import Final, Protocol

import structlog

from serve_apps.web.schemas import Listed

log = structlog.get_logger()

REFRESH_S: Final = 2.0
TIMEOUT_S: Final = 2.0


class Directory(Protocol):
    """Tells what is there. Its call blocks and may raise anything of Ray's."""

    def listed(self, timeout_s: float) -> Sequence[Listed]:
        """Return the services, in the order to show them; raises if that isn't known in time."""
        ...


class Web:
    """The service behind /."""

    def __init__(self, directory: Directory, now_s: Callable[[], float] = time.monotonic) -> None:
        self._directory, self._now_s = directory, now_s
        self._seen: Sequence[Listed] = ()
        self._seen_at_s = float("-inf")
        self._asking = asyncio.Lock()

    async def open(self) -> None:
        """Nothing to open: the page is asked for when somebody looks."""

    async def close(self) -> None:
        """Nothing to close."""

    async def check(self) -> None:
        """Healthy while it answers."""

    async def listed(self) -> Sequence[Listed]:
        """Return the services as of at most REFRESH_S ago, or as last seen while the cluster does not answer."""
        async with self._asking:
            if self._now_s() - self._seen_at_s >= REFRESH_S:
                try:
                    self._seen = await asyncio.wait_for(asyncio.to_thread(self._directory.listed, TIMEOUT_S), TIMEOUT_S)
                except Exception:
                    log.exception("the list of services is unknown")
                self._seen_at_s = self._now_s()
        return self._seen
