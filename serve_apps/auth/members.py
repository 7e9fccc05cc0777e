"""Members as operators administer them: found, disabled and enabled.

Main path: page (the listing says who, the accounts say what) -> disable: the account marked and all its devices revoked, in one batch.
Refuses to know HTTP, and what members watch.
"""

from __future__ import annotations

import asyncio
from typing import Final

import msgspec

from cluster.errors import AccountNotFound, OwnAccount
from serve_apps.auth import policy
from serve_apps.auth.accounts import Accounts, Fact, Loaded
from serve_apps.auth.devices import Devices
from serve_apps.auth.listing import Listing
from serve_apps.auth.policy import Account

_AT_ONCE: Final = 16


class Members:
    """Everybody's accounts."""

    def __init__(self, accounts: Accounts, listing: Listing, devices: Devices) -> None:
        self._accounts, self._listing, self._devices = accounts, listing, devices

    async def page(self, part: str, limit: int, after: str | None) -> tuple[list[Loaded], str | None]:
        """Return the accounts whose e-mail or name has this part, newest first, and after which to go on (None: that is all).

        A page may hold fewer than `limit`, or none, and yet not be the last: how much is searched for it is bounded.
        """
        if after is None and "@" in part and (exact := await self._accounts.find(policy.email_hash(part))) is not None:
            # A whole e-mail finds its account also where that is older than the list and never came back.
            await self._listing.keep(exact.account_id, exact.version, exact.account)
        account_ids, after = await self._listing.page(part, limit, after)
        reading = asyncio.Semaphore(_AT_ONCE)

        async def read(account_id: str) -> Loaded | None:
            async with reading:
                loaded = await self._accounts.get(account_id)
                if loaded is None:
                    await self._listing.forget_unwritten(account_id)
                return loaded

        found = await asyncio.gather(*(read(account_id) for account_id in account_ids))
        return [loaded for loaded in found if loaded is not None and not loaded.account.closing], after

    async def get(self, account_id: str) -> Loaded:
        """Return a member's account.

        Raises:
            AccountNotFound: there is none, or it is being deleted.
        """
        loaded = await self._accounts.get(account_id)
        if loaded is None or loaded.account.closing:
            raise AccountNotFound
        return loaded

    async def disable(self, operator_id: str, account_id: str) -> None:
        """Sign all devices of an account out, and let nobody sign in to it; idempotent.

        Raises:
            AccountNotFound: there is none.
            OwnAccount: it is the operator's own.
        """
        if operator_id == account_id:
            raise OwnAccount("An operator cannot disable their own account")
        if not (await self.get(account_id)).account.disabled:
            await self._mark(account_id, None, "account-disabled", "account.disabled", disabled=True)

    async def enable(self, account_id: str) -> None:
        """Let people sign in to an account again; idempotent.

        Raises:
            AccountNotFound: there is none.
        """
        if (await self.get(account_id)).account.disabled:
            await self._mark(account_id, (), "account-enabled", "account.enabled", disabled=False)

    async def _mark(self, account_id: str, gone: tuple[str, ...] | None, reason: str, fact: str, *, disabled: bool) -> None:
        def marked(loaded: Loaded) -> Account:
            return msgspec.structs.replace(loaded.account, disabled=disabled)

        await self._devices.revoke(account_id, gone, reason, change=marked, facts=[Fact(fact, {})])
