"""Asks playback from other services what a profile watched, and to forget an account or a profile."""

from __future__ import annotations

from collections.abc import Sequence

from cluster.resilience import Caller
from cluster.security.claims import Claims
from serve_apps.playback.schemas import Place
from serve_apps.serving import ServeTarget, Target


class PlaybackClient:
    """A typed client."""

    def __init__(self, target: Target | None = None) -> None:
        self._target = target or ServeTarget("playback")
        self._caller = Caller("playback", timeout_s=3.0)

    async def watched_titles(self, viewer: Claims, limit: int) -> Sequence[Place]:
        """Return the latest place of each title that the viewer's profile watched, finished or not, the latest first."""
        places: Sequence[Place] = await self._caller.call(lambda: self._target.invoke("watched_titles", viewer, limit), idempotent=True)
        return places

    async def delete_all(self, account_id: str) -> None:
        """Remove everything of a closed account; idempotent."""
        await self._caller.call(lambda: self._target.invoke("delete_all", account_id), idempotent=True)

    async def forget_profile(self, account_id: str, profile_id: str) -> None:
        """End what a deleted profile plays and remove its history; idempotent."""
        await self._caller.call(lambda: self._target.invoke("forget_profile", account_id, profile_id), idempotent=True)
