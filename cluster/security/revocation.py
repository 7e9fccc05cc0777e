"""Which devices were signed out, and which were given to a child: auth writes them down, every service reads them every 2 s.

Main path: revoke -> a row that outlives every token of the device -> RevokedDevices.poll -> `device_id in revoked`.
A device in a kids profile goes on, but its tokens from before (the account's, a grown-up's profile) are no longer taken.
Refuses to know why a device was revoked.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from typing import Final

import structlog

from cluster.durable import Mode, Row, Store, Table
from cluster.security.claims import Claims
from cluster.security.keys import LONGEST_TOKEN_S, MARGIN_S

REVOKED_DEVICES: Final = Table("revoked_devices", Mode.PLAIN, group="auth")

POLL_INTERVAL_S: Final = 2.0
POLL_TIMEOUT_S: Final = 10.0
_PARTITION: Final = "revoked"
_KIDS: Final = "kids"
_PAGE: Final = 1000

log = structlog.get_logger()


async def revoke(store: Store, device_ids: Sequence[str], now_s: float) -> None:
    """Write devices down as revoked, until no token of theirs can be left; idempotent."""
    rows = [Row(_PARTITION, device_id, int(now_s * 1000), "revoked_device", {}, _kept_until_s(now_s)) for device_id in device_ids]
    await store.put(rows)


async def hold_to_kids(store: Store, device_id: str, now_s: float) -> None:
    """Write down that a device shows a kids profile from now on, until no token from before can be left; idempotent."""
    await store.put([Row(_KIDS, device_id, int(now_s * 1000), "kids_device", {"since_s": now_s}, _kept_until_s(now_s))])


class RevokedDevices:
    """The devices revoked within the life of a token, as of the last poll; a store that is away leaves what was known."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._devices: frozenset[str] = frozenset()
        self._kids_since_s: dict[str, float] = {}
        self._polling: asyncio.Task[None] | None = None

    def __contains__(self, device_id: str) -> bool:
        return device_id in self._devices

    def outdated(self, claims: Claims) -> bool:
        """Say whether a token is from before its device was given to a child."""
        return not claims.kids and claims.issued_at_s < self._kids_since_s.get(claims.device_id, 0.0)

    async def open(self) -> None:
        """Read the set, then read it again every 2 s until `close`."""
        await self.poll()
        self._polling = asyncio.create_task(self._poll_on(), name="revoked devices")

    async def close(self) -> None:
        """Stop reading."""
        if self._polling is not None:
            self._polling.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._polling

    async def poll(self) -> None:
        """Read the set now."""
        devices = frozenset([row.sort async for row in self._rows(_PARTITION)])
        kids_since_s = {row.sort: float(row.value["since_s"]) async for row in self._rows(_KIDS)}
        self._devices, self._kids_since_s = devices, kids_since_s

    async def _rows(self, partition: str) -> AsyncIterator[Row]:
        after: str | None = None
        while True:
            rows = await self._store.scan(partition, after=after, limit=_PAGE)
            for row in rows:
                yield row
            if len(rows) < _PAGE:
                return
            after = rows[-1].sort

    async def _poll_on(self) -> None:
        while True:
            await asyncio.sleep(POLL_INTERVAL_S)
            try:
                async with asyncio.timeout(POLL_TIMEOUT_S):
                    await self.poll()
            except Exception as error:  # whatever it is: a replica that follows no more would let everybody in who was signed out
                log.warning("revoked devices not read", error=repr(error))


def _kept_until_s(now_s: float) -> float:
    return now_s + LONGEST_TOKEN_S + MARGIN_S
