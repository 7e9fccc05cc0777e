"""Accounts sign up, sign in, choose who watches, refresh, and go.

Main path: sign_up, sign_in or sign_in_by_code -> a device with a family of refresh tokens -> choose (a profile's token) -> refresh, unseen.
Every secret is checked here and nowhere else. Refuses to know HTTP, cookies and what profiles hold.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable
from typing import Final

import msgspec
import structlog

from cluster.durable import open_store
from cluster.durable.outbox import open_outbox
from cluster.errors import (
    Conflict,
    DeviceNotFound,
    DeviceRevoked,
    Forbidden,
    MatineeError,
    ProfileNotFound,
    RefreshReused,
    TokenInvalid,
    Unavailable,
    VersionConflict,
)
from cluster.security.claims import Claims
from cluster.security.keys import PUBLIC_KEYS, SIGNING_KEYS, KeyRing
from cluster.security.revocation import REVOKED_DEVICES
from cluster.security.tokens import TokenSigner
from cluster.settings import Settings
from serve_apps.auth import policy
from serve_apps.auth.accounts import Accounts, Loaded
from serve_apps.auth.changing import Changing
from serve_apps.auth.closing import Closing
from serve_apps.auth.credentials import Credentials
from serve_apps.auth.device_codes import DeviceCodes
from serve_apps.auth.devices import Devices, LoadedDevice, StoredDevice
from serve_apps.auth.entering import Entering
from serve_apps.auth.families import Decision, decide, parse
from serve_apps.auth.issuing import Issuer
from serve_apps.auth.listing import Listing
from serve_apps.auth.members import Members
from serve_apps.auth.operator import Operator
from serve_apps.auth.resets import Resets
from serve_apps.auth.schemas import AccessToken, AccountChange, ChooseProfile, NewAccount, SignIn, Tokens
from serve_apps.auth.tables import ACCOUNTS, CLOSING, DEVICE_CODES, EMAILS, MEMBERS, TRIES
from serve_apps.playback.client import PlaybackClient
from serve_apps.profiles.client import ProfilesClient
from serve_apps.profiles.schemas import ChosenProfile

MAINTAIN_EVERY_S: Final = 30.0
_ATTEMPTS: Final = 16

log = structlog.get_logger()


class Auth:
    """The service of auth."""

    keys: KeyRing
    devices: Devices
    device_codes: DeviceCodes
    members: Members
    resets: Resets

    def __init__(
        self, settings: Settings, profiles: ProfilesClient, playback: PlaybackClient, now_s: Callable[[], float] = time.time
    ) -> None:
        self._settings = settings
        self._profiles, self._playback = profiles, playback
        self._now_s = now_s

    async def open(self) -> None:
        """Open the stores, load or make the keys, make the operator, and begin to look after keys and closing accounts."""
        tables = (SIGNING_KEYS, PUBLIC_KEYS, REVOKED_DEVICES, ACCOUNTS, EMAILS, TRIES, CLOSING, DEVICE_CODES, MEMBERS)
        self._stores = [await open_store(self._settings.store, table, self._now_s) for table in tables]
        signing, public, revoked, accounts, emails, tries, closing, device_codes, members = self._stores
        secret = await asyncio.to_thread(self._settings.secret_bytes)
        self.keys = KeyRing(signing, public, secret, self._now_s)
        await self.keys.refresh()
        self._outbox = await open_outbox(self._settings, accounts, now_s=self._now_s)
        listing = Listing(members, self._now_s)
        self._accounts = Accounts(accounts, emails, listing, self._outbox, self._now_s)
        self.devices = Devices(accounts, revoked, self._accounts, self._settings.refresh_token_s, self._now_s)
        self._closing = Closing(closing, self._accounts, self.devices, self._profiles, self._playback, self._now_s)
        self._issuer = Issuer(TokenSigner(self.keys, self._now_s), secret, self._settings, self._now_s)
        self._credentials = Credentials(self._accounts, tries, self._issuer.proofs, self._now_s)
        self.device_codes = DeviceCodes(device_codes, tries, self._now_s)
        self.members = Members(self._accounts, listing, self.devices)
        self.resets = Resets(self._accounts, self.members, self.devices, self._credentials, self._now_s)
        self._entering = Entering(self._accounts, self.devices, self.device_codes, self._credentials, self._issuer, self._profiles)
        self._changing = Changing(self._accounts, self.devices, self._credentials)
        self._operator = Operator(self._settings, self._accounts, self._credentials)
        await self._operator.ensure()
        self._maintaining = asyncio.create_task(self._maintain(), name="auth maintenance")

    async def close(self) -> None:
        """Stop, and close the stores."""
        self._maintaining.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._maintaining
        self._credentials.close()
        await self._outbox.close()
        for store in self._stores:
            await store.close()

    async def check(self) -> None:
        """Raise once the maintenance has ended: without it keys would not rotate."""
        if self._maintaining.done():
            raise Unavailable("The maintenance of auth has ended")

    async def maintain(self) -> None:
        """Let keys take turns, and finish what others left half-way: the operator's account, accounts on their way out."""
        for step in (self.keys.refresh, self._operator.ensure, self._closing.finish_all):
            try:
                await step()
            except MatineeError as error:
                log.warning("auth maintenance failed, trying again", error=error.detail)

    async def sign_up(self, new: NewAccount) -> Tokens:
        """Make an account, and sign its device in; see `Entering.sign_up`."""
        return await self._entering.sign_up(new)

    async def sign_in(self, sign_in: SignIn, device_token: str | None) -> Tokens:
        """Sign a device in by the account's password; see `Entering.sign_in`."""
        return await self._entering.sign_in(sign_in, device_token)

    async def sign_in_by_code(self, device_code: str) -> Tokens:
        """Sign a device in that a member let in; see `Entering.sign_in_by_code`."""
        return await self._entering.sign_in_by_code(device_code)

    async def choose(self, claims: Claims, choice: ChooseProfile) -> AccessToken:
        """Return a profile's token; this device shows that profile from now on.

        Raises:
            ProfileNotFound: the account has none of this id.
            WrongPin: PIN or password are missing or wrong.
        """
        loaded = await self._entering.ensure_profile(await self._accounts.active(claims.account_id, DeviceRevoked))
        override = choice.password is not None
        if choice.password is not None:
            await self._credentials.prove(claims.device_id, loaded, choice.password)
        chosen = await self._profiles.choose(claims.account_id, choice.profile_id, choice.pin, override)
        for _ in range(_ATTEMPTS):
            found = await self.devices.get(claims.account_id, claims.device_id)
            if found is None:
                raise DeviceRevoked
            locked_in = found.device.locked_in or (claims.profile_id if claims.kids else None)
            policy.require_may_leave(locked_in, choice.profile_id, proven=override or chosen.pin_proven)
            device = msgspec.structs.replace(found.device, profile_id=chosen.profile_id, kids=chosen.kids)
            if device.kids:
                await self.devices.hold_to_kids(claims.device_id)
            try:
                await self.devices.replace(found, device)
            except VersionConflict:
                continue
            return self._issuer.access_token(loaded, claims.device_id, chosen)
        raise Conflict("The device is being changed: try again", retry_after_s=1)

    async def refresh(self, refresh_token: str, profile_id: str | None) -> Tokens:
        """Rotate a refresh token; the token before the current one answers the current one for a few seconds.

        With `profile_id`, the profile chosen last on this device, it answers that profile's token, read again.
        A device that shows a kids profile always gets that profile's token.

        Raises:
            RefreshReused: the token was used before; the device is signed out everywhere.
            TokenInvalid: it is not one of ours, has expired, or its device was signed out.
            Forbidden: another profile was chosen last.
            AccountDisabled: by an operator.
        """
        presented = parse(refresh_token)
        for _ in range(_ATTEMPTS):
            found = await self.devices.get(presented.account_id, presented.device_id)
            if found is None:
                # Nothing is left to tell a genuine token by; that the account is disabled is no secret from those who know its id.
                await self._accounts.active(presented.account_id, TokenInvalid)
            if found is None or not self._issuer.refresh_tokens.genuine(presented, found.device.family):
                raise TokenInvalid("The refresh token is not valid: sign in again")
            decision = decide(found.device.family, presented.generation, self._now_s())
            if decision is Decision.EXPIRED:
                raise TokenInvalid("The refresh token has expired: sign in again")
            if decision is Decision.REUSED:
                await self.devices.revoke(presented.account_id, [presented.device_id], "refresh-reused")
                raise RefreshReused
            loaded = await self._accounts.active(presented.account_id, TokenInvalid)
            await self._accounts.keep_listed(loaded)
            # Whatever may fail comes before the rotation: then the client still has a token that is good.
            chosen, device = await self._shown(found, profile_id)
            if decision is Decision.ROTATE:
                device = self.devices.rotated(device)
            if device.kids and not found.device.kids:  # its profile was made a kids profile
                await self.devices.hold_to_kids(presented.device_id)
            if device != found.device:
                try:
                    await self.devices.replace(found, device)
                except VersionConflict:
                    continue
            return self._issuer.tokens(loaded, presented.device_id, device, chosen)
        raise Conflict("The device is being changed: try again", retry_after_s=1)

    async def account(self, claims: Claims) -> Loaded:
        """Return the caller's account."""
        return await self._accounts.active(claims.account_id, DeviceRevoked)

    async def change(self, claims: Claims, change: AccountChange) -> Loaded:
        """Change name, e-mail or password; see `Changing.change`."""
        return await self._changing.change(await self._accounts.active(claims.account_id, DeviceRevoked), claims.device_id, change)

    async def delete(self, claims: Claims, password: str) -> None:
        """Remove the account with all that belongs to it; its devices are signed out at once.

        Raises:
            WrongPin: the password is wrong.
        """
        await self._credentials.prove(claims.device_id, await self._accounts.active(claims.account_id, DeviceRevoked), password)
        await self._closing.close(claims.account_id)

    async def revoke_device(self, account_id: str, device_id: str) -> None:
        """Sign a device of an account out.

        Raises:
            DeviceNotFound: the account has none of this id.
        """
        if await self.devices.get(account_id, device_id) is None:
            raise DeviceNotFound
        await self.devices.revoke(account_id, [device_id], "revoked")

    async def sign_out(self, claims: Claims) -> None:
        """Sign this device out; one that is signed out already stays so."""
        await self.devices.revoke(claims.account_id, [claims.device_id], "signed-out")

    async def _shown(self, found: LoadedDevice, profile_id: str | None) -> tuple[ChosenProfile | None, StoredDevice]:
        device = found.device
        if profile_id is not None and profile_id != device.profile_id:
            raise Forbidden("Another profile was chosen last on this device: choose this one first")
        if profile_id is None and not device.kids:
            return None, device
        try:
            chosen = await self._profiles.choose(found.row.partition, device.profile_id or "", None, override=True)
        except ProfileNotFound:
            if profile_id is not None:
                raise
            return None, msgspec.structs.replace(device, profile_id=None, kids=False)  # the kids profile was deleted
        return chosen, msgspec.structs.replace(device, kids=chosen.kids)

    async def _maintain(self) -> None:
        while True:
            await asyncio.sleep(MAINTAIN_EVERY_S)
            await self.maintain()
