"""Gives disk space back: versions and artwork that nothing shows any more, uploads that nobody continues or needs, chunks of ended jobs.

Main path: `run_once` -> what is dead since when -> what is dead for long enough is removed -> the row `usage`.
What cannot be judged or removed at the moment (a damaged row, a full disk) is passed over: the rest goes.
Everything is kept for MATINEE_COLLECT_AFTER_S after it died, because somebody may be watching it still: a signed path to the old version
stays valid for the film's length and 12 hours, so a shorter setting takes the film from those who began before its new version came.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

import msgspec
import structlog

from cluster.durable import Row, Store
from cluster.errors import MatineeError, StorageFull
from serve_apps.catalog.schemas import ARTWORK_NAMES_LIMIT
from serve_apps.studio.floor import Floor
from serve_apps.studio.policy import JobRecord, JobState
from serve_apps.studio.schemas import Usage
from serve_apps.studio.uploads import BUSY_S
from serve_apps.studio.versions import Version

log = structlog.get_logger()

JOBS_KEPT_S: Final = 30 * 86400.0
"""An ended job's record is kept for so long."""
UNWRITTEN_S: Final = 3600.0
"""What is listed for so long but was never written never will be."""
ORPHANS_EVERY_S: Final = 3600.0
"""Looking for what no row tells of reads all titles."""


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
        self._orphans_at_s = 0.0

    @property
    def every_s(self) -> float:
        """How often it should run."""
        return min(60.0, max(1.0, self._after_s / 4))

    async def run_once(self) -> Usage:
        """Collect what is dead for long enough; returns what is left, which is also written down."""
        now_s = self._floor.now_s()
        tally = _Tally()
        await self._versions(tally, now_s)
        jobs = [job async for job in self._floor.jobs.all()]
        await self._uploads(jobs, tally, now_s)
        await self._chunks(jobs, tally, now_s)
        if now_s - self._orphans_at_s >= min(ORPHANS_EVERY_S, self._after_s):
            await self._orphans(jobs, tally, now_s)
            self._orphans_at_s = now_s
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

    async def _versions(self, tally: _Tally, now_s: float) -> None:
        async for page in self._floor.versions.pages():
            # Asked after the page was read: whatever made a version that is on it is at work still, or the catalogue knows the version.
            working = {job.job_id for job in await self._floor.jobs.active() if not job.ended}
            live: dict[str, str | None] = {}
            for version in page:
                with _passing_over("version", version.version_id):
                    if version.job_id not in working and not await self._is_live(version, live):
                        await self._dead(version, tally, now_s)
                        continue
                    if version.job_id not in working and version.dead_since_s is not None:
                        await self._floor.versions.put(msgspec.structs.replace(version, dead_since_s=None))
                tally.media_bytes += version.bytes

    async def _is_live(self, version: Version, live: dict[str, str | None]) -> bool:
        if version.playable_id not in live:
            live[version.playable_id] = await self._floor.catalog.live_version(version.playable_id)
        return live[version.playable_id] == version.version_id

    async def _dead(self, version: Version, tally: _Tally, now_s: float) -> None:
        if version.dead_since_s is None:
            version = await self._floor.versions.put(msgspec.structs.replace(version, dead_since_s=now_s))
        assert version.dead_since_s is not None
        if now_s - version.dead_since_s < self._after_s:
            tally.media_bytes += version.bytes
            tally.collectable_bytes += version.bytes
            return
        tally.collected_bytes += await self._floor.blobs.remove_under(version.prefix)
        await self._floor.versions.remove(version)
        log.info("collected a version", playable_id=version.playable_id, version_id=version.version_id)

    # --- uploads and chunks

    async def _uploads(self, jobs: Iterable[JobRecord], tally: _Tally, now_s: float) -> None:
        needed = {upload_id for job in jobs if not job.ended for upload_id in job.upload_ids}
        used_at_s: dict[str, float] = {}
        for job in jobs:
            for upload_id in job.upload_ids:
                used_at_s[upload_id] = max(job.updated_at_s, used_at_s.get(upload_id, 0.0))
        async for upload_id in self._floor.uploads.listed():
            with _passing_over("upload", upload_id):
                upload = await self._floor.uploads.find(upload_id)
                if upload is None:
                    if now_s - _made_at_s(upload_id) > UNWRITTEN_S:
                        await self._floor.uploads.remove(upload_id)
                    continue
                idle_s = now_s - max(upload.touched_at_s, used_at_s.get(upload_id, 0.0))
                if upload_id not in needed and (upload.ended or idle_s >= max(BUSY_S, self._after_s)):
                    given_back = await self._floor.uploads.remove(upload_id, judged=upload)
                    tally.collected_bytes += given_back
                    log.info("collected an upload", upload_id=upload_id, bytes=given_back)
                    continue
                tally.uploads_bytes += upload.offset
                if upload_id not in needed and idle_s >= BUSY_S:
                    tally.collectable_bytes += upload.offset

    async def _chunks(self, jobs: Iterable[JobRecord], tally: _Tally, now_s: float) -> None:
        folders = set(await self._floor.blobs.folders("chunks"))
        for job in jobs:
            with _passing_over("job", job.job_id):
                ended_s = now_s - job.updated_at_s if job.ended else 0.0
                if job.ended and ended_s >= max(JOBS_KEPT_S, self._after_s):
                    tally.collected_bytes += await self._floor.blobs.remove_under(f"chunks/{job.job_id}")
                    await self._floor.jobs.forget(job.job_id)
                elif job.ended and ended_s >= self._after_s and (job.state is JobState.FAILED or job.job_id in folders):
                    tally.collected_bytes += await self._forget_chunks(job)
                elif job.job_id in folders:
                    size_bytes = await self._floor.blobs.size_under(f"chunks/{job.job_id}")
                    tally.chunks_bytes += size_bytes
                    tally.collectable_bytes += size_bytes if job.ended else 0

    async def _forget_chunks(self, job: JobRecord) -> int:
        folder = f"chunks/{job.job_id}"
        try:
            # The rows go first, held to the job's being ended still: one that is tried again just now keeps its chunks, or encodes anew.
            if not await self._floor.jobs.forget_finished(job.job_id):
                return 0
        except StorageFull:
            # Forgetting takes space, which only the chunks can give.
            given_back = await self._floor.blobs.remove_under(folder)
            await self._floor.jobs.forget_finished(job.job_id)
            return given_back
        return await self._floor.blobs.remove_under(folder)

    # --- what no row tells of

    async def _orphans(self, jobs: Iterable[JobRecord], tally: _Tally, now_s: float) -> None:
        """Remove what a crash left between an object and its row, and pictures that no title shows."""
        known = {job.job_id for job in jobs}
        known |= {upload_id async for upload_id in self._floor.uploads.listed()}
        for root in ("uploads", "chunks"):
            for name in await self._floor.blobs.folders(root):
                if name not in known and self._is_old(_made_at_s(name), now_s):
                    tally.collected_bytes += await self._floor.blobs.remove_under(f"{root}/{name}")
        for job_id in await self._floor.jobs.active_ids():
            if now_s - _made_at_s(job_id) > UNWRITTEN_S and await self._floor.jobs.store.get(job_id, "job") is None:
                await self._floor.jobs.forget(job_id)
        await self._media(tally, now_s)
        with _passing_over("folder", "artwork"):
            await self._artwork(tally, now_s)

    async def _media(self, tally: _Tally, now_s: float) -> None:
        """Remove what was written of a version after its row was removed: a task may outlive its runner for a moment."""
        blobs = self._floor.blobs
        found = [
            (playable_id, name) for playable_id in await blobs.folders("media") for name in await blobs.folders(f"media/{playable_id}")
        ]
        known = {version.version_id async for version in self._floor.versions.all()}
        for playable_id, version_id in found:
            if version_id in known or not self._is_old(_made_at_s(version_id), now_s):
                continue
            with _passing_over("version", version_id):
                if await self._floor.catalog.live_version(playable_id) != version_id:
                    tally.collected_bytes += await blobs.remove_under(f"media/{playable_id}/{version_id}")

    async def _artwork(self, tally: _Tally, now_s: float) -> None:
        """Remove pictures that no title shows and no version offers, whoever brought them: operators, or versions."""
        async for page in self._floor.blobs.pages("artwork", ARTWORK_NAMES_LIMIT):
            old = {found.name: found.bytes for found in page if self._is_old(found.written_at_s, now_s)}
            if not old:
                continue
            async with self._floor.artwork:
                offered = {name async for version in self._floor.versions.all() for name in version.offered if name in old}
                unused = set(await self._floor.catalog.unused_artwork(list(old))) - offered
                await self._floor.blobs.remove(unused)
            tally.collected_bytes += sum(old[name] for name in unused)

    def _is_old(self, made_at_s: float, now_s: float) -> bool:
        return now_s - made_at_s > max(UNWRITTEN_S, self._after_s)


@contextlib.contextmanager
def _passing_over(kind: str, identifier: str) -> Iterator[None]:
    try:
        yield
    except MatineeError as error:
        log.warning("cannot be collected at the moment", kind=kind, id=identifier, reason=str(error))


def _made_at_s(identifier: str) -> float:
    """Return when an id was made (UUIDv7, RFC 9562, section 5.7: its first 48 bits); now is never before it."""
    try:
        return int(identifier[:12], 16) / 1000
    except ValueError:
        return 0.0
