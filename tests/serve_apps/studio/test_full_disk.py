"""A file system of a few megabytes, really full: clear errors, nothing damaged, and it goes on once there is space."""

from __future__ import annotations

import asyncio
import random
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from serve_apps.studio.executor import LocalExecutor
from tests.serve_apps.studio.factory import ended, work_left
from tests.serve_apps.studio.rig import TUS, MemoryCatalog, files_under, open_studio, settings_at, until, upload
from tests.serve_apps.studio.test_film import film, working

pytestmark = pytest.mark.media

BYTES = TUS | {"Content-Type": "application/offset+octet-stream"}
SIZE = 24 * 2**20


def test_uploads_and_jobs_on_a_full_disk_fail_clearly_and_go_on(tmp_path: Path) -> None:
    if shutil.which("unshare") is None or subprocess.run(["unshare", "-Urm", "true"], check=False).returncode:
        pytest.skip("this machine lets no one mount a small file system: unshare -Urm")
    (tmp_path / "small").mkdir()
    film(tmp_path / "film.mp4", 6, size="640x360", rate=25)
    script = f'mount -t tmpfs -o size={SIZE} tmpfs "{tmp_path}/small" || exit 9; exec "{sys.executable}" -m {__name__} "{tmp_path}"'
    done = subprocess.run(["unshare", "-Urm", "sh", "-c", script], check=False, capture_output=True, text=True, timeout=200)
    assert done.returncode == 0, done.stderr


async def fill_and_free(path: Path) -> None:
    small, ballast = path / "small", path / "small" / "ballast"
    settings, catalog = settings_at(small / "data"), MemoryCatalog("film")

    def leave(size: int) -> None:
        with ballast.open("wb") as file:
            file.write(b"\0" * (shutil.disk_usage(small).free - size))

    async with open_studio(small / "data", catalog=catalog) as (client, studio):
        data = random.Random(5).randbytes(12 * 2**20)
        created = await client.post("/uploads", headers=TUS | {"Upload-Length": str(len(data))})
        url = f"http://test{created.headers['Location']}"
        leave(9 * 2**20 + 600_000)
        answer = await client.patch(url, headers=BYTES | {"Upload-Offset": "0"}, content=data)
        assert (answer.status_code, answer.json()["type"]) == (507, "urn:matinee:error:storage-full"), answer.text
        offset = int((await client.head(url, headers=TUS)).headers["Upload-Offset"])
        assert offset == 8 * 2**20
        assert not [name for name in files_under(small / "data" / "objects") if "#" in name]
        ballast.unlink()
        answer = await client.patch(url, headers=BYTES | {"Upload-Offset": str(offset)}, content=data[offset:])
        assert answer.status_code == 204, answer.text
        await studio.uploads.download(url.rpartition("/")[2], path / "downloaded")
        assert (path / "downloaded").read_bytes() == data
        assert (await client.delete(url, headers=TUS)).status_code == 204

        source = (path / "film.mp4").read_bytes()
        upload_id = await upload(client, source)
        leave(len(source) + 500_000)
        job_id = (await client.post("/jobs", json={"upload_id": upload_id, "playable_id": "film", "ladder": [360]})).json()["job_id"]
        async with working(settings, catalog, LocalExecutor(settings)):
            job = await ended(studio, job_id, "failed", timeout_s=60)
            assert job.error["type"] == "urn:matinee:error:storage-full", job.error
            assert catalog.attached == []
            await until(lambda: work_left(small / "data") == [])
            ballast.unlink()
            assert (await client.post(f"/jobs/{job_id}/retry")).status_code == 202
            await ended(studio, job_id, "ready", timeout_s=60)


if __name__ == "__main__":
    asyncio.run(fill_and_free(Path(sys.argv[1])))
