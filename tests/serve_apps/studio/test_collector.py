from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from cluster.errors import StorageFull, StoreUnavailable
from serve_apps.studio.runner import EncodeRunner
from serve_apps.studio.service import Studio
from tests.serve_apps.studio.factory import FakeEncoders, ended
from tests.serve_apps.studio.rig import Clock, MemoryCatalog, files_under, open_studio, settings_at, until, upload

DAY = 86400.0
POSTER = f"artwork/{'a' * 64}.jpg"


class House:
    """A studio, its runner and its catalogue on one clock."""

    def __init__(
        self, client: httpx.AsyncClient, studio: Studio, runner: EncodeRunner, catalog: MemoryCatalog, encoders: Any, clock: Clock
    ) -> None:
        self.client, self.studio, self.runner, self.catalog, self.encoders, self.clock = client, studio, runner, catalog, encoders, clock

    async def job(self, state: str = "ready", playable_id: str = "film") -> Any:
        upload_id = await upload(self.client, b"a film")
        answer = await self.client.post("/jobs", json={"upload_id": upload_id, "playable_id": playable_id})
        job_id = answer.json()["job_id"]
        await self.runner.tick()
        job = await ended(self.studio, job_id, state)
        await until(lambda: not self.runner._running)
        return job

    async def usage(self) -> dict[str, Any]:
        await self.runner.collect()
        return (await self.client.get("/usage")).json()


@asynccontextmanager
async def house(path: Path, catalog: MemoryCatalog | None = None) -> AsyncIterator[House]:
    clock, settings = Clock(), settings_at(path)
    catalog = catalog or MemoryCatalog("film", "other")
    encoders = FakeEncoders(settings)
    async with open_studio(path, catalog=catalog, now_s=clock) as (client, studio):
        runner = EncodeRunner(settings, catalog, encoders, clock)
        await runner.open()
        try:
            yield House(client, studio, runner, catalog, encoders, clock)
        finally:
            await runner.close()


def media(path: Path) -> list[str]:
    return [name.split("/")[2] for name in files_under(path / "objects") if name.startswith("media/")]


def test_a_replaced_version_stays_for_those_who_watch_it_and_then_gives_its_space_back(tmp_path: Path) -> None:
    async def main() -> None:
        async with house(tmp_path) as at:
            first = await at.job()
            at.clock.value_s += 10 * DAY
            assert (await at.usage())["collectable_bytes"] == 0
            second = await at.job()
            usage = await at.usage()
            assert (usage["media_bytes"], usage["collectable_bytes"]) == (14, 7)
            at.clock.value_s += DAY - 1
            await at.usage()
            assert media(tmp_path) == [first.version_id, second.version_id]
            at.clock.value_s += 2
            usage = await at.usage()
            assert media(tmp_path) == [second.version_id]
            assert (usage["media_bytes"], usage["collectable_bytes"], usage["collected_bytes"]) == (7, 0, 7)

    asyncio.run(main())


def test_a_deleted_titles_media_and_artwork_go(tmp_path: Path) -> None:
    async def main() -> None:
        async with house(tmp_path) as at:
            await at.job()
            assert POSTER in files_under(tmp_path / "objects")
            del at.catalog.media["film"]
            assert (await at.usage())["collectable_bytes"] == 7
            at.clock.value_s += DAY + 1
            usage = await at.usage()
            assert files_under(tmp_path / "objects") == []
            assert usage["collected_bytes"] == 7

    asyncio.run(main())


def test_artwork_that_a_title_shows_stays_and_what_it_did_not_take_goes(tmp_path: Path) -> None:
    async def main() -> None:
        async with house(tmp_path) as at:
            at.catalog.shown = {POSTER}
            job = await at.job()
            at.clock.value_s += DAY + 1
            await at.usage()
            assert files_under(tmp_path / "objects") == [POSTER, f"media/film/{job.version_id}/master.m3u8"]
            at.catalog.shown = set()
            await at.job(playable_id="other")  # offers the same picture
            del at.catalog.media["film"]
            await at.usage()
            at.clock.value_s += DAY - 100
            del at.catalog.media["other"]
            await at.usage()
            at.clock.value_s += 200
            await at.usage()
            assert POSTER in files_under(tmp_path / "objects")
            at.clock.value_s += DAY
            await at.usage()
            assert files_under(tmp_path / "objects") == []

    asyncio.run(main())


def test_nothing_is_judged_dead_while_the_catalogue_is_away(tmp_path: Path) -> None:
    class Away(MemoryCatalog):
        away = False

        async def live_version(self, playable_id: str) -> str | None:
            if self.away:
                raise StoreUnavailable
            return await super().live_version(playable_id)

    async def main() -> None:
        async with house(tmp_path, Away("film")) as at:
            await at.job()
            at.catalog.away = True
            at.clock.value_s += 3 * DAY
            assert (await at.usage())["collectable_bytes"] == 0
            at.clock.value_s += 3 * DAY
            assert (await at.usage())["media_bytes"] == 7
            assert len(media(tmp_path)) == 1

    asyncio.run(main())


def test_an_abandoned_upload_goes_and_one_that_a_job_needs_stays(tmp_path: Path) -> None:
    async def main() -> None:
        async with house(tmp_path) as at:
            half = (await at.studio.create_upload("account-o", 10, {})).upload_id

            async def body() -> AsyncIterator[bytes]:
                yield b"12345"

            await at.studio.append(half, 0, body())
            needed = await upload(at.client, b"needed")
            await at.client.post("/jobs", json={"upload_id": needed, "playable_id": "film"})
            assert (await at.usage())["collectable_bytes"] == 0
            at.clock.value_s += 3600
            assert (await at.usage())["collectable_bytes"] == 5
            at.clock.value_s += DAY
            usage = await at.usage()
            assert (usage["uploads_bytes"], usage["collectable_bytes"], usage["collected_bytes"]) == (6, 0, 5)
            assert [listed async for listed in at.studio.uploads.listed()] == [needed]

    asyncio.run(main())


def test_a_failed_jobs_upload_and_chunks_are_kept_for_a_retry_and_then_go(tmp_path: Path) -> None:
    async def main() -> None:
        async with house(tmp_path) as at:
            at.encoders.errors = {"chunk/00003": [StorageFull()]}
            job = await at.job("failed")
            at.clock.value_s += 3600
            usage = await at.usage()
            assert usage["chunks_bytes"] > 0
            assert usage["collectable_bytes"] == usage["chunks_bytes"] + usage["uploads_bytes"]
            at.clock.value_s += DAY
            usage = await at.usage()
            assert files_under(tmp_path / "objects") == []
            assert usage["collectable_bytes"] == 0
            assert usage["collected_bytes"] > 0
            answer = await at.client.post(f"/jobs/{job.job_id}/retry")
            assert (answer.status_code, answer.json()["type"]) == (404, "urn:matinee:error:upload-not-found")

    asyncio.run(main())


def test_what_a_crash_left_between_an_object_and_its_row_goes(tmp_path: Path) -> None:
    async def main() -> None:
        async with house(tmp_path) as at:
            old = f"{int((at.clock.value_s - 2 * DAY) * 1000):012x}" + "7" * 20
            new = f"{int(at.clock.value_s * 1000):012x}" + "7" * 20
            for name in (f"uploads/{old}/0-x", f"chunks/{old}/x", f"uploads/{new}/0-x", f"chunks/{new}/x"):
                await at.encoders.blobs.put(name, b"lost")
            staged = tmp_path / "objects" / "uploads" / old / "8-y#1"
            staged.write_bytes(b"half-written")  # a killed writer's, which no listing shows
            await at.usage()
            assert files_under(tmp_path / "objects") == [f"chunks/{new}/x", f"uploads/{new}/0-x"]

    asyncio.run(main())


def test_a_job_ended_long_ago_is_forgotten(tmp_path: Path) -> None:
    async def main() -> None:
        async with house(tmp_path) as at:
            old = await at.job()
            at.clock.value_s += 31 * DAY
            new = await at.job()
            await at.usage()
            assert [job["job_id"] for job in (await at.client.get("/jobs")).json()["items"]] == [new.job_id]
            assert (await at.client.get(f"/jobs/{old.job_id}")).status_code == 404
            assert media(tmp_path) == [old.version_id, new.version_id]

    asyncio.run(main())


def test_collecting_twice_or_after_a_break_gives_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def main() -> None:
        async with house(tmp_path) as at:
            await at.job()
            await at.job()
            await at.usage()
            at.clock.value_s += DAY + 1
            versions = at.runner._floor.versions
            with monkeypatch.context() as broken:

                async def unavailable(*_: object) -> None:
                    raise StoreUnavailable

                broken.setattr(versions, "remove", unavailable)
                await at.usage()
            usage = await at.usage()
            assert usage == {**(await at.usage()), "collected_at": usage["collected_at"]}
            assert len(media(tmp_path)) == 1
            assert [version.attached async for version in versions.all()] == [True]

    asyncio.run(main())
