"""Telemetry: what sites and players saw and did, into the log.

Main path: take -> the profile's allowance -> policy makes facts of it -> one append. Nothing is kept here: what the log does not take
at once is the sender's to send again, or to drop. Knows neither HTTP nor Ray.
"""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Final

from cluster.durable import Log, LogFactory
from cluster.errors import Misconfigured, ServiceUnavailable, StorageFull, Unavailable
from cluster.events import TELEMETRY
from serve_apps.telemetry import policy
from serve_apps.telemetry.policy import Allowance
from serve_apps.telemetry.schemas import TelemetryEvent

APPEND_S: Final = 2.0
"""How long a sender waits for the log."""
AGAIN_S: Final = 10
PROFILES_LIMIT: Final = 10_000
"""Allowances that are remembered; whoever told nothing for longest has all of it again by then."""


class Telemetry:
    """The service of telemetry; an allowance is a replica's own, so several replicas together take a little more."""

    def __init__(self, open_log: LogFactory, now_s: Callable[[], float] = time.time, append_s: float = APPEND_S) -> None:
        self._open_log, self._now_s, self._append_s = open_log, now_s, append_s
        self._opening = asyncio.Lock()
        self._log: Log | None = None
        self._allowances: OrderedDict[str, Allowance] = OrderedDict()

    async def open(self) -> None:
        """Nothing to do: a log that is away keeps nobody from starting."""

    async def close(self) -> None:
        """Close the log."""
        async with self._opening:
            if self._log is not None:
                await self._log.close()
                self._log = None

    async def check(self) -> None:
        """Nothing in a replica can go wrong for good: a log that is away is told to each sender."""

    async def take(self, profile_id: str, told: Sequence[TelemetryEvent]) -> int:
        """Return how many events are in the log now; sent again, they change nothing.

        Raises:
            TooManyRequests: the profile tells more than it may.
            ServiceUnavailable: the log does not take them; some may be there.
        """
        now_s = self._now_s()
        self._draw(profile_id, len(told), now_s)
        facts = policy.facts(profile_id, told, now_s)
        try:
            async with asyncio.timeout(self._append_s):
                await (await self._opened()).append(TELEMETRY, facts)
        except (Unavailable, StorageFull, Misconfigured, TimeoutError) as error:
            raise ServiceUnavailable("Telemetry is not taken at the moment", retry_after_s=AGAIN_S) from error
        return len(facts)

    def _draw(self, profile_id: str, events: int, now_s: float) -> None:
        before = self._allowances.pop(profile_id, Allowance(policy.BURST, now_s))
        self._allowances[profile_id] = before
        self._allowances[profile_id] = policy.drawn(before, events, now_s)
        if len(self._allowances) > PROFILES_LIMIT:
            self._allowances.popitem(last=False)

    async def _opened(self) -> Log:
        async with self._opening:
            if self._log is None:
                self._log = await self._open_log()
            return self._log
