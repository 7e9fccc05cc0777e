"""Accounts and the e-mails that they are found by.

Main path: claim the e-mail -> list and write the account -> find it by its e-mail; replace it, always with its version in the condition.
A claim whose writer died is taken over once that writer can't come back: its account is made void, or its version moved on.
Refuses to know passwords and tokens.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Sequence
from typing import Any, Final

import msgspec
import structlog

from cluster.durable import Change, Insert, Row, Store, Update
from cluster.durable.outbox import Outbox
from cluster.errors import AccountExists, Conflict, MatineeError, VersionConflict
from cluster.events import ACCOUNTS as TOPIC
from cluster.events import Event
from serve_apps.auth.listing import Listing
from serve_apps.auth.policy import Account, require_enabled

ORPHAN_AFTER_S: Final = 10.0
_VOID_S: Final = 86400.0
_ATTEMPTS: Final = 16
SORT: Final = "account"
"""The sort key of an account's row."""
_CLAIM: Final = "claim"

log = structlog.get_logger()


class Loaded(msgspec.Struct, frozen=True):
    """An account as of a version."""

    account_id: str
    version: int
    account: Account


class Fact(msgspec.Struct, frozen=True):
    """What a commit tells, under the version that it gives the account; one fact a key, since readers skip a version they hold."""

    kind: str
    value: dict[str, Any]
    key: str | None = None
    """The device that it is about; None: the account."""


class Accounts:
    """The rows of accounts and of claims on e-mails."""

    def __init__(self, accounts: Store, emails: Store, listing: Listing, outbox: Outbox, now_s: Callable[[], float] = time.time) -> None:
        self._accounts, self._emails, self._listing, self._outbox = accounts, emails, listing, outbox
        self._now_s = now_s

    async def get(self, account_id: str) -> Loaded | None:
        """Return an account, one that is closing included."""
        row = await self._accounts.get(account_id, SORT)
        if row is None or row.kind != "account":
            return None
        return Loaded(account_id, row.version, msgspec.convert(row.value, Account))

    async def active(self, account_id: str, otherwise: type[MatineeError]) -> Loaded:
        """Return an account that may be used; raises `otherwise` where there is none.

        Raises:
            AccountDisabled: an operator has disabled it.
        """
        loaded = await self.get(account_id)
        if loaded is None or loaded.account.closing:
            raise otherwise
        require_enabled(loaded.account)
        return loaded

    async def find(self, email_hash: str) -> Loaded | None:
        """Return the account of an e-mail, unless it is closing."""
        claim = await self._emails.get(email_hash, _CLAIM)
        # Without a claim something is read all the same: the answer takes as long.
        loaded = await self.get(claim.value["account_id"] if claim is not None else "nobody")
        if loaded is None or loaded.account.email_hash != email_hash or loaded.account.closing:
            return None
        return loaded

    async def create(self, account_id: str, account: Account, changes: Sequence[Change] = ()) -> Loaded:
        """Write a new account, whose e-mail was claimed for it, together with `changes`.

        Raises:
            AccountExists: somebody else took the e-mail over meanwhile.
        """
        # Listed first: an account that operators could not find would be worse than an entry without an account, which they are not shown.
        await self._listing.write(account_id, 1, account)
        event = self.event(account_id, 1, "account.created", {"roles": list(account.roles)})
        insert = Insert(SORT, "account", msgspec.to_builtins(account))
        try:
            await self._outbox.commit(account_id, [insert, *changes], [event])
        except VersionConflict as error:
            raise AccountExists from error
        return Loaded(account_id, 1, account)

    async def replace(self, loaded: Loaded, account: Account, changes: Sequence[Change] = (), facts: Sequence[Fact] = ()) -> Loaded:
        """Replace an account as it was loaded, together with `changes`, and tell `facts`.

        Raises:
            VersionConflict: it was changed meanwhile; nothing was written.
        """
        version = loaded.version + 1
        update = Update(SORT, "account", msgspec.to_builtins(account), if_version=loaded.version)
        events = [self.event(loaded.account_id, version, fact.kind, fact.value, key=fact.key) for fact in facts]
        await self._outbox.commit(loaded.account_id, [update, *changes], events)
        after = Loaded(loaded.account_id, version, account)
        if (account.email, account.name) != (loaded.account.email, loaded.account.name):
            await self.keep_listed(after)
        return after

    async def keep_listed(self, loaded: Loaded) -> None:
        """Have operators find an account under its present e-mail and name; tried again later where the store is away."""
        try:
            await self._listing.keep(loaded.account_id, loaded.version, loaded.account)
        except MatineeError as error:
            log.warning("member not listed yet", account_id=loaded.account_id, error=error.detail)

    async def remove(self, account_id: str) -> None:
        """Remove an account that is closing, its e-mail's claim first; idempotent."""
        row = await self._accounts.get(account_id, SORT)
        if row is not None and row.kind == "account":
            await self._listing.forget(account_id, row.version)
            await self.release(row.value["email_hash"], account_id)
            with contextlib.suppress(VersionConflict):
                await self._accounts.delete(row)

    async def claim(self, email_hash: str, account_id: str) -> None:
        """Take an e-mail for an account, which is then to be written with it.

        Raises:
            AccountExists: it belongs to another, or another is about to take it.
        """
        for _ in range(_ATTEMPTS):
            value = {"account_id": account_id, "claimed_at_s": self._now_s()}
            row = await self._emails.get(email_hash, _CLAIM)
            try:
                if row is None:
                    await self._emails.put_if_absent(email_hash, _CLAIM, "claim", value)
                elif row.value["account_id"] == account_id or await self._orphaned(row, email_hash):
                    # Its own claim is written again too: whoever is about to take it over has read a version that is gone.
                    await self._emails.compare_and_set(row, value)
                else:
                    raise AccountExists
            except VersionConflict:
                continue
            return
        raise Conflict("The e-mail is being claimed by others: try again", retry_after_s=1)

    async def release(self, email_hash: str, account_id: str) -> None:
        """Give an e-mail up; idempotent."""
        row = await self._emails.get(email_hash, _CLAIM)
        if row is not None and row.value["account_id"] == account_id:
            with contextlib.suppress(VersionConflict):
                await self._emails.delete(row)

    def event(self, account_id: str, version: int, kind: str, value: dict[str, Any], *, key: str | None = None) -> Event:
        """Return a fact about an account, or about what has the `key`."""
        return Event(TOPIC.name, kind, key or account_id, version, self._now_s(), {"account_id": account_id, **value})

    async def _orphaned(self, claim: Row, email_hash: str) -> bool:
        if self._now_s() - claim.value["claimed_at_s"] < ORPHAN_AFTER_S:
            return False
        account_id = claim.value["account_id"]
        row = await self._accounts.get(account_id, SORT)
        if row is None:
            expires_at_s = self._now_s() + _VOID_S
            await self._accounts.put_if_absent(account_id, SORT, "void", {}, expires_at_s=expires_at_s)
        elif row.kind == "account":
            if row.value["email_hash"] == email_hash:
                return False
            await self._accounts.compare_and_set(row, row.value)
        return True
