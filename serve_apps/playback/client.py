"""Asks playback from other services how it is, and to forget an account."""

from __future__ import annotations

from cluster.resilience import Caller
from serve_apps.playback.schemas import PlaybackStatus
from serve_apps.serving import ServeTarget, Target


class PlaybackClient:
    """A typed client."""

    def __init__(self, target: Target | None = None) -> None:
        self._target = target or ServeTarget("playback")
        self._caller = Caller("playback", timeout_s=3.0)

    async def delete_all(self, account_id: str) -> None:
        """Remove everything of a closed account; idempotent."""
        await self._caller.call(lambda: self._target.invoke("delete_all", account_id), idempotent=True)

    async def status(self) -> PlaybackStatus:
        """Return how the session shards are."""
        return PlaybackStatus.model_validate(await self._caller.call(lambda: self._target.invoke("status"), idempotent=True))
