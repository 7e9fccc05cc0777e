"""One job from its upload to the catalogue, as its runner drives it.

Main path: probe -> every chunk, sound track and subtitle, as encoders are free -> delivery -> attach -> clean up.
Goes on from whatever the job's rows say is finished. Knows nothing of where tasks run.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Coroutine, Iterable
from typing import Any, Final

import msgspec
import structlog

from cluster.errors import CorruptData, Fenced, MatineeError, MediaRefused, ServiceUnavailable, Unavailable
from cluster.ids import new_id
from serve_apps.catalog.schemas import ArtworkImage, Media
from serve_apps.studio import policy
from serve_apps.studio.encode.plan import Plan
from serve_apps.studio.executor import TaskLost
from serve_apps.studio.floor import Floor
from serve_apps.studio.jobs import Ledger
from serve_apps.studio.policy import JobState
from serve_apps.studio.progress import Progress
from serve_apps.studio.remains import Remains
from serve_apps.studio.tasks import DELIVERY, PROBE, SUBTITLES, Task, TaskStopped, audio_key, chunk_key
from serve_apps.studio.versions import Version

log = structlog.get_logger()

LOST_TRIES: Final = 3
REFUSED_TRIES: Final = 2
"""A refusal may be the doing of a program that was killed: an encode that failed is tried once more before it counts."""
PROGRESS_EVERY_S: Final = 1.0


class JobFailed(Exception):
    """The job cannot go on; `error` says why, `hopeless` that the film itself is to blame, so that trying again is of no use."""

    def __init__(self, error: MatineeError, *, hopeless: bool = False) -> None:
        super().__init__(str(error))
        self.error, self.hopeless = error, hopeless


class Stopped(Exception):
    """The job's cancellation was asked for."""


class Production:
    """One job's run."""

    def __init__(self, floor: Floor, ledger: Ledger) -> None:
        self._floor, self._ledger = floor, ledger
        self._remains = Remains(floor, ledger)
        self._job_id = ledger.job.job_id
        self._progress = Progress(floor.now_s)
        self._producing: asyncio.Task[None] | None = None
        self._stopping = False

    def stop(self) -> None:
        """Stop producing, since the job's cancellation was asked for; repeating it does nothing."""
        if not self._stopping and self._producing is not None:
            self._producing.cancel()
        self._stopping = True

    def report(self, key: str, frames: int) -> None:
        """Hear from a task how many pictures of its chunk are done."""
        self._progress.reported(key, frames)

    async def run(self) -> None:
        """Bring the job to its end and clean up.

        Raises:
            Fenced: another runner has it; nothing was written.
            MatineeError: the store is not there; running it again goes on.
        """
        if not self._ledger.job.ended:
            self._producing = asyncio.create_task(self._produce())
            if self._stopping:
                self._producing.cancel()
            try:
                await self._producing
            except JobFailed as failure:
                await self._fail(failure)
            except Stopped:
                await self._cancel()
            except asyncio.CancelledError:
                if not self._stopping:
                    self._producing.cancel()
                    await asyncio.gather(self._producing, return_exceptions=True)
                    raise
                await self._cancel()
        await self._clean_up()

    async def _produce(self) -> None:
        try:
            if self._ledger.job.delivery is None:
                await self._deliver(await self._encode(await self._plan()))
            await self._attach()
        except Unavailable:
            raise  # the store or the catalogue is away: the runner comes back to this job
        except MatineeError as error:
            raise JobFailed(error) from error
        except (JobFailed, Stopped):
            raise
        except Exception as error:
            log.exception("unexpected error", job_id=self._job_id)
            raise JobFailed(MatineeError(f"Unexpected: {type(error).__name__}")) from error

    # --- the stages

    async def _plan(self) -> Plan:
        found = (await self._floor.jobs.rows(self._job_id, "plan")).get("plan")
        if found is None:
            await self._move(JobState.PROBING)
            found = await self._task(PROBE, 0)
            await self._ledger.finish("plan", found)
        return msgspec.convert(found, Plan)

    async def _encode(self, plan: Plan) -> Plan:
        done = await self._floor.jobs.rows(self._job_id, "done/")
        self._progress.begin({key: value["frames"] for key, value in done.items() if "frames" in value})
        renditions = tuple({"width": one.width, "height": one.height, "bandwidth_bps": one.bandwidth_bps} for one in plan.renditions)
        await self._move(JobState.ENCODING, frames_total=plan.frames_total, frames_done=self._progress.frames_done, renditions=renditions)
        missing = {key: value["missing_frames"] for key, value in done.items() if "missing_frames" in value}

        async def finish(key: str, stage: int, number: int = 0) -> None:
            value = await self._task(key, stage, number)
            await _undisturbed(self._ledger.finish(f"done/{key}", value))
            if "frames" in value:
                self._progress.finished(f"done/{key}", value["frames"])
                missing[key] = value["missing_frames"]
                try:
                    plan.require_decodable(sum(missing.values()))
                except MediaRefused as error:
                    raise JobFailed(error, hopeless=True) from error

        # Sound cannot be cut into chunks, so it begins first.
        todo = [(SUBTITLES, 0, 0)] if plan.subtitles or self._ledger.job.sidecars else []
        todo += [(audio_key(number), 0, number) for number in range(len(plan.audio))]
        todo += [(chunk_key(chunk.index), 1, chunk.index) for chunk in plan.chunks]
        ticking = asyncio.create_task(self._tell_progress())
        try:
            await _together([ticking, *(finish(*one) for one in todo if f"done/{one[0]}" not in done)], but=ticking)
        finally:
            ticking.cancel()
        return plan

    async def _deliver(self, plan: Plan) -> None:
        """Package and upload under a version of its own: a runner that was cut off never mixes its files with ours."""
        await self._remains.discard_version()
        job = self._ledger.job
        version_id = policy.version_id(job, new_id())
        version = await self._floor.versions.put(
            Version(version_id=version_id, playable_id=job.playable_id, job_id=job.job_id, created_at_s=self._floor.now_s())
        )
        await self._move(JobState.PACKAGING, version_id=version_id, frames_done=plan.frames_total, frames_per_s=None)
        delivery = await self._task(DELIVERY, 0)
        async with self._floor.artwork:
            await self._floor.versions.put(version.delivered(delivery))
        await self._move(JobState.PACKAGING, delivery=delivery, renditions=tuple(delivery["media"]["renditions"]))

    async def _attach(self) -> None:
        job = self._ledger.job
        assert job.delivery is not None
        assert job.version_id is not None
        images = [ArtworkImage.model_validate(image) for image in job.delivery["artwork"]]
        for name in {image["object_name"] for many in ("artwork", "candidates") for image in job.delivery.get(many, ())}:
            await self._floor.blobs.copy(f"chunks/{self._job_id}/{name}", name)
        # While the catalogue is away this raises Unavailable, and the runner comes back to it. A cancellation waits for the answer:
        # the catalogue may take the version after all, and then its files must stay.
        await _undisturbed(self._floor.catalog.attach_media(job.playable_id, Media.model_validate(job.delivery["media"]), images))
        await self._attached()

    async def _attached(self) -> None:
        version_id = self._ledger.job.version_id
        assert version_id is not None
        version = await self._floor.versions.get(version_id)
        if version is not None:
            await self._floor.versions.put(msgspec.structs.replace(version, attached=True))
        await self._ledger.move(JobState.READY)

    # --- tasks

    async def _task(self, key: str, stage: int, number: int = 0) -> dict[str, Any]:
        """Have a task done; one that was lost is done again, a few times."""
        task = Task(self._floor.settings, self._job_id, self._floor.epoch, key)
        for attempt in range(1, LOST_TRIES + 1):
            self._progress.started(key)
            turn = self._floor.slots.one((self._job_id, stage, number)) if task.encodes else self._floor.light
            try:
                async with turn:
                    return await self._floor.executor.run(task, lambda frames: self.report(key, frames))
            except (TaskLost, TaskStopped) as error:
                await self._require_wanted()
                if attempt == LOST_TRIES:
                    raise JobFailed(ServiceUnavailable(f"An encoder died {attempt} times: {error}")) from error
            except (MediaRefused, CorruptData) as error:
                if attempt >= REFUSED_TRIES or not task.encodes:
                    # What is refused later may be the fault of this machine: only a probe has judged the film alone.
                    raise JobFailed(error, hopeless=key == PROBE and isinstance(error, MediaRefused)) from error
            except Unavailable as error:
                if attempt == LOST_TRIES:
                    raise JobFailed(error) from error
                await asyncio.sleep(attempt)
            except MatineeError as error:
                raise JobFailed(error) from error
            finally:
                self._progress.dropped(key)
        raise AssertionError("unreachable")

    async def _require_wanted(self) -> None:
        """Raise if another runner has the job, or its cancellation was asked for: a task may see that first."""
        job = await self._floor.jobs.get(self._job_id)
        if job.epoch != self._floor.epoch:
            raise Fenced(f"Job {self._job_id} belongs to another runner")
        if job.cancel_requested:
            raise Stopped

    async def _tell_progress(self) -> None:
        while True:
            await asyncio.sleep(PROGRESS_EVERY_S)
            if self._progress.changed():
                await self._move(JobState.ENCODING, frames_done=self._progress.frames_done, frames_per_s=self._progress.frames_per_s())

    async def _move(self, state: JobState, **changes: Any) -> None:
        if (await self._ledger.move(state, **changes)).cancel_requested:
            raise Stopped

    # --- the end

    async def _fail(self, failure: JobFailed) -> None:
        if await self._is_live():
            await self._attached()
            return
        await self._remains.discard_version()
        if failure.hopeless:
            await self._remains.discard_chunks()
            await self._remains.discard_uploads()
        await self._remains.clear_work()
        problem = failure.error.problem(f"/api/v1/studio/jobs/{self._job_id}")
        gone = failure.hopeless
        await self._ledger.move(JobState.FAILED, error=problem, source_gone=gone, version_id=None, delivery=None, frames_per_s=None)

    async def _cancel(self) -> None:
        """Leave nothing but the upload, which a retry needs."""
        if await self._is_live():
            await self._attached()
            return
        await self._remains.discard_version()
        await self._remains.discard_chunks()
        await self._remains.clear_work()
        await self._ledger.move(JobState.CANCELLED, version_id=None, delivery=None, frames_done=0, frames_per_s=None)

    async def _is_live(self) -> bool:
        """Whether the catalogue took the version although the answer never came: then it is too late to fail or to cancel."""
        job = self._ledger.job
        return job.delivery is not None and await self._floor.catalog.live_version(job.playable_id) == job.version_id

    async def _clean_up(self) -> None:
        if self._ledger.job.state is JobState.READY:
            await self._remains.discard_chunks()
            await self._remains.discard_uploads()
            await self._remains.clear_work()
        await self._ledger.leave()


async def _together(operations: Iterable[asyncio.Task[None] | Coroutine[Any, Any, None]], but: asyncio.Task[None]) -> None:
    """Await all but `but`; the first that fails, `but` included, cancels the others, which have ended when this raises."""
    tasks = {asyncio.ensure_future(operation) for operation in operations}
    try:
        while tasks - {but} and not but.done():
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
            tasks -= done
    finally:
        for task in tasks:
            task.cancel()
        with contextlib.suppress(Exception):
            await asyncio.gather(*tasks, return_exceptions=True)


async def _undisturbed(operation: Coroutine[Any, Any, None]) -> None:
    """Await to the end however often cancelled meanwhile, so that what became of it is known."""
    task = asyncio.ensure_future(operation)
    cancelled: asyncio.CancelledError | None = None
    while not task.done():
        try:
            await asyncio.shield(task)
        except asyncio.CancelledError as error:
            cancelled = error
    if cancelled is not None:
        raise cancelled
    task.result()
