"""Whose fault it is, told by the whole studio: the machine's, which costs no upload, or the film's."""

from __future__ import annotations

import asyncio
import contextlib
import re
from pathlib import Path

import psutil
import pytest

from cluster.processes import recorded
from serve_apps.studio.executor import LocalExecutor
from serve_apps.studio.tasks import children_folder
from tests.serve_apps.studio.encode.films import VIDEOS, ffmpeg
from tests.serve_apps.studio.factory import ended, work_left, working
from tests.serve_apps.studio.rig import MemoryCatalog, files_under, open_studio, settings_at, until, upload

pytestmark = pytest.mark.media


def test_programs_that_are_killed_again_and_again_fail_the_job_but_cost_no_upload(tmp_path: Path) -> None:
    async def main() -> None:
        settings, catalog = settings_at(tmp_path / "data"), MemoryCatalog("film")
        ffmpeg("-f", "lavfi", "-i", "testsrc2=s=176x144:r=12:d=3", "-c:v", "libx264", "-preset", "ultrafast", tmp_path / "film.mp4")

        async def killing() -> None:
            while True:
                for pid in recorded(children_folder(settings)):
                    with contextlib.suppress(psutil.NoSuchProcess):
                        psutil.Process(pid).kill()
                await asyncio.sleep(0.001)

        async with open_studio(tmp_path / "data", catalog=catalog) as (client, studio), working(settings, catalog, LocalExecutor(settings)):
            upload_id = await upload(client, (tmp_path / "film.mp4").read_bytes())
            killer = asyncio.create_task(killing())
            job_id = (await client.post("/jobs", json={"upload_id": upload_id, "playable_id": "film"})).json()["job_id"]
            job = await ended(studio, job_id, "failed", timeout_s=60)
            killer.cancel()
            assert job.error["type"] == "urn:matinee:error:program-interrupted"
            assert (await studio.uploads.get(upload_id)).complete
            assert (await client.post(f"/jobs/{job_id}/retry")).is_success
            await ended(studio, job_id, "ready", timeout_s=60)

    asyncio.run(main())


def test_a_real_film_plays_and_a_broken_one_fails_in_seconds_with_a_reason_and_no_trace(tmp_path: Path) -> None:
    async def main() -> None:
        data, catalog = tmp_path / "data", MemoryCatalog("film", "broken")
        settings = settings_at(data)
        ffmpeg("-i", VIDEOS / "demo.mp4", "-t", "5", "-c", "copy", tmp_path / "film.ts")
        async with open_studio(data, catalog=catalog) as (client, studio), working(settings, catalog, LocalExecutor(settings)):

            async def job_of(path: Path, playable_id: str) -> str:
                wanted = {"upload_id": await upload(client, path.read_bytes(), path.name), "playable_id": playable_id, "ladder": [90]}
                return str((await client.post("/jobs", json=wanted)).json()["job_id"])

            job_id = await job_of(VIDEOS / "demo.ogv", "broken")
            job = await ended(studio, job_id, "failed", timeout_s=30)
            assert job.error["type"] == "urn:matinee:error:media-refused"
            assert re.search(r"damaged: at least \d+ of its \d+ pictures .* cannot be decoded", job.error["detail"])
            await until(lambda: files_under(data / "objects") == [])
            await until(lambda: work_left(data) == [])
            assert catalog.media["broken"] is None
            await ended(studio, await job_of(tmp_path / "film.ts", "film"), "ready", timeout_s=60)
            media = catalog.media["film"]
            assert media is not None
            assert media.duration_s == pytest.approx(5.0, abs=0.5)

    asyncio.run(main())


def test_what_is_left_out_of_a_film_is_told(tmp_path: Path) -> None:
    drawing = "[Events]\nFormat: Start, End, Text\nDialogue: 0:00:00.10,0:00:00.90,{\\p1}m 0 0 l 9 0 9 9{\\p0}\n"

    async def main() -> None:
        settings, catalog = settings_at(tmp_path / "data"), MemoryCatalog("film")
        (tmp_path / "film.ass").write_text(f"[Script Info]\nScriptType: v4.00+\n{drawing}")
        picture = ("-f", "lavfi", "-i", "testsrc2=s=176x144:r=12:d=1", "-i", tmp_path / "film.ass", "-c:v", "libx264")
        ffmpeg(*picture, "-preset", "ultrafast", "-c:s", "copy", "-metadata:s:s:0", "language=ger", tmp_path / "film.mkv")
        async with open_studio(tmp_path / "data", catalog=catalog) as (client, studio), working(settings, catalog, LocalExecutor(settings)):
            wanted = {"upload_id": await upload(client, (tmp_path / "film.mkv").read_bytes()), "playable_id": "film"}
            job_id = (await client.post("/jobs", json=wanted)).json()["job_id"]
            await ended(studio, job_id, "ready", timeout_s=60)
            told = (await client.get(f"/jobs/{job_id}")).json()
            assert told["notes"] == ["Subtitles in Deutsch hold nothing that can be shown, and were left out."]

    asyncio.run(main())
