"""The runner as an actor and its tasks on Ray, killed with -9 in the middle of films."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from fractions import Fraction
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from cluster.ids import new_id
from cluster.launch.instance import Process
from cluster.processes import recorded
from cluster.settings import Settings
from serve_apps.studio.runner import EncodeRunner
from serve_apps.studio.service import Studio
from serve_apps.studio.tasks import children_folder
from tests.serve_apps.studio.encode.films import BITS, ffmpeg, master_film, seen, whole
from tests.serve_apps.studio.factory import ended, work_left
from tests.serve_apps.studio.rig import MemoryCatalog, files_under, open_studio, settings_at, until, upload

pytestmark = [pytest.mark.ray, pytest.mark.media]

FRAMES = 65 * 25


class RunnerWithCatalog(EncodeRunner):
    """The runner as `EncodeRunnerActor` has it, but with a catalogue in its own memory."""

    def __init__(self, settings: Settings) -> None:
        self.catalog = MemoryCatalog("film")
        super().__init__(settings, self.catalog)
        self._forever = asyncio.get_running_loop().create_task(self.run())

    async def pid(self) -> int:
        return os.getpid()

    async def live(self) -> str | None:
        return await self.catalog.live_version("film")


class World:
    def __init__(self, client: httpx.AsyncClient, studio: Studio, settings: Settings, runner: Any) -> None:
        self.client, self.studio, self.settings, self.runner = client, studio, settings, runner

    async def begin(self, data: bytes) -> str:
        upload_id = await upload(self.client, data)
        wanted = {"upload_id": upload_id, "playable_id": "film", "ladder": [360]}
        answer = await self.client.post("/jobs", json=wanted)
        return answer.json()["job_id"]

    async def encoding(self, job_id: str) -> list[int]:
        """Wait until pictures are encoded; returns the ffmpegs."""

        async def at_work() -> list[int]:
            job = await self.studio.jobs.get(job_id)
            assert not job.ended, job
            return recorded(children_folder(self.settings)) if job.state == "encoding" and job.frames_done else []

        return await until(at_work, 60)

    def ffmpegs(self) -> list[int]:
        return recorded(children_folder(self.settings))


@asynccontextmanager
async def world(ray: Any, path: Path) -> AsyncIterator[World]:
    settings = settings_at(path)
    actor = ray.remote(max_restarts=-1, max_task_retries=0, num_cpus=0.05)(RunnerWithCatalog)
    async with open_studio(path) as (client, studio):
        runner = actor.options(name=f"runner-{new_id()}").remote(settings)
        try:
            yield World(client, studio, settings, runner)
        finally:
            ray.kill(runner)


@pytest.fixture(scope="module")
def long_film(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """Several chunks, and a number on each picture."""
    folder = tmp_path_factory.mktemp("film")
    larger = ("-vf", "scale=640:360:flags=neighbor", "-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-c:a", "aac")
    ffmpeg("-i", master_film(folder, Fraction(25), FRAMES), *larger, folder / "film.mp4")
    return (folder / "film.mp4").read_bytes()


def test_a_film_encoded_on_ray_is_ready_and_leaves_nothing_else(ray_cluster: Any, tmp_path: Path, long_film: bytes) -> None:
    async def main() -> None:
        async with world(ray_cluster, tmp_path) as at:
            job_id = await at.begin(long_film)
            pids = await at.encoding(job_id)
            assert all(psutil.Process(pid).nice() >= 10 for pid in pids)
            assert (await at.studio.jobs.get(job_id)).frames_done < FRAMES
            job = await ended(at.studio, job_id, "ready", timeout_s=120)
            assert await at.runner.live.remote() == job.version_id
            await until(lambda: {name.partition("/")[0] for name in files_under(tmp_path / "objects")} == {"artwork", "media"})
            await until(lambda: work_left(tmp_path) == [])

    asyncio.run(main())


@pytest.mark.parametrize("time_", [1, 2])
def test_an_encoder_killed_while_it_works_is_replaced(ray_cluster: Any, tmp_path: Path, long_film: bytes, time_: int) -> None:
    async def main() -> None:
        async with world(ray_cluster, tmp_path) as at:
            job_id = await at.begin(long_film)
            pids = await at.encoding(job_id)
            workers = {psutil.Process(pid).ppid() for pid in pids}
            os.kill(workers.pop(), signal.SIGKILL)
            await until(lambda: any(not psutil.pid_exists(pid) for pid in pids), 10)
            job = await ended(at.studio, job_id, "ready", timeout_s=120)
            assert job.frames_done == FRAMES
            version = tmp_path / "objects" / "media" / "film" / job.version_id
            assert seen(whole(version, "v360")).numbers == [number % 2**BITS for number in range(FRAMES)]

    asyncio.run(main())


@pytest.mark.parametrize("time_", [1, 2])
def test_a_killed_runner_comes_back_by_itself_and_goes_on(ray_cluster: Any, tmp_path: Path, long_film: bytes, time_: int) -> None:
    async def main() -> None:
        async with world(ray_cluster, tmp_path) as at:
            job_id = await at.begin(long_film)

            async def some_done() -> dict[str, Any]:
                return await at.studio.jobs.rows(job_id, "done/chunk")

            before = await until(some_done, 60)
            pids = at.ffmpegs()
            os.kill(await at.runner.pid.remote(), signal.SIGKILL)
            await until(lambda: not any(psutil.pid_exists(pid) for pid in pids), 10)
            # Nobody calls the actor: it starts again by itself.
            kept: dict[str, Any] = {}

            async def ready() -> bool:
                kept.update(await some_done())
                job = await at.studio.jobs.get(job_id)
                assert job.state != "failed", job.error
                return job.state == "ready"

            await until(ready, 120)
            assert {key: kept[key] for key in before} == before

    asyncio.run(main())


def test_a_cancelled_job_has_no_ffmpeg_two_seconds_later(ray_cluster: Any, tmp_path: Path, long_film: bytes) -> None:
    async def main() -> None:
        async with world(ray_cluster, tmp_path) as at:
            job_id = await at.begin(long_film)
            ffmpegs = [Process.of(pid) for pid in await at.encoding(job_id)]
            began_s = time.monotonic()
            assert (await at.client.post(f"/jobs/{job_id}/cancel")).status_code == 202
            # A worker that is ended by force leaves its dead for process 1 to bury.
            while living := [ffmpeg.pid for ffmpeg in ffmpegs if ffmpeg.alive]:
                within_s = time.monotonic() - began_s
                assert within_s < 2, [psutil.Process(pid).as_dict(["status", "ppid", "cpu_times", "cmdline"]) for pid in living]
                await asyncio.sleep(0.02)
            await ended(at.studio, job_id, "cancelled", timeout_s=20)
            assert at.ffmpegs() == []
            assert {name.partition("/")[0] for name in files_under(tmp_path / "objects")} == {"uploads"}
            assert work_left(tmp_path) == []

    asyncio.run(main())
