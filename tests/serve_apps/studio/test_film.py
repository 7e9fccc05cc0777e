"""Real films through the whole studio, encoded in this process."""

from __future__ import annotations

import asyncio
import hashlib
import re
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest

from cluster.durable import Row, Store, Table, open_store
from cluster.errors import StoreUnavailable
from cluster.processes import recorded
from serve_apps.studio.executor import LocalExecutor
from serve_apps.studio.runner import EncodeRunner
from serve_apps.studio.tasks import children_folder, chunk_key
from tests.serve_apps.studio.encode.films import ffmpeg
from tests.serve_apps.studio.factory import ended, work_left
from tests.serve_apps.studio.rig import MemoryCatalog, files_under, open_studio, settings_at, until, upload

pytestmark = pytest.mark.media

SRT = b"1\n00:00:00,500 --> 00:00:01,500\nHello\n"


def film(path: Path, seconds: int, *, size: str = "320x180", rate: int = 12, preset: str = "ultrafast") -> bytes:
    ffmpeg(
        *("-f", "lavfi", "-i", f"testsrc2=s={size}:r={rate}", "-f", "lavfi", "-i", "sine=440:r=48000", "-t", str(seconds)),
        *("-c:v", "libx264", "-preset", preset, "-pix_fmt", "yuv420p", "-c:a", "aac", path),
    )
    return path.read_bytes()


class CountingExecutor(LocalExecutor):
    """Notes which tasks it finished, and holds back those that `held` names."""

    def __init__(self, *arguments: Any, held: Callable[[str], bool] = lambda _key: False) -> None:
        super().__init__(*arguments)
        self.finished: list[str] = []
        self._held = held

    async def run(self, task, report) -> dict[str, Any]:
        if self._held(task.key):
            await asyncio.Event().wait()
        result = await super().run(task, report)
        self.finished.append(task.key)
        return result


@asynccontextmanager
async def working(settings: Any, catalog: MemoryCatalog, executor: LocalExecutor) -> AsyncIterator[EncodeRunner]:
    runner = EncodeRunner(settings, catalog, executor)
    task = asyncio.create_task(runner.run())
    try:
        yield runner
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await runner.close()


def test_a_film_becomes_playable_with_its_sidecar_thumbnails_and_pictures(tmp_path: Path) -> None:
    async def main() -> None:
        settings, catalog = settings_at(tmp_path / "data"), MemoryCatalog("film")
        data = film(tmp_path / "film.mp4", 4, size="640x360", rate=25)
        async with open_studio(tmp_path / "data", catalog=catalog) as (client, studio):
            upload_id, text_id = await upload(client, data), await upload(client, SRT, "film.srt")
            wanted = {"upload_id": upload_id, "playable_id": "film", "language": "de", "ladder": [234, 360]}
            subtitles = [{"upload_id": text_id, "language": "en", "label": "English"}]
            job_id = (await client.post("/jobs", json=wanted | {"subtitles": subtitles})).json()["job_id"]
            async with working(settings, catalog, LocalExecutor(settings)):
                job = await ended(studio, job_id, "ready", timeout_s=120)
                await until(lambda: not (tmp_path / "data" / "objects" / "chunks").exists())
                await until(lambda: work_left(tmp_path / "data") == [])
            media = catalog.media["film"]
            assert media is not None
            assert (media.version_id, media.width, media.height, media.frame_rate) == (job.version_id, 640, 360, 25.0)
            assert media.duration_s == pytest.approx(4.0, abs=0.1)
            assert [rendition.height for rendition in media.renditions] == [234, 360]
            assert [(track.language, track.label) for track in media.subtitles] == [("en", "English")]
            assert [track.language for track in media.audio] == ["de"]
            root = tmp_path / "data" / "objects"
            folder = root / "media" / "film" / job.version_id
            assert {"master.m3u8", "manifest.mpd", "thumbnails.vtt"} <= {path.name for path in folder.iterdir()}
            master = (folder / "master.m3u8").read_text()
            for playlist in re.findall(r'URI="([^"]+)"|^([^#\s].*)$', master, re.MULTILINE):
                assert (folder / (playlist[0] or playlist[1])).exists()
            assert {image.kind for image in catalog.artwork["film"]} == {"poster", "backdrop", "still"}
            assert all((root / image.object_name).exists() for image in catalog.artwork["film"])
            offered = (await client.get("/playables/film/candidates")).json()["items"]
            assert offered
            for still in offered:
                content = (root / still["object_name"]).read_bytes()
                assert still["object_name"] == f"artwork/{hashlib.sha256(content).hexdigest()}.jpg"
                assert (still["width"], still["height"]) == (640, 360)
            assert not (root / "uploads").exists()
            assert recorded(children_folder(settings)) == []

    asyncio.run(main())


def test_a_runner_killed_in_the_middle_of_a_film_is_followed_by_one_that_encodes_only_the_rest(tmp_path: Path) -> None:
    async def main() -> None:
        settings, catalog = settings_at(tmp_path / "data"), MemoryCatalog("film")
        data = film(tmp_path / "film.mp4", 50)
        first = CountingExecutor(settings, held=lambda key: key == chunk_key(2))
        second = CountingExecutor(settings)
        async with open_studio(tmp_path / "data", catalog=catalog) as (client, studio):
            wanted = {"upload_id": await upload(client, data), "playable_id": "film"}
            job_id = (await client.post("/jobs", json=wanted)).json()["job_id"]
            async with working(settings, catalog, first):
                await until(lambda: {chunk_key(0), chunk_key(1), "audio/00"} <= set(first.finished), 120)

                async def kept() -> bool:
                    return len(await studio.jobs.rows(job_id, "done/")) == 3

                await until(kept)
            async with working(settings, catalog, second):
                job = await ended(studio, job_id, "ready", timeout_s=120)
            assert sorted(second.finished) == [chunk_key(2), "delivery"]
            assert job.frames_done == job.frames_total == 600

    asyncio.run(main())


def test_a_cancelled_film_has_no_ffmpeg_two_seconds_later_and_leaves_nothing(tmp_path: Path) -> None:
    async def main() -> None:
        settings, catalog = settings_at(tmp_path / "data"), MemoryCatalog("film")
        data = film(tmp_path / "film.mp4", 30, size="1280x720", rate=25)
        async with open_studio(tmp_path / "data", catalog=catalog) as (client, studio):
            job_id = (await client.post("/jobs", json={"upload_id": await upload(client, data), "playable_id": "film"})).json()["job_id"]
            async with working(settings, catalog, LocalExecutor(settings)):

                async def encoding() -> list[int]:
                    return recorded(children_folder(settings)) if (await studio.jobs.get(job_id)).frames_done else []

                pids = await until(encoding, 120)
                began_s = time.monotonic()
                await client.post(f"/jobs/{job_id}/cancel")
                await until(lambda: not any(psutil.pid_exists(pid) for pid in pids), 10)
                assert time.monotonic() - began_s < 2
                await ended(studio, job_id, "cancelled", timeout_s=10)
                assert recorded(children_folder(settings)) == []
                assert {name.partition("/")[0] for name in files_under(tmp_path / "data" / "objects")} == {"uploads"}
                assert work_left(tmp_path / "data") == []

    asyncio.run(main())


def test_a_job_cancelled_while_its_version_is_packaged_leaves_nothing_but_its_upload(tmp_path: Path) -> None:
    async def main() -> None:
        settings, catalog = settings_at(tmp_path / "data"), MemoryCatalog("film")
        data = film(tmp_path / "film.mp4", 4, size="640x360", rate=25)
        async with open_studio(tmp_path / "data", catalog=catalog) as (client, studio):
            upload_id = await upload(client, data)
            job_id = (await client.post("/jobs", json={"upload_id": upload_id, "playable_id": "film"})).json()["job_id"]
            async with working(settings, catalog, LocalExecutor(settings)):

                async def packaging() -> list[int]:
                    return recorded(children_folder(settings)) if (await studio.jobs.get(job_id)).state == "packaging" else []

                pids = await until(packaging, 120)
                assert (await client.post(f"/jobs/{job_id}/cancel")).status_code == 202
                await ended(studio, job_id, "cancelled", timeout_s=10)
                assert not any(psutil.pid_exists(pid) for pid in pids)
                assert recorded(children_folder(settings)) == []
                assert {name.partition("/")[0] for name in files_under(tmp_path / "data" / "objects")} == {"uploads"}
                assert work_left(tmp_path / "data") == []
                assert catalog.attached == []

    asyncio.run(main())


def test_tasks_outlive_a_store_that_fails_for_a_moment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("serve_apps.studio.tasks.STOP_POLL_S", 0.02)
    failures = 0

    class Unsteady:
        """A store of which every second read of a job fails."""

        def __init__(self, store: Store) -> None:
            self._store, self._reads = store, 0

        def __getattr__(self, name: str) -> Any:
            return getattr(self._store, name)

        async def get(self, partition: str, sort: str) -> Row | None:
            nonlocal failures
            self._reads += sort == "job"
            if sort == "job" and self._reads % 2 == 0:
                failures += 1
                raise StoreUnavailable
            return await self._store.get(partition, sort)

    async def unsteady(url: str, table: Table) -> Unsteady:
        return Unsteady(await open_store(url, table))

    monkeypatch.setattr("serve_apps.studio.tasks.open_store", unsteady)

    async def main() -> None:
        settings, catalog = settings_at(tmp_path / "data"), MemoryCatalog("film")
        data = film(tmp_path / "film.mp4", 4)
        async with open_studio(tmp_path / "data", catalog=catalog) as (client, studio):
            job_id = (await client.post("/jobs", json={"upload_id": await upload(client, data), "playable_id": "film"})).json()["job_id"]
            executor = CountingExecutor(settings)
            async with working(settings, catalog, executor):
                await ended(studio, job_id, "ready", timeout_s=120)
            assert failures
            assert sorted(executor.finished) == sorted({"probe", "audio/00", chunk_key(0), "delivery"})

    asyncio.run(main())


def test_a_killed_ffmpeg_is_made_good(tmp_path: Path) -> None:
    async def main() -> None:
        settings, catalog = settings_at(tmp_path / "data"), MemoryCatalog("film")
        data = film(tmp_path / "film.mp4", 6, size="1280x720", rate=25)
        async with open_studio(tmp_path / "data", catalog=catalog) as (client, studio):
            job_id = (await client.post("/jobs", json={"upload_id": await upload(client, data), "playable_id": "film"})).json()["job_id"]
            async with working(settings, catalog, LocalExecutor(settings)):

                async def encoding() -> list[int]:
                    return recorded(children_folder(settings)) if (await studio.jobs.get(job_id)).frames_done else []

                for pid in await until(encoding, 120):
                    psutil.Process(pid).kill()
                job = await ended(studio, job_id, "ready", timeout_s=120)
                assert job.frames_done == 150

    asyncio.run(main())


def test_a_file_that_is_no_film_fails_in_a_moment_and_leaves_no_trace(tmp_path: Path) -> None:
    async def main() -> None:
        settings, catalog = settings_at(tmp_path), MemoryCatalog("film")
        async with open_studio(tmp_path, catalog=catalog) as (client, studio), working(settings, catalog, LocalExecutor(settings)):
            for data in (b"#EXTM3U\n/etc/passwd\n", b"", b"\x00" * 1000):
                wanted = {"upload_id": await upload(client, data), "playable_id": "film"}
                job_id = (await client.post("/jobs", json=wanted)).json()["job_id"]
                job = await ended(studio, job_id, "failed", timeout_s=20)
                assert job.error["type"] == "urn:matinee:error:media-refused"
                await until(lambda: files_under(tmp_path / "objects") == [])
                await until(lambda: work_left(tmp_path) == [])

    asyncio.run(main())


def test_a_subtitle_file_that_is_none_fails_the_job_and_keeps_the_film(tmp_path: Path) -> None:
    async def main() -> None:
        settings, catalog = settings_at(tmp_path / "data"), MemoryCatalog("film")
        data = film(tmp_path / "film.mp4", 3)
        async with open_studio(tmp_path / "data", catalog=catalog) as (client, studio), working(settings, catalog, LocalExecutor(settings)):
            upload_id = await upload(client, data)
            text_id = await upload(client, b"this is no subtitle", "film.srt")
            wanted = {
                "upload_id": upload_id,
                "playable_id": "film",
                "subtitles": [{"upload_id": text_id, "language": "en", "label": "English"}],
            }
            job_id = (await client.post("/jobs", json=wanted)).json()["job_id"]
            job = await ended(studio, job_id, "failed", timeout_s=60)
            assert job.error["type"] == "urn:matinee:error:media-refused"
            assert (await studio.uploads.get(upload_id)).complete

    asyncio.run(main())
