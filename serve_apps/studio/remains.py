"""What a job leaves behind, and how each of it is removed; every removal may be repeated."""

from __future__ import annotations

from serve_apps.studio.floor import Floor
from serve_apps.studio.jobs import Ledger


class Remains:
    """Of one job."""

    def __init__(self, floor: Floor, ledger: Ledger) -> None:
        self._floor, self._ledger = floor, ledger
        self._job_id = ledger.job.job_id

    async def discard_version(self) -> None:
        """Remove what was uploaded of a version that the catalogue doesn't know."""
        version_id = self._ledger.job.version_id
        version = await self._floor.versions.get(version_id) if version_id else None
        if version is not None and not version.attached:
            await self._floor.blobs.remove_under(version.prefix)
            await self._floor.versions.remove(version)

    async def discard_chunks(self) -> None:
        """Remove the finished chunks and tracks, and the plan."""
        await self._floor.blobs.remove_under(f"chunks/{self._job_id}")
        await self._ledger.drop("done/")
        await self._ledger.drop("plan")

    async def discard_uploads(self) -> None:
        """Remove the uploads that no other job needs."""
        others = [job for job in await self._floor.jobs.active() if job.job_id != self._job_id and not job.ended]
        needed = {upload_id for job in others for upload_id in job.upload_ids}
        for upload_id in self._ledger.job.upload_ids:
            if upload_id not in needed:
                await self._floor.uploads.remove(upload_id)

    async def clear_work(self) -> None:
        """Remove the work folders on every node."""
        await self._floor.executor.clear(self._job_id)
