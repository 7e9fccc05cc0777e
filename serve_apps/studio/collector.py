"""Gives disk space back: versions that nothing plays any more, uploads that nobody continues or needs, chunks of jobs that failed.

Main path: `run_once` -> what is dead since when -> what is dead for long enough is removed -> the row `usage`.
Everything is kept for MATINEE_COLLECT_AFTER_S after it died, because somebody may be watching it still: a signed path to the old version
stays valid for the film's length and 12 hours, so a shorter setting takes the film from those who began before its new version came.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

import msgspec
import structlog

from cluster.durable import Row, Store
from cluster.errors import Unavailable
from serve_apps.studio.floor import Floor
from serve_apps.studio.policy import JobRecord, JobState
from serve_apps.studio.schemas import Usage
from serve_apps.studio.versions import Version

log = structlog.get_logger()

JOBS_KEPT_S: Final = 30 * 86400.0
"""An ended job's record is kept for so long."""
UNWRITTEN_S: Final = 3600.0
"""What is listed for so long but was never written never will be."""
BUSY_S: Final = 600.0
"""An upload that was touched since then is at work; it isn't counted as collectable yet."""


@dataclass
class _Tally:
    uploads_bytes: int = 0
    chunks_bytes: int = 0
    media_bytes: int = 0
    collectable_bytes: int = 0
    collected_bytes: int = 0


class Collector:
    """Runs inside the runner: nobody else removes media."""

    def __init__(self, floor: Floor, lists: Store) -> None:
        self._floor, self._lists = floor, lists
        self._after_s = floor.settings.collect_after_s

    @property
    def every_s(self) -> float:
        """How often it should run."""
        return min(60.0, max(1.0, self._after_s / 4))

    async def run_once(self) -> Usage:
        """Collect what is dead for long enough; returns what is left, which is also written down."""
        now_s = self._floor.now_s()
        tally = _Tally()
        jobs = [job async for job in self._floor.jobs.all()]
        await self._versions(jobs, tally, now_s)
        await self._uploads(jobs, tally, now_s)
        await self._chunks(jobs, tally, now_s)
        await self._orphans(jobs, tally, now_s)
        row = await self._lists.get("usage", "usage")
        before = Usage.model_validate(row.value) if row else Usage()
        usage = Usage(
            uploads_bytes=tally.uploads_bytes,
            chunks_bytes=tally.chunks_bytes,
            media_bytes=tally.media_bytes,
            collectable_bytes=tally.collectable_bytes,
            collected_bytes=before.collected_bytes + tally.collected_bytes,
            collected_at=datetime.fromtimestamp(now_s, UTC),
        )
        sequence = max(int(now_s * 1000), row.version + 1 if row else 0)
        await self._lists.put([Row("usage", "usage", sequence, "usage", usage.model_dump(mode="json"))])
        return usage

    # --- versions

    async def _versions(self, jobs: Iterable[JobRecord], tally: _Tally, now_s: float) -> None:
        working = {job.version_id for job in jobs if not job.ended}
        live: dict[str, str | None] = {}
        async for version in self._floor.versions.all():
            playable_id = version.playable_id
            try:
                if playable_id not in live:
                    live[playable_id] = await self._floor.catalog.live_version(playable_id)
                if version.version_id in working or live[playable_id] == version.version_id:
                    tally.media_bytes += version.bytes
                    await self._spare_artwork(version, now_s)
                else:
                    await self._dead(version, tally, now_s)
            except Unavailable as error:
                # Without the catalogue nobody knows what is dead.
                tally.media_bytes += version.bytes
                log.warning("a version cannot be judged", version_id=version.version_id, reason=str(error))

    async def _dead(self, version: Version, tally: _Tally, now_s: float) -> None:
        if version.dead_since_s is None:
            version = await self._floor.versions.put(msgspec.structs.replace(version, dead_since_s=now_s))
        assert version.dead_since_s is not None
        if now_s - version.dead_since_s < self._after_s:
            tally.media_bytes += version.bytes
            tally.collectable_bytes += version.bytes
            return
        await self._artwork(version)
        tally.collected_bytes += await self._floor.blobs.remove_under(version.prefix)
        await self._floor.versions.remove(version)
        log.info("collected a version", playable_id=version.playable_id, version_id=version.version_id)

    async def _spare_artwork(self, version: Version, now_s: float) -> None:
        """Remove once what a live version offered as artwork and the title didn't take; forget that it died if it lives again."""
        if version.dead_since_s is not None:
            version = await self._floor.versions.put(msgspec.structs.replace(version, dead_since_s=None))
        if version.attached and not version.artwork_checked and now_s - version.created_at_s >= self._after_s:
            kept = await self._artwork(version)
            await self._floor.versions.put(msgspec.structs.replace(version, artwork=kept, artwork_checked=True))

    async def _artwork(self, version: Version) -> tuple[str, ...]:
        """Remove the artwork of a version that no title shows and no other version offers; returns what stays."""
        if not version.artwork:
            return ()
        async with self._floor.artwork:
            offered = {name async for other in self._floor.versions.all() if _offers(other, version) for name in other.artwork}
            unused = set(await self._floor.catalog.unused_artwork(version.artwork)) - offered
            await self._floor.blobs.remove(unused)
        return tuple(name for name in version.artwork if name not in unused)

    # --- uploads and chunks

    async def _uploads(self, jobs: Iterable[JobRecord], tally: _Tally, now_s: float) -> None:
        needed = {upload_id for job in jobs if not job.ended for upload_id in job.upload_ids}
        used_at_s: dict[str, float] = {}
        for job in jobs:
            for upload_id in job.upload_ids:
                used_at_s[upload_id] = max(job.updated_at_s, used_at_s.get(upload_id, 0.0))
        async for upload_id in self._floor.uploads.listed():
            upload = await self._floor.uploads.find(upload_id)
            if upload is None:
                if now_s - _made_at_s(upload_id) > UNWRITTEN_S:
                    await self._floor.uploads.remove(upload_id)
                continue
            idle_s = now_s - max(upload.touched_at_s, used_at_s.get(upload_id, 0.0))
            if upload_id not in needed and (upload.ended or idle_s >= self._after_s):
                tally.collected_bytes += await self._floor.uploads.remove(upload_id)
                log.info("collected an upload", upload_id=upload_id)
                continue
            tally.uploads_bytes += upload.offset
            if upload_id not in needed and idle_s >= min(BUSY_S, self._after_s):
                tally.collectable_bytes += upload.offset

    async def _chunks(self, jobs: Iterable[JobRecord], tally: _Tally, now_s: float) -> None:
        for job in jobs:
            if job.ended and now_s - job.updated_at_s >= max(JOBS_KEPT_S, self._after_s):
                tally.collected_bytes += await self._floor.blobs.remove_under(f"chunks/{job.job_id}")
                await self._floor.jobs.forget(job.job_id)
                continue
            if job.state in (JobState.READY, JobState.CANCELLED, JobState.QUEUED):
                continue
            done = await self._floor.jobs.rows(job.job_id, "done/")
            size = sum(value.get("bytes", 0) for value in done.values())
            if job.state is JobState.FAILED and done and now_s - job.updated_at_s >= self._after_s:
                tally.collected_bytes += await self._forget_chunks(job)
                continue
            tally.chunks_bytes += size
            tally.collectable_bytes += size if job.state is JobState.FAILED else 0

    async def _forget_chunks(self, job: JobRecord) -> int:
        # The rows go first, held to the job's being failed still: one that is tried again just now keeps its chunks, or encodes anew.
        if not await self._floor.jobs.forget_finished(job.job_id):
            return 0
        return await self._floor.blobs.remove_under(f"chunks/{job.job_id}")

    # --- what no row tells of

    async def _orphans(self, jobs: Iterable[JobRecord], tally: _Tally, now_s: float) -> None:
        """Remove what a crash left between an object and its row."""
        known = {job.job_id for job in jobs if job.state is not JobState.READY}
        known |= {upload_id async for upload_id in self._floor.uploads.listed()}
        for root in ("uploads", "chunks"):
            for name in await self._floor.blobs.folders(root):
                if name not in known and now_s - _made_at_s(name) > max(UNWRITTEN_S, self._after_s):
                    tally.collected_bytes += await self._floor.blobs.remove_under(f"{root}/{name}")
        for job_id in await self._floor.jobs.active_ids():
            if now_s - _made_at_s(job_id) > UNWRITTEN_S and await self._floor.jobs.store.get(job_id, "job") is None:
                await self._floor.jobs.forget(job_id)


def _offers(other: Version, version: Version) -> bool:
    return other.version_id != version.version_id and not other.artwork_checked


def _made_at_s(identifier: str) -> float:
    """Return when an id was made (UUIDv7, RFC 9562, section 5.7: its first 48 bits); now is never before it."""
    try:
        return int(identifier[:12], 16) / 1000
    except ValueError:
        return 0.0
