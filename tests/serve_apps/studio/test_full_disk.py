"""A file system of a few megabytes, really full: clear errors, nothing damaged, and it goes on once there is space."""

from __future__ import annotations

import asyncio
import random
import shutil
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from cluster.errors import StorageFull
from serve_apps.studio.executor import LocalExecutor
from tests.serve_apps.studio.factory import ended, work_left
from tests.serve_apps.studio.house import DAY, house
from tests.serve_apps.studio.rig import TUS, MemoryCatalog, files_under, open_studio, settings_at, until, upload
from tests.serve_apps.studio.test_film import film, working

pytestmark = pytest.mark.media

BYTES = TUS | {"Content-Type": "application/offset+octet-stream"}
SIZE = 24 * 2**20


@pytest.mark.parametrize("scene", ["fill_and_free", "collect", "remove_by_hand"])
def test_on_a_full_disk_everything_fails_clearly_and_goes_on_and_space_can_be_given_back(tmp_path: Path, scene: str) -> None:
    if shutil.which("unshare") is None or subprocess.run(["unshare", "-Urm", "true"], check=False).returncode:
        pytest.skip("this machine lets no one mount a small file system: unshare -Urm")
    (tmp_path / "small").mkdir()
    if scene == "fill_and_free":
        film(tmp_path / "film.mp4", 6, size="640x360", rate=25)
    module = f'"{sys.executable}" -m {__name__} {scene} "{tmp_path}"'
    script = f'mount -t tmpfs -o size={SIZE} tmpfs "{tmp_path}/small" || exit 9; exec {module}'
    done = subprocess.run(["unshare", "-Urm", "sh", "-c", script], check=False, capture_output=True, text=True, timeout=400)
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
            job = await ended(studio, job_id, "failed", timeout_s=120)
            assert job.error["type"] == "urn:matinee:error:storage-full", job.error
            assert catalog.attached == []
            await until(lambda: work_left(small / "data") == [])
            ballast.unlink()
            assert (await client.post(f"/jobs/{job_id}/retry")).status_code == 202
            await ended(studio, job_id, "ready", timeout_s=150)


async def full(client: httpx.AsyncClient, small: Path) -> None:
    """Fill the disk until nothing can be written to the store either: its log has room for a while."""
    with (small / "ballast").open("wb", buffering=0) as file:
        file.write(b"\0" * shutil.disk_usage(small).free)

    async def refused() -> bool:
        return (await client.post("/uploads", headers=TUS | {"Upload-Length": "1"})).status_code == 507

    await until(refused)


def objects_of(small: Path) -> set[str]:
    return {name.partition("/")[0] for name in files_under(small / "data" / "objects")}


async def collect(path: Path) -> None:
    small = path / "small"
    async with house(small / "data") as at:
        at.encoders.errors = {"chunk/00003": [StorageFull()]}
        failed = await at.job("failed")
        await at.encoders.blobs.put(f"chunks/{failed.job_id}/large", bytes(2 * 2**20))
        await upload(at.client, bytes(4 * 2**20))
        at.clock.value_s += 2 * DAY
        await full(at.client, small)
        await at.runner.collect()
        assert objects_of(small) == set()
        assert (await at.client.get("/usage")).json()["collected_bytes"] > 6 * 2**20


async def remove_by_hand(path: Path) -> None:
    small = path / "small"
    async with open_studio(small / "data") as (client, _studio):
        upload_id = await upload(client, bytes(4 * 2**20))
        await full(client, small)
        answer = await client.delete(f"/uploads/{upload_id}", headers=TUS)
        assert answer.status_code == 204, answer.text
        assert objects_of(small) == set()
        assert (await client.head(f"/uploads/{upload_id}", headers=TUS)).status_code == 404


if __name__ == "__main__":
    scene = {"fill_and_free": fill_and_free, "collect": collect, "remove_by_hand": remove_by_hand}[sys.argv[1]]
    asyncio.run(scene(Path(sys.argv[2])))
