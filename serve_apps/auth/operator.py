"""The first operator: made before anybody can sign up, by one of the replicas that start together.

Where the settings give no password, one is made up and kept in a file that only its owner reads; `up` shows it.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
from pathlib import Path
from typing import Final

import structlog

from cluster.errors import AccountExists, Misconfigured
from cluster.ids import new_id
from cluster.settings import Settings
from serve_apps.auth import policy
from serve_apps.auth.accounts import Accounts
from serve_apps.auth.credentials import Credentials

FILE: Final = "operator-password"

log = structlog.get_logger()


class Operator:
    """Makes the operator of MATINEE_OPERATOR_EMAIL."""

    def __init__(self, settings: Settings, accounts: Accounts, credentials: Credentials) -> None:
        self._settings, self._accounts, self._credentials = settings, accounts, credentials
        self._there = False

    async def ensure(self) -> None:
        """Make the account, unless the e-mail has one; a member who has it stays a member.

        To be called again and again: whoever makes it may die half-way, and their claim on the e-mail is taken over after a while.
        """
        if self._there:
            return
        email = self._settings.operator_email
        found = await self._accounts.find(policy.email_hash(email))
        if found is None:
            with contextlib.suppress(AccountExists):  # another replica makes it
                await self._make(email)
            return
        self._there = True
        if "operator" not in found.account.roles:
            log.warning("MATINEE_OPERATOR_EMAIL has an account already, which is no operator's", email=email)

    async def _make(self, email: str) -> None:
        account_id = new_id()
        await self._accounts.claim(policy.email_hash(email), account_id)
        given = self._settings.operator_password
        password = given.get_secret_value() if given is not None else made_password()
        if given is None:
            await asyncio.to_thread(keep_password, self._settings.data, password)
        await self._accounts.create(account_id, await self._credentials.new_account(email, password, "Operator", ("operator",)))


def made_password() -> str:
    """Return a new password: four groups of five letters and digits, about 100 bits."""
    alphabet = "abcdefghjkmnpqrstuvwxyz23456789"
    return "-".join("".join(secrets.choice(alphabet) for _ in range(5)) for _ in range(4))


def keep_password(data: Path, password: str) -> None:
    """Write the password to `data/operator-password`, which only its owner may read.

    Raises:
        Misconfigured: the file cannot be written.
    """
    path, mine = data / FILE, data / f"{FILE}.{secrets.token_hex(4)}"
    try:
        data.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(mine, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(password + "\n")
        mine.replace(path)
    except OSError as error:
        raise Misconfigured(f"{path} cannot be written: {error.strerror}") from error
