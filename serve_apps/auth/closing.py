"""Brings the deletion of accounts to its end, whatever dies on the way.

Main path: close -> written down -> devices revoked and the account marked, in one batch -> finish: history, profiles, e-mail, account.
Idempotent in every step; what is left half-way is finished by the next `finish_all` of any replica.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from typing import Final

import msgspec
import structlog

from cluster.durable import Store
from cluster.errors import MatineeError, VersionConflict
from serve_apps.auth.accounts import Accounts, Fact, Loaded
from serve_apps.auth.devices import Devices
from serve_apps.auth.policy import Account
from serve_apps.playback.client import PlaybackClient
from serve_apps.profiles.client import ProfilesClient

UNCONFIRMED_AFTER_S: Final = 60.0
_PARTITION: Final = "closing"
_PAGE: Final = 100

log = structlog.get_logger()


class Closing:
    """Accounts on their way out."""

    def __init__(
        self,
        store: Store,
        accounts: Accounts,
        devices: Devices,
        profiles: ProfilesClient,
        playback: PlaybackClient,
        now_s: Callable[[], float] = time.time,
    ) -> None:
        self._store, self._accounts, self._devices, self._profiles, self._playback = store, accounts, devices, profiles, playback
        self._now_s = now_s

    async def close(self, account_id: str) -> None:
        """Close an account: nobody is signed in to it any more; the rest follows at once, or soon."""
        with contextlib.suppress(VersionConflict):
            await self._store.put_if_absent(_PARTITION, account_id, "closing", {"began_at_s": self._now_s()})

        def closed(loaded: Loaded) -> Account:
            return msgspec.structs.replace(loaded.account, closing=True)

        await self._devices.revoke(account_id, None, "account-deleted", change=closed, facts=[Fact("account.deleted", {})])
        await self._finish_or_later(account_id)

    async def finish_all(self) -> None:
        """Finish what was left half-way."""
        for row in await self._store.scan(_PARTITION, limit=_PAGE):
            loaded = await self._accounts.get(row.sort)
            if loaded is None or loaded.account.closing:
                await self._finish_or_later(row.sort)
            elif self._now_s() - row.value["began_at_s"] >= UNCONFIRMED_AFTER_S:
                # It was written down, but never came to be: whoever asked for it got no answer.
                with contextlib.suppress(VersionConflict):
                    await self._store.delete(row)

    async def _finish_or_later(self, account_id: str) -> None:
        # One that cannot be finished keeps none of the others waiting.
        try:
            await self._finish(account_id)
        except MatineeError as error:
            log.warning("account closed, the rest follows", account_id=account_id, error=error.detail)

    async def _finish(self, account_id: str) -> None:
        await self._playback.delete_all(account_id)
        await self._profiles.delete_all(account_id)
        await self._accounts.remove(account_id)
        row = await self._store.get(_PARTITION, account_id)
        if row is not None:
            with contextlib.suppress(VersionConflict):
                await self._store.delete(row)
