"""Asks the studio from other services."""

from __future__ import annotations

from cluster.resilience import Caller
from serve_apps.serving import ServeTarget, Target
from serve_apps.studio.schemas import Job, StudioStatus


class StudioClient:
    """A typed client; every method only reads and is tried again once."""

    def __init__(self, target: Target | None = None) -> None:
        self._target = target or ServeTarget("studio")
        self._caller = Caller("studio", timeout_s=3.0)

    async def status(self) -> StudioStatus:
        """Return how many jobs stand where, those at work, and what is kept on disk."""
        return StudioStatus.model_validate(await self._caller.call(lambda: self._target.invoke("status"), idempotent=True))

    async def job(self, job_id: str) -> Job:
        """Return an encode job.

        Raises:
            JobNotFound: there is none.
        """
        return Job.model_validate(await self._caller.call(lambda: self._target.invoke("job", job_id), idempotent=True))
