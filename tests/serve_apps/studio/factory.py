"""Encoders made of nothing: an Executor whose tasks take no time, leave real objects behind, and fail as they are told to."""

from __future__ import annotations

import asyncio
import hashlib
from collections import Counter
from collections.abc import AsyncIterator, Callable, Collection
from contextlib import asynccontextmanager
from fractions import Fraction
from pathlib import Path
from typing import Any

import msgspec

from cluster.durable import open_objects
from cluster.ids import new_id
from cluster.settings import Settings
from serve_apps.catalog.schemas import Media
from serve_apps.studio.blobs import Blobs
from serve_apps.studio.encode.ladder import renditions
from serve_apps.studio.encode.plan import Chunk, Picture, Plan
from serve_apps.studio.encode.source import AudioStream, Rate
from serve_apps.studio.executor import Executor, TaskLost
from serve_apps.studio.runner import EncodeRunner
from serve_apps.studio.tasks import Report, Task, clear_node, sweep_node, work_folder
from tests.serve_apps.studio.rig import MemoryCatalog, until

CHUNK_FRAMES = 100


def small_plan(chunks: int = 4, sounds: int = 1) -> Plan:
    return Plan(
        version_id="v",
        demuxer="mov",
        origin_s=0.0,
        start_s=0.0,
        seekable=True,
        picture=Picture(index=0, convert="", matrix="bt709"),
        rate=Rate(25),
        frames_total=chunks * CHUNK_FRAMES,
        gop_frames=50,
        segment_frames=100,
        chunks=tuple(Chunk(n, n * CHUNK_FRAMES, CHUNK_FRAMES, CHUNK_FRAMES, (None,)) for n in range(chunks)),
        renditions=renditions((640, 360), Fraction(25)),
        preset="veryfast",
        audio=tuple(AudioStream(index=n + 1, codec="aac", channels=2) for n in range(sounds)),
    )


class FakeEncoders:
    """Does tasks at once, or waits where `gates` holds an event for the task's key; raises what `errors` has for it, one each time."""

    def __init__(self, settings: Settings, plan: Plan | None = None, slots: int = 2) -> None:
        self.settings, self.plan, self._slots = settings, plan or small_plan(), slots
        self.blobs = Blobs(open_objects(settings.objects))
        self.errors: dict[str, list[Exception]] = {}
        self.gates: dict[str, asyncio.Event] = {}
        self.missing: dict[str, int] = {}
        self.reports: dict[str, int] = {}
        self.candidates: list[bytes] = []
        self.done: Counter[str] = Counter()
        self.order: list[str] = []
        self.running: set[str] = set()
        self.most_at_once = 0

    async def slots(self) -> int:
        return self._slots

    async def sweep(self, job_ids: Collection[str]) -> None:
        sweep_node(self.settings, job_ids)

    async def clear(self, job_id: str) -> None:
        clear_node(self.settings, job_id)

    async def run(self, task: Task, report: Report) -> dict[str, Any]:
        self.running.add(task.key)
        self.order.append(task.key)
        self.most_at_once = max(self.most_at_once, len([key for key in self.running if key.startswith(("chunk", "audio"))]))
        folder = work_folder(self.settings) / task.job_id
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "source").write_bytes(b"source")
        try:
            if task.key in self.reports:
                report(self.reports[task.key])
            if task.key in self.gates:
                await self.gates[task.key].wait()
            if self.errors.get(task.key):
                raise self.errors[task.key].pop(0)
            await asyncio.sleep(0)
            result = await self._result(task)
            self.done[task.key] += 1
            return result
        finally:
            self.running.discard(task.key)

    async def _result(self, task: Task) -> dict[str, Any]:
        kind, _, number = task.key.partition("/")
        if kind == "probe":
            return msgspec.to_builtins(self.plan)
        if kind == "delivery":
            return await self._delivery(task)
        name = f"chunks/{task.job_id}/{new_id()}-{kind}{number}"
        await self.blobs.put(name, task.key.encode())
        value: dict[str, Any] = {"objects": {f"{kind}{number}": name}, "bytes": len(task.key)}
        if kind == "chunk":
            value |= {"frames": CHUNK_FRAMES, "missing_frames": self.missing.get(task.key, 0)}
        return value

    async def _delivery(self, task: Task) -> dict[str, Any]:
        from cluster.durable import open_store
        from serve_apps.studio.jobs import Jobs
        from serve_apps.studio.tables import JOBS, LISTS

        jobs, lists = [await open_store(self.settings.store, table) for table in (JOBS, LISTS)]
        job = await Jobs(jobs, lists).get(task.job_id)
        done = await Jobs(jobs, lists).rows(task.job_id, "done/")
        await jobs.close()
        await lists.close()
        assert len([key for key in done if "chunk" in key]) == len(self.plan.chunks)
        await self.blobs.put(f"media/{job.playable_id}/{job.version_id}/master.m3u8", b"#EXTM3U")
        await self.blobs.put(f"chunks/{job.job_id}/artwork/{'a' * 64}.jpg", b"jpeg")
        assert job.version_id
        media = Media(version_id=job.version_id, duration_s=16.0, width=640, height=360, frame_rate=25.0)
        image = {"kind": "poster", "object_name": f"artwork/{'a' * 64}.jpg", "width": 200, "height": 300}
        candidates = []
        for content in self.candidates:
            name = f"artwork/{hashlib.sha256(content).hexdigest()}.jpg"
            await self.blobs.put(f"chunks/{job.job_id}/{name}", content)
            candidates.append({"kind": "still", "object_name": name, "width": 640, "height": 360})
        told = {"candidates": candidates} if candidates else {}  # a delivery of before there were any tells of none
        return {"media": media.model_dump(), "artwork": [image], "bytes": 7, **told}


@asynccontextmanager
async def working(
    settings: Settings, catalog: MemoryCatalog, encoders: Executor, now_s: Callable[[], float] | None = None
) -> AsyncIterator[EncodeRunner]:
    """Run a runner until the block ends; it is dropped as a crash would drop it."""
    runner = EncodeRunner(settings, catalog, encoders, **({"now_s": now_s} if now_s else {}))
    task = asyncio.create_task(runner.run())
    try:
        yield runner
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await runner.close()


async def ended(studio: Any, job_id: str, state: str, timeout_s: float = 30.0) -> Any:
    """Wait for a job's state; fails at once if it ends in another."""

    async def reached() -> Any:
        job = await studio.jobs.get(job_id)
        assert not job.ended or job.state == state, (job.state, job.error)
        return job if job.state == state else None

    return await until(reached, timeout_s)


def died() -> TaskLost:
    return TaskLost("the worker died")


def work_left(path: Path) -> list[str]:
    folder = path / "work"
    return [found.name for found in folder.iterdir() if not found.name.startswith(".")] if folder.exists() else []
