"""Asks profiles from other services: who was chosen, and what begins and ends with an account."""

from __future__ import annotations

from cluster.resilience import Caller
from serve_apps.profiles.schemas import ChosenProfile
from serve_apps.serving import ServeTarget, Target


class ProfilesClient:
    """A typed client."""

    def __init__(self, target: Target | None = None) -> None:
        self._target = target or ServeTarget("profiles")
        # A choice may hash a PIN behind others that do.
        self._caller = Caller("profiles", timeout_s=3.0)

    async def choose(self, account_id: str, profile_id: str, pin: str | None, override: bool) -> ChosenProfile:
        """Return what a token of this profile says; `override`: something stronger than the PIN was proven.

        Raises:
            ProfileNotFound: the account has none of this id.
            WrongPin: the profile has another PIN.
            TooManyRequests: too many wrong PINs lately.
        """
        # With a PIN a repeat would count as a second guess.
        idempotent = pin is None or override
        return ChosenProfile.model_validate(
            await self._caller.call(lambda: self._target.invoke("choose", account_id, profile_id, pin, override), idempotent=idempotent)
        )

    async def create_first(self, account_id: str, name: str) -> None:
        """Make the account's first profile, unless the account has had one; idempotent."""
        await self._caller.call(lambda: self._target.invoke("create_first", account_id, name), idempotent=True)

    async def delete_all(self, account_id: str) -> None:
        """Remove everything of an account; idempotent."""
        await self._caller.call(lambda: self._target.invoke("delete_all", account_id), idempotent=True)
