"""Links by which a member who forgot the password sets a new one; an operator hands them over.

Main path: issue -> the hash of a random secret stands in the account -> redeem: secret, password and devices change in one batch, so a link
is used once, and a newer one replaces it. The secret stands in the fragment of the link, which no browser sends: it reaches no log.
"""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import Callable
from typing import Final

import msgspec

from cluster.errors import Conflict, ResetLinkInvalid, VersionConflict
from serve_apps.auth import policy
from serve_apps.auth.accounts import Accounts, Loaded
from serve_apps.auth.credentials import Credentials
from serve_apps.auth.devices import Devices
from serve_apps.auth.members import Members
from serve_apps.auth.policy import Account, Reset

LIFETIME_S: Final = 3600.0
PAGE: Final = "/reset"
"""Where the members' site reads the fragment."""
_ATTEMPTS: Final = 16
_TOKEN: Final = re.compile(r"(?P<account_id>[0-9a-f]{32})\.(?P<secret>[A-Za-z0-9_-]{43})", re.ASCII)


class Resets:
    """Makes the links, and takes them."""

    def __init__(
        self, accounts: Accounts, members: Members, devices: Devices, credentials: Credentials, now_s: Callable[[], float] = time.time
    ) -> None:
        self._accounts, self._members, self._devices, self._credentials = accounts, members, devices, credentials
        self._now_s = now_s

    async def issue(self, account_id: str) -> tuple[str, float]:
        """Return the path of a new link and when it expires; the one before is good no longer.

        Raises:
            AccountNotFound: there is no such account.
        """
        secret = secrets.token_urlsafe(32)
        for _ in range(_ATTEMPTS):
            loaded = await self._members.get(account_id)
            reset = Reset(policy.secret_hash(secret), self._now_s() + LIFETIME_S)
            try:
                await self._accounts.replace(loaded, msgspec.structs.replace(loaded.account, reset=reset))
            except VersionConflict:
                continue
            return f"{PAGE}#{account_id}.{secret}", reset.expires_at_s
        raise Conflict("The account is being changed: try again", retry_after_s=1)

    async def redeem(self, token: str, password: str) -> None:
        """Set a new password and sign all devices out; wrong passwords of before no longer keep anybody waiting.

        Raises:
            ResetLinkInvalid: the link was used, has expired, was replaced, or is none of ours.
            WeakPassword: the new password would be guessed; the link stays good.
        """
        match = _TOKEN.fullmatch(token)
        loaded = await self._accounts.get(match["account_id"]) if match is not None else None
        if match is None or loaded is None:
            raise ResetLinkInvalid
        self._require(loaded, match["secret"])
        policy.require_strong(password, loaded.account.email)
        password_hash = await self._credentials.hash(password)

        def changed(current: Loaded) -> Account:
            self._require(current, match["secret"])
            return msgspec.structs.replace(current.account, password_hash=password_hash, reset=None)

        if await self._devices.revoke(loaded.account_id, None, "password-reset", change=changed) is None:
            raise ResetLinkInvalid
        await self._credentials.forgive(loaded.account.email_hash)

    def _require(self, loaded: Loaded, secret: str) -> None:
        reset = loaded.account.reset
        if (
            loaded.account.closing
            or reset is None
            or self._now_s() >= reset.expires_at_s
            or not policy.same_secret(secret, reset.secret_hash)
        ):
            raise ResetLinkInvalid
