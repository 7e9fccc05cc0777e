"""The devices that wait to be signed in by somebody on another one (RFC 8628).

Main path: create -> a member finds the code and decides -> the device asks, and redeems it once.
How many codes may live at once, and how many wrong ones an account may try, is bounded: so nobody guesses one.
Refuses to know HTTP and tokens.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

import msgspec

from cluster.durable import Row, Store
from cluster.errors import (
    AccessDenied,
    AuthorizationPending,
    Conflict,
    DeviceCodeNotFound,
    ExpiredToken,
    Overloaded,
    SlowDown,
    TooManyRequests,
    VersionConflict,
)
from cluster.security.tries import TryLimit
from serve_apps.auth import codes
from serve_apps.auth.codes import Code, Poll
from serve_apps.auth.policy import same_secret

CODES_LIMIT: Final = 300
"""Codes that may live at once. Nobody's address is known behind the proxy, so this holds for all askers together."""
TRIES: Final = 20
TRIES_WINDOW_S: Final = 3600.0
"""Wrong codes that an account may try in an hour: at 300 live ones of 20^8, one in four million finds somebody's."""
TOLD_AFTER_S: Final = 900.0
"""How long an expired code is still told from one that never was."""
_SORT: Final = "code"
_ATTEMPTS: Final = 16


class DeviceCodes:
    """The rows of codes: a partition each, changed by conditions, so each is decided once and redeemed once."""

    def __init__(self, store: Store, tries: Store, now_s: Callable[[], float] = time.time) -> None:
        self._store = store
        self._now_s = now_s
        self._asked = TryLimit(tries, CODES_LIMIT, codes.LIFETIME_S, now_s)
        self._guessed = TryLimit(tries, TRIES, TRIES_WINDOW_S, now_s)

    async def create(self, device_name: str) -> tuple[str, str, Code]:
        """Return a new device code, its user code as it is shown, and what is known of it.

        Raises:
            TooManyRequests: as many codes live as may.
        """
        try:
            await self._asked.admit("device-codes")
        except TooManyRequests as error:
            raise TooManyRequests("Too many devices wait for their code: wait a while", **error.fields) from error
        for _ in range(_ATTEMPTS):
            user_code = codes.new_user_code()
            secret, code = codes.waiting(device_name, self._now_s())
            expires_at_s = code.expires_at_s + TOLD_AFTER_S
            try:
                await self._store.put_if_absent(user_code, _SORT, "device_code", msgspec.to_builtins(code), expires_at_s=expires_at_s)
            except VersionConflict:  # somebody has this one
                continue
            return codes.device_code(user_code, secret), codes.shown(user_code), code
        raise Overloaded("No free code was found", retry_after_s=1)

    async def find(self, account_id: str, text: str) -> tuple[str, Code]:
        """Return the user code that a member of this account typed, as it is shown, and what waits under it.

        Raises:
            DeviceCodeNotFound: nothing waits, it has expired, was used, or somebody else decided.
            TooManyRequests: this account tried too many wrong ones lately.
        """
        row, code = await self._found(account_id, text)
        return codes.shown(row.partition), code

    async def decide(self, account_id: str, approver_id: str, text: str, *, approved: bool) -> None:
        """Let the device that waits under a code in, or refuse it; idempotent.

        Raises:
            DeviceCodeNotFound, TooManyRequests: as `find`.
            DeviceCodeDecided: this account decided otherwise before.
        """
        for _ in range(_ATTEMPTS):
            row, code = await self._found(account_id, text)
            decided = codes.decided(code, account_id, approver_id, approved=approved)
            if decided == code or await self._replaced(row, decided):
                return
        raise Conflict("The code is being changed: try again", retry_after_s=1)

    async def redeem(self, device_code: str) -> Code:
        """Return the code that was approved, used up from now on.

        Raises:
            AuthorizationPending, SlowDown: nobody has decided yet.
            AccessDenied: somebody said no.
            ExpiredToken: it has expired, was used, or is none of ours.
        """
        user_code, secret = codes.parse(device_code) or ("", "")
        for _ in range(_ATTEMPTS):
            row = await self._store.get(user_code, _SORT) if user_code else None
            code = msgspec.convert(row.value, Code) if row is not None else None
            if row is None or code is None or not same_secret(secret, code.secret_hash):
                raise ExpiredToken("The device code is none of ours, or long expired")
            now_s = self._now_s()
            told = codes.poll(code, now_s)
            polled = codes.polled(code, told, now_s)
            if polled != code and not await self._replaced(row, polled):
                continue
            if told is Poll.APPROVED:
                return code
            if told in {Poll.PENDING, Poll.SLOW_DOWN}:
                raise _REFUSALS[told](interval_s=polled.interval_s)
            raise _REFUSALS[told]
        raise Conflict("The code is being changed: try again", retry_after_s=1)

    async def _found(self, account_id: str, text: str) -> tuple[Row, Code]:
        user_code = codes.typed(text)
        if user_code is None:  # no guess: it could never be right
            raise DeviceCodeNotFound
        found: list[tuple[Row, Code]] = []

        async def open_to_them() -> bool:
            row = await self._store.get(user_code, _SORT)
            if row is not None and codes.open_to(code := msgspec.convert(row.value, Code), account_id, self._now_s()):
                found.append((row, code))
            return bool(found)

        if not await self._guessed.guess(open_to_them, f"code/{account_id}"):
            raise DeviceCodeNotFound
        return found[0]

    async def _replaced(self, row: Row, code: Code) -> bool:
        try:
            await self._store.compare_and_set(row, msgspec.to_builtins(code), expires_at_s=row.expires_at_s)
        except VersionConflict:
            return False
        return True


_REFUSALS: Final = {
    Poll.PENDING: AuthorizationPending,
    Poll.SLOW_DOWN: SlowDown,
    Poll.DENIED: AccessDenied,
    Poll.EXPIRED: ExpiredToken,
}
