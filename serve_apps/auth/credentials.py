"""Passwords of accounts, and how often they may be guessed.

Main path: a try is counted -> argon2 -> it is taken back unless it was wrong.
An e-mail without an account takes the same way in the same time.
A device that was signed in before has tries of its own: nobody else can lock it out.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Awaitable, Callable

from cluster.durable import Store
from cluster.errors import TooManyRequests, WrongCredentials, WrongPin
from cluster.security.claims import Role
from cluster.security.passwords import Passwords
from cluster.security.tries import TryLimit
from serve_apps.auth import policy
from serve_apps.auth.accounts import Accounts, Loaded
from serve_apps.auth.policy import Account, DeviceProofs


class Credentials:
    """Says whose a password is."""

    def __init__(self, accounts: Accounts, tries: Store, proofs: DeviceProofs, now_s: Callable[[], float] = time.time) -> None:
        self._accounts, self._proofs = accounts, proofs
        self._passwords = Passwords()
        self._now_s = now_s
        self._unknown = TryLimit(tries, policy.UNKNOWN_DEVICE_TRIES, policy.TRIES_WINDOW_S, now_s)
        self._known = TryLimit(tries, policy.KNOWN_DEVICE_TRIES, policy.TRIES_WINDOW_S, now_s)

    async def hash(self, password: str) -> str:
        """Return a password's hash; raises Overloaded."""
        return await self._passwords.hash(password)

    async def new_account(self, email: str, password: str, name: str, roles: tuple[Role, ...]) -> Account:
        """Return an account, its password hashed; raises Overloaded."""
        password_hash = await self._passwords.hash(password)
        return Account(policy.normalised_email(email), policy.email_hash(email), name, password_hash, roles, self._now_s())

    async def sign_in(self, email: str, password: str, device_token: str | None) -> tuple[Loaded, str | None]:
        """Return the account that e-mail and password are of, and the device if it was signed in to it before.

        Raises:
            WrongCredentials: there is no such account, or it has another password.
            TooManyRequests: too many wrong tries lately.
            Overloaded: too many sign-ins at the moment.
        """
        email_hash = policy.email_hash(email)
        loaded = await self._accounts.find(email_hash)
        known = self._proofs.device_of(device_token, loaded.account_id if loaded else None)

        def verify() -> Awaitable[bool]:
            return self._passwords.verify(loaded.account.password_hash if loaded else None, password)

        if not await self._guessed(verify, email_hash, known) or loaded is None:
            raise WrongCredentials
        return loaded, known

    async def prove(self, device_id: str, loaded: Loaded, password: str | None) -> None:
        """Hold a signed-in device to the account's password.

        Raises:
            WrongPin: it is missing or wrong.
            TooManyRequests: too many wrong tries of this device lately.
        """
        if password is None:
            raise WrongPin("This takes the account's password")
        if not await self._unknown.guess(lambda: self._passwords.verify(loaded.account.password_hash, password), f"proof/{device_id}"):
            raise WrongPin("The account's password is wrong")

    async def forgive(self, email_hash: str) -> None:
        """Forget the wrong tries at an account whose owner has proven otherwise who they are."""
        await self._unknown.clear(f"email/{email_hash}")

    def close(self) -> None:
        """End the threads."""
        self._passwords.close()

    async def _guessed(self, verify: Callable[[], Awaitable[bool]], email_hash: str, known_device_id: str | None) -> bool:
        if known_device_id is not None:
            with contextlib.suppress(TooManyRequests):
                return await self._known.guess(verify, f"device/{known_device_id}")
        return await self._unknown.guess(verify, f"email/{email_hash}")
