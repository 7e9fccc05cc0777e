"""Asks playback from other services to forget an account or a profile."""

from __future__ import annotations

from cluster.resilience import Caller
from serve_apps.serving import ServeTarget, Target


class PlaybackClient:
    """A typed client."""

    def __init__(self, target: Target | None = None) -> None:
        self._target = target or ServeTarget("playback")
        self._caller = Caller("playback", timeout_s=3.0)

    async def delete_all(self, account_id: str) -> None:
        """Remove everything of a closed account; idempotent."""
        await self._caller.call(lambda: self._target.invoke("delete_all", account_id), idempotent=True)

    async def forget_profile(self, account_id: str, profile_id: str) -> None:
        """End what a deleted profile plays and remove its history; idempotent."""
        await self._caller.call(lambda: self._target.invoke("forget_profile", account_id, profile_id), idempotent=True)
