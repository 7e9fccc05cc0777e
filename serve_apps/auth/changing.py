"""Changes what its owner may change of an account: all that was asked for, or nothing.

Main path: the password is proven -> a new password hashed, a new e-mail claimed -> one commit -> the old e-mail is free.
Refuses to know HTTP and tokens.
"""

from __future__ import annotations

from typing import Any

import msgspec

from cluster.errors import DeviceRevoked, VersionConflict
from serve_apps.auth import policy
from serve_apps.auth.accounts import Accounts, Loaded
from serve_apps.auth.credentials import Credentials
from serve_apps.auth.devices import Devices
from serve_apps.auth.policy import Account
from serve_apps.auth.schemas import AccountChange


class Changing:
    """Name, e-mail and password of accounts."""

    def __init__(self, accounts: Accounts, devices: Devices, credentials: Credentials) -> None:
        self._accounts, self._devices, self._credentials = accounts, devices, credentials

    async def change(self, loaded: Loaded, device_id: str, change: AccountChange) -> Loaded:
        """Change name, e-mail or password; a new password signs all devices out but this one.

        Raises:
            WrongPin: the current password is missing or wrong.
            WeakPassword: the new password would be guessed.
            AccountExists: the new e-mail has an account.
            VersionConflict: the account was changed meanwhile; a new e-mail is free again soon.
        """
        before, fields = loaded.account, dict[str, Any]()
        if change.email is not None or change.password is not None:
            await self._credentials.prove(device_id, loaded, change.current_password)
        if change.password is not None:
            policy.require_strong(change.password, change.email or before.email)
            # A link that would set the password is of no use to its owner any more.
            fields |= {"password_hash": await self._credentials.hash(change.password), "reset": None}
        if change.name is not None:
            fields["name"] = change.name
        if change.email is not None:
            fields |= {"email": policy.normalised_email(change.email), "email_hash": policy.email_hash(change.email)}
        if not fields:
            return loaded
        moving = fields.get("email_hash", before.email_hash) != before.email_hash
        if moving:
            await self._accounts.claim(fields["email_hash"], loaded.account_id)

        def changed(current: Loaded) -> Account:
            # One who took the claim over since has moved the version on; one who changed the password would lose theirs.
            if (moving and current.version != loaded.version) or current.account.password_hash != before.password_hash:
                raise VersionConflict
            return msgspec.structs.replace(current.account, **fields)

        gone = None if change.password is not None else ()
        after = await self._devices.revoke(loaded.account_id, gone, "password-changed", keep=device_id, change=changed)
        if after is None:
            raise DeviceRevoked
        if moving:
            await self._accounts.release(before.email_hash, loaded.account_id)
        return after
