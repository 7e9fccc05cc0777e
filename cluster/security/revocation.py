"""Which devices were signed out: auth writes them down, every service reads them every 2 s.

Main path: revoke -> a row that outlives every token of the device -> RevokedDevices.poll -> `device_id in revoked`.
Refuses to know why a device was revoked.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from typing import Final

import structlog

from cluster.durable import Mode, Row, Store, Table
from cluster.errors import MatineeError
from cluster.security.keys import LONGEST_TOKEN_S, MARGIN_S

REVOKED_DEVICES: Final = Table("revoked_devices", Mode.PLAIN, group="auth")

POLL_INTERVAL_S: Final = 2.0
_PARTITION: Final = "revoked"
_PAGE: Final = 1000

log = structlog.get_logger()


async def revoke(store: Store, device_ids: Sequence[str], now_s: float) -> None:
    """Write devices down as revoked, until no token of theirs can be left; idempotent."""
    expires_at_s = now_s + LONGEST_TOKEN_S + MARGIN_S
    await store.put([Row(_PARTITION, device_id, int(now_s * 1000), "revoked_device", {}, expires_at_s) for device_id in device_ids])


class RevokedDevices:
    """The devices revoked within the life of a token, as of the last poll; a store that is away leaves what was known."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._devices: frozenset[str] = frozenset()
        self._polling: asyncio.Task[None] | None = None

    def __contains__(self, device_id: str) -> bool:
        return device_id in self._devices

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
        devices: set[str] = set()
        after: str | None = None
        while True:
            rows = await self._store.scan(_PARTITION, after=after, limit=_PAGE)
            devices.update(row.sort for row in rows)
            if len(rows) < _PAGE:
                break
            after = rows[-1].sort
        self._devices = frozenset(devices)

    async def _poll_on(self) -> None:
        while True:
            await asyncio.sleep(POLL_INTERVAL_S)
            try:
                await self.poll()
            except MatineeError as error:
                log.warning("revoked devices not read", error=error.detail)
