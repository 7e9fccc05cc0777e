"""The tasks that encoders run, on whichever node: probe, chunks, sound, subtitles, delivery.

Main path: `perform` -> the job's rows say what to do -> the source once a node -> encode/ -> outputs as objects under chunks/<job>.
A task writes no rows: what it returns is recorded by the job's runner. It stops by itself once its runner lost the job or it is cancelled.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import shutil
import time
from collections.abc import AsyncIterator, Callable, Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import msgspec

from cluster import processes
from cluster.durable import Store, open_objects, open_store
from cluster.errors import JobNotFound, Unavailable
from cluster.ids import new_id
from cluster.settings import Settings
from serve_apps.studio import policy
from serve_apps.studio.blobs import Blobs, disk_errors
from serve_apps.studio.delivery import deliver
from serve_apps.studio.encode.audio import encode_audio
from serve_apps.studio.encode.chunk import encode_chunk
from serve_apps.studio.encode.languages import label_of
from serve_apps.studio.encode.plan import Plan, plan
from serve_apps.studio.encode.probe import probe
from serve_apps.studio.encode.programs import Programs
from serve_apps.studio.encode.subtitles import SubtitleTrack, convert_sidecar, extract_subtitles
from serve_apps.studio.jobs import Jobs
from serve_apps.studio.policy import JobRecord
from serve_apps.studio.tables import JOBS, LISTS, UPLOADS
from serve_apps.studio.uploads import Uploads

STOP_POLL_S: Final = 0.5
PROBE: Final = "probe"
SUBTITLES: Final = "subtitles"
DELIVERY: Final = "delivery"

Report = Callable[[int], None]
"""Is told how many pictures of its chunk a task has done."""


class TaskStopped(Exception):
    """The task's job was cancelled, or has another runner."""


@dataclass(frozen=True)
class Task:
    """One task of a job: `probe`, `chunk/00007`, `audio/0`, `subtitles` or `delivery`, for the runner of `epoch`."""

    settings: Settings
    job_id: str
    epoch: int
    key: str

    @property
    def encodes(self) -> bool:
        """Whether it takes an encoder; probing and subtitles are light and wait for nobody."""
        return self.key not in (PROBE, SUBTITLES)


def chunk_key(index: int) -> str:
    """Return the key of a chunk's task."""
    return f"chunk/{index:05d}"


def audio_key(number: int) -> str:
    """Return the key of a sound track's task; `number` counts within the plan."""
    return f"audio/{number:02d}"


async def perform(task: Task, report: Report) -> dict[str, Any]:
    """Do a task; returns what its runner records.

    Raises:
        TaskStopped: the job was cancelled, or has another runner; its programs are dead.
        MatineeError: it cannot be done.
    """
    async with _opened(task) as bench:
        work = asyncio.create_task(bench.do(task.key, report))
        watch = asyncio.create_task(bench.stopped())
        try:
            await asyncio.wait({work, watch}, return_when=asyncio.FIRST_COMPLETED)
            if not work.done():
                watch.result()  # raises if it could not go on watching
                raise TaskStopped(task.key)
            return work.result()
        finally:
            for either in (work, watch):
                either.cancel()
            await asyncio.gather(work, watch, return_exceptions=True)


def work_folder(settings: Settings) -> Path:
    """Where a node keeps sources and half-made outputs, a folder a job."""
    return settings.data / "work"


def children_folder(settings: Settings) -> Path:
    """Where a node's media programs are recorded."""
    return work_folder(settings) / ".children"


def sweep_node(settings: Settings, job_ids: Collection[str]) -> None:
    """Remove this node's work folders of all jobs but these, and kill media programs whose parents are gone."""
    processes.sweep(children_folder(settings))
    folder = work_folder(settings)
    for path in folder.iterdir() if folder.is_dir() else []:
        if not path.name.startswith(".") and path.name not in job_ids:
            shutil.rmtree(path, ignore_errors=True)


def clear_node(settings: Settings, job_id: str) -> None:
    """Remove this node's work folder of a job."""
    shutil.rmtree(work_folder(settings) / job_id, ignore_errors=True)


@contextlib.asynccontextmanager
async def _opened(task: Task) -> AsyncIterator[_Bench]:
    stores: list[Store] = []
    folder = work_folder(task.settings) / task.job_id
    place = folder / f"task-{new_id()}"
    try:
        for table in (UPLOADS, JOBS, LISTS):
            stores.append(await open_store(task.settings.store, table))  # noqa: PERF401 -- closed below if one fails
        with disk_errors():
            place.mkdir(parents=True)
        yield _Bench(task, stores, folder, place)
    finally:
        shutil.rmtree(place, ignore_errors=True)
        for store in stores:
            await store.close()


class _Bench:
    """What a task works with: its job's rows, the objects, and an empty folder."""

    def __init__(self, task: Task, stores: list[Store], folder: Path, place: Path) -> None:
        uploads, jobs, lists = stores
        self._task, self._folder, self._place = task, folder, place
        self._blobs = Blobs(open_objects(task.settings.objects))
        self._jobs = Jobs(jobs, lists)
        self._uploads = Uploads(uploads, lists, self._blobs)
        self._programs = Programs(record=children_folder(task.settings))

    async def stopped(self) -> None:
        """Return once the task has lost its purpose."""
        while True:
            await asyncio.sleep(STOP_POLL_S)
            try:
                if policy.must_stop(await self._jobs.get(self._task.job_id), self._task.epoch):
                    return
            except JobNotFound:
                return
            except Unavailable:
                continue  # a store that is away for a moment says nothing about the job

    async def do(self, key: str, report: Report) -> dict[str, Any]:
        job = await self._jobs.get(self._task.job_id)
        if policy.must_stop(job, self._task.epoch):
            raise TaskStopped(key)
        kind, _, number = key.partition("/")
        if kind == PROBE:
            return await self._probe(job)
        rows = await self._jobs.rows(job.job_id, "plan")
        planned = msgspec.convert(rows["plan"], Plan)
        if kind == "chunk":
            return await self._chunk(job, planned, int(number), report)
        if kind == "audio":
            return await self._audio(job, planned, int(number))
        if kind == SUBTITLES:
            return await self._subtitles(job, planned)
        done = await self._jobs.rows(job.job_id, "done/")
        return await deliver(job, planned, done, self._blobs, self._place, self._programs)

    async def _probe(self, job: JobRecord) -> dict[str, Any]:
        source = await probe(await self._source(job), self._place, programs=self._programs)
        planned = plan(source, ladder=job.ladder or None, preset=job.preset, version_id=job.job_id, language=job.language or "und")
        value: dict[str, Any] = msgspec.to_builtins(planned)
        return value

    async def _chunk(self, job: JobRecord, planned: Plan, index: int, report: Report) -> dict[str, Any]:
        source = await self._source(job)
        result = await encode_chunk(source, planned, planned.chunks[index], self._place, report, programs=self._programs)
        kept = await self._keep(job, [path.name for path in result.files])
        return kept | {"frames": planned.chunks[index].frames, "missing_frames": result.missing_frames}

    async def _audio(self, job: JobRecord, planned: Plan, number: int) -> dict[str, Any]:
        track = await encode_audio(await self._source(job), planned, planned.audio[number], self._place, programs=self._programs)
        return await self._keep(job, [track.file]) | {"track": msgspec.to_builtins(track)}

    async def _subtitles(self, job: JobRecord, planned: Plan) -> dict[str, Any]:
        beside: list[SubtitleTrack] = []
        # Those first: a person's mistake is told soon.
        for number, sidecar in enumerate(job.sidecars):
            path = self._place / f"sidecar-{number}"
            await self._uploads.download(sidecar.upload_id, path)
            content = await asyncio.to_thread(path.read_bytes)
            beside.append(convert_sidecar(content, planned, self._place, number=number, language=sidecar.language, title=sidecar.label))
        tracks: list[SubtitleTrack] = []
        notes: list[str] = []
        for stream in planned.subtitles:
            track = await extract_subtitles(await self._source(job), planned, stream, self._place, programs=self._programs)
            if track is not None:
                tracks.append(track)
            else:
                label = label_of(stream.language, stream.title)
                notes.append(f"Subtitles in {label} hold nothing that can be shown, and were left out.")
        tracks += beside
        return await self._keep(job, [track.file for track in tracks]) | {
            "tracks": [msgspec.to_builtins(track) for track in tracks],
            "notes": notes,
        }

    async def _keep(self, job: JobRecord, names: list[str]) -> dict[str, Any]:
        """Upload files of the task's folder; a name of its own each time, so that a task run twice mixes nothing."""
        objects = {name: f"chunks/{job.job_id}/{new_id()}-{name}" for name in names}
        size = await self._blobs.put_files((objects[name], self._place / name) for name in names)
        return {"objects": objects, "bytes": size}

    async def _source(self, job: JobRecord) -> Path:
        """Return the job's source on this node; whoever needs it first downloads it."""
        path = self._folder / "source"
        async with _locked(self._folder / "source.lock"):
            if not path.exists():
                partial = path.with_suffix(".part")
                await self._uploads.download(job.upload_id, partial)
                partial.rename(path)
        return path


@contextlib.asynccontextmanager
async def _locked(path: Path) -> AsyncIterator[None]:
    """Hold a lock among the processes of this node; a process that dies lets go of it."""
    with disk_errors(), path.open("w") as file:
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                await asyncio.sleep(0.1)
        yield


def throttled(report: Callable[[int], None], every_s: float = 0.5, now_s: Callable[[], float] = time.monotonic) -> Report:
    """Return a report that passes on at most one number each `every_s`."""
    last_s = 0.0

    def passed_on(frames: int) -> None:
        nonlocal last_s
        if now_s() - last_s >= every_s:
            last_s = now_s()
            report(frames)

    return passed_on
