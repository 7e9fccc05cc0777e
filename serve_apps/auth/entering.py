"""Lets devices in: by a new account, by its password, or because a member on another device said so.

Main path: who it is was proven -> its account has a profile, and is listed -> a device opened as of the account's version -> tokens.
Refuses to know HTTP, and what comes after signing in.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final

import msgspec
import structlog

from cluster.errors import AccessDenied, AccountExists, Conflict, ExpiredToken, Unavailable, VersionConflict, WrongCredentials
from cluster.ids import new_id
from serve_apps.auth import policy
from serve_apps.auth.accounts import Accounts, Loaded
from serve_apps.auth.credentials import Credentials
from serve_apps.auth.device_codes import DeviceCodes
from serve_apps.auth.devices import Devices
from serve_apps.auth.issuing import Issuer
from serve_apps.auth.schemas import NewAccount, SignIn, Tokens
from serve_apps.profiles.client import ProfilesClient

_ATTEMPTS: Final = 16

log = structlog.get_logger()


class Entering:
    """The ways into an account."""

    def __init__(
        self,
        accounts: Accounts,
        devices: Devices,
        device_codes: DeviceCodes,
        credentials: Credentials,
        issuer: Issuer,
        profiles: ProfilesClient,
    ) -> None:
        self._accounts, self._devices, self._device_codes = accounts, devices, device_codes
        self._credentials, self._issuer, self._profiles = credentials, issuer, profiles

    async def sign_up(self, new: NewAccount) -> Tokens:
        """Make an account with its first profile, and sign its device in.

        Raises:
            WeakPassword: the password would be guessed.
            AccountExists: the e-mail has an account.
        """
        policy.require_strong(new.password, new.email)
        if await self._accounts.find(policy.email_hash(new.email)) is not None:
            raise AccountExists
        account, account_id = await self._credentials.new_account(new.email, new.password, new.name, ("member",)), new_id()
        await self._accounts.claim(account.email_hash, account_id)
        device_id, device, change = self._devices.first(new.device_name)
        loaded = await self._accounts.create(account_id, account, [change])
        await self.ensure_profile(loaded)
        return self._issuer.tokens(loaded, device_id, device, None)

    async def sign_in(self, sign_in: SignIn, device_token: str | None) -> Tokens:
        """Sign a device in; `device_token` shows that it was signed in before.

        Raises:
            WrongCredentials: there is no such account, or it has another password; both take the same time.
            AccountDisabled: by an operator; told to those alone who know the password.
            TooManyRequests: too many wrong tries from unknown devices lately; a known device has its own.
        """
        loaded, known = await self._credentials.sign_in(sign_in.email, sign_in.password, device_token)
        policy.require_enabled(loaded.account)

        async def again() -> Loaded:
            current = await self._accounts.active(loaded.account_id, WrongCredentials)
            if current.account.password_hash != loaded.account.password_hash:
                raise WrongCredentials
            return current

        return await self._opened(loaded, sign_in.device_name, known, again)

    async def sign_in_by_code(self, device_code: str) -> Tokens:
        """Sign the device in that waited under a code, once a member let it in; see `DeviceCodes.redeem`.

        Raises:
            AccessDenied: also where the device on which they let it in was signed out since, as all are by a new password.
            AccountDisabled: by an operator, since.
        """
        code = await self._device_codes.redeem(device_code)
        account_id, approver_id = code.account_id or "", code.approver_id or ""

        async def again() -> Loaded:
            current = await self._accounts.active(account_id, ExpiredToken)
            if await self._devices.get(account_id, approver_id) is None:
                raise AccessDenied("The device that let this one in was signed out")
            return current

        return await self._opened(await again(), code.device_name, None, again)

    async def ensure_profile(self, loaded: Loaded) -> Loaded:
        """Return the account with its first profile made, if that can be had now: it can do without one until the next sign-in."""
        if loaded.account.profile_made:
            return loaded
        try:
            await self._profiles.create_first(loaded.account_id, loaded.account.name)
            return await self._accounts.replace(loaded, msgspec.structs.replace(loaded.account, profile_made=True))
        except (Unavailable, VersionConflict) as error:
            log.warning("first profile not made yet", account_id=loaded.account_id, error=error.detail)
            return loaded

    async def _opened(self, loaded: Loaded, device_name: str, known: str | None, again: Callable[[], Awaitable[Loaded]]) -> Tokens:
        # They may sign in as of `loaded`; where the account was changed meanwhile, `again` says whether they still may.
        await self._accounts.keep_listed(loaded)
        for _ in range(_ATTEMPTS):
            loaded = await self.ensure_profile(loaded)
            try:
                device_id, device = await self._devices.open(loaded, device_name, known)
            except VersionConflict:
                loaded = await again()
                continue
            return self._issuer.tokens(loaded, device_id, device, None)
        raise Conflict("The account is being changed: try again", retry_after_s=1)
