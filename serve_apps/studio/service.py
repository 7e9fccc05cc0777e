"""The studio: what operators may do with uploads and encode jobs, and what it all takes on disk.

Main path: upload -> create_job -> nudge -> the runner encodes -> watch. Knows nothing of HTTP, and encodes nothing itself.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Final

from cluster.durable import Row, Store, open_objects, open_store
from cluster.errors import Conflict, Overloaded, TooLarge
from cluster.settings import Settings
from serve_apps.idempotency import Idempotency
from serve_apps.studio import policy
from serve_apps.studio.blobs import Blobs
from serve_apps.studio.catalog_port import Catalog
from serve_apps.studio.encode.subtitles import MAX_SIDECAR_BYTES
from serve_apps.studio.jobs import Jobs
from serve_apps.studio.policy import JobRecord, JobState
from serve_apps.studio.schemas import CandidateImage, CandidateList, Job, NewJob, StudioStatus, Usage
from serve_apps.studio.tables import JOBS, KEYS, LISTS, UPLOADS
from serve_apps.studio.uploads import BUSY_S, Upload, Uploads
from serve_apps.studio.versions import Versions

APPENDS_AT_ONCE: Final = 8
"""Each holds at most two parts in memory."""
WATCHERS_AT_ONCE: Final = 40
WATCH_S: Final = 600.0
WATCH_EVERY_S: Final = 0.5
HEARTBEAT_S: Final = 10.0


async def _nobody() -> None:
    """Wake no runner: it looks by itself every moment."""


class Studio:
    """One replica's studio."""

    def __init__(
        self,
        settings: Settings,
        catalog: Catalog,
        nudge: Callable[[], Awaitable[None]] = _nobody,
        now_s: Callable[[], float] = time.time,
    ) -> None:
        self._settings, self._catalog, self._nudge, self._now_s = settings, catalog, nudge, now_s
        self._ladder = settings.ladder
        self._stores: list[Store] = []
        self._appending = self._watching = 0
        self.uploads: Uploads
        self.jobs: Jobs
        self.idempotency: Idempotency
        self._lists: Store

    async def open(self) -> None:
        """Open the tables and the object store."""
        for table in (UPLOADS, JOBS, LISTS, KEYS):
            self._stores.append(await open_store(self._settings.store, table, self._now_s))
        uploads, jobs, lists, keys = self._stores
        self._lists = lists
        self.uploads = Uploads(uploads, lists, Blobs(open_objects(self._settings.objects)), self._now_s)
        self.jobs = Jobs(jobs, lists, self._now_s)
        self.idempotency = Idempotency(keys, self._now_s)

    async def close(self) -> None:
        """Free everything."""
        while self._stores:
            await self._stores.pop().close()

    async def check(self) -> None:
        """Nothing in a replica can go wrong for good: a store that is away is told to each caller."""

    # --- uploads

    async def create_upload(self, account_id: str, length: int, metadata: dict[str, str]) -> Upload:
        """Begin an upload.

        Raises:
            TooLarge: longer than the setting allows.
        """
        limit_bytes = self._settings.upload_limit_bytes
        if length > limit_bytes:
            raise TooLarge(f"Uploads are limited to {limit_bytes} bytes", limit_bytes=limit_bytes)
        return await self.uploads.create(account_id, length, metadata)

    async def append(self, upload_id: str, offset: int, body: AsyncIterator[bytes]) -> Upload:
        """Add bytes to an upload; see Uploads.append.

        Raises:
            Overloaded: this replica takes in as many uploads as it can.
        """
        if self._appending >= APPENDS_AT_ONCE:
            raise Overloaded("Too many uploads at once", retry_after_s=2)
        self._appending += 1
        try:
            return await self.uploads.append(upload_id, offset, body)
        finally:
            self._appending -= 1

    async def remove_upload(self, upload_id: str) -> None:
        """Remove an upload.

        Raises:
            UploadNotFound: there is none.
            Conflict: a job that is not ended needs it.
        """
        await self.uploads.get(upload_id)
        for job in await self.jobs.active():
            if not job.ended and upload_id in job.upload_ids:
                raise Conflict(f"Job {job.job_id} needs this upload: cancel it first", job_id=job.job_id)
        await self.uploads.remove(upload_id)

    def expires_at_s(self, upload: Upload) -> float:
        """Return when an upload that nobody continues or uses is removed."""
        return upload.touched_at_s + max(BUSY_S, self._settings.collect_after_s)

    # --- jobs

    async def create_job(self, account_id: str, wanted: NewJob, job_id: str) -> JobRecord:
        """Queue an encode job; repeating it with the same id changes nothing.

        Raises:
            UploadNotFound, PlayableNotFound: there is none.
            Conflict: an upload is not complete.
            TooLarge: a subtitle file is.
        """
        sidecar_ids = [sidecar.upload_id for sidecar in wanted.subtitles]
        for upload_id in (wanted.upload_id, *sidecar_ids):
            upload = await self.uploads.get(upload_id)
            if not upload.complete:
                raise Conflict(
                    f"Upload {upload_id} has {upload.offset} of {upload.length} bytes", upload_id=upload_id, offset=upload.offset
                )
            if upload_id in sidecar_ids and upload.length > MAX_SIDECAR_BYTES:
                raise TooLarge(f"Subtitles are limited to {MAX_SIDECAR_BYTES} bytes", limit_bytes=MAX_SIDECAR_BYTES)
            await self.uploads.touch(upload_id)
        playable = await self._catalog.playable(wanted.playable_id)
        now_s = self._now_s()
        draft = JobRecord(
            job_id=job_id,
            account_id=account_id,
            upload_id=wanted.upload_id,
            playable_id=wanted.playable_id,
            title_id=playable.title_id,
            name=policy.job_name(playable),
            ladder=tuple(wanted.ladder or self._ladder),
            preset=self._settings.preset,
            language=wanted.language,
            sidecars=tuple(policy.Sidecar(item.upload_id, item.language, item.label) for item in wanted.subtitles),
            created_at_s=now_s,
            updated_at_s=now_s,
        )
        job = await self.jobs.create(draft)
        await self._nudge()
        return job

    async def cancel_job(self, job_id: str) -> JobRecord:
        """Ask for a job's cancellation; see Jobs.cancel."""
        job = await self.jobs.cancel(job_id)
        await self._nudge()
        return job

    async def retry_job(self, job_id: str) -> JobRecord:
        """Queue a failed or cancelled job again; see Jobs.retry.

        Raises:
            UploadNotFound: an upload was collected meanwhile.
        """
        job = await self.jobs.get(job_id)
        if job.state in (JobState.FAILED, JobState.CANCELLED) and not job.source_gone:
            for upload_id in job.upload_ids:
                await self.uploads.touch(upload_id)
        job = await self.jobs.retry(job_id)
        await self._nudge()
        return job

    async def watch(self, job_id: str, after: int = 0) -> AsyncIterator[tuple[int, JobRecord] | None]:
        """Yield (version, job) for each change after version `after`, None as a sign of life; until the job ends or time is up.

        Raises:
            JobNotFound: there is none.
            Overloaded: too many watch at this replica.
        """
        if self._watching >= WATCHERS_AT_ONCE:
            raise Overloaded("Too many watch at once", retry_after_s=5)
        self._watching += 1
        try:
            began_s, said_s = self._now_s(), 0.0
            while (now_s := self._now_s()) - began_s < WATCH_S:
                version, job = await self.jobs.versioned(job_id)
                if version > after:
                    yield version, job
                    after, said_s = version, now_s
                elif now_s - said_s >= HEARTBEAT_S:
                    yield None
                    said_s = now_s
                if job.ended:
                    return
                await asyncio.sleep(WATCH_EVERY_S)
        finally:
            self._watching -= 1

    async def candidates(self, playable_id: str) -> CandidateList:
        """Return the stills of the live version.

        Raises:
            PlayableNotFound: there is none.
        """
        version_id = await self._catalog.live_version(playable_id)
        if version_id is None:
            await self._catalog.playable(playable_id)
        version = await Versions(self._lists).get(version_id) if version_id is not None else None
        shown = f"{self._settings.own_edge_url}/a/"
        return CandidateList(
            items=[
                CandidateImage(
                    object_name=one.object_name, url=shown + one.object_name.removeprefix("artwork/"), width=one.width, height=one.height
                )
                for one in (version.candidates if version is not None else ())
            ]
        )

    # --- for other services

    async def job(self, job_id: str) -> Job:
        """Return a job as other services see it."""
        return to_schema(await self.jobs.get(job_id))

    async def usage(self) -> Usage:
        """Return what the studio keeps on disk, as the collector last saw it."""
        row: Row | None = await self._lists.get("usage", "usage")
        return Usage.model_validate(row.value) if row else Usage()

    async def status(self) -> StudioStatus:
        """Return the studio at a glance."""
        latest = (await self.jobs.page(limit=1000))[0]
        active = [job for job in await self.jobs.active() if not job.ended]
        counts = Counter(job.state for job in latest)
        return StudioStatus(jobs=dict(counts), active=[to_schema(job) for job in active[:100]], disk=await self.usage())


def to_schema(job: JobRecord) -> Job:
    """Return a job as clients see it."""
    return Job.model_validate(
        {
            "job_id": job.job_id,
            "upload_id": job.upload_id,
            "playable_id": job.playable_id,
            "title_id": job.title_id,
            "name": job.name,
            "state": job.state,
            "cancel_requested": job.cancel_requested,
            "progress": job.progress,
            "frames_done": job.frames_done,
            "frames_total": job.frames_total,
            "frames_per_s": job.frames_per_s,
            "eta_s": job.eta_s,
            "renditions": list(job.renditions),
            "version_id": job.version_id,
            "attempt": job.attempt,
            "error": job.error,
            "notes": job.notes,
            "created_at": job.created_at_s,
            "updated_at": job.updated_at_s,
        }
    )
