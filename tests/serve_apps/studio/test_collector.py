from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from cluster.errors import CorruptData, StorageFull, StoreUnavailable
from tests.serve_apps.studio.factory import ended
from tests.serve_apps.studio.house import DAY, POSTER, house, media
from tests.serve_apps.studio.rig import MemoryCatalog, files_under, until, upload


def test_a_replaced_version_stays_for_those_who_watch_it_and_then_gives_its_space_back(tmp_path: Path) -> None:
    async def main() -> None:
        async with house(tmp_path) as at:
            at.catalog.shown = {POSTER}
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
            at.clock.value_s += 2 * DAY
            usage = await at.usage()
            assert files_under(tmp_path / "objects") == []
            assert usage["collected_bytes"] == 7 + len(b"jpeg")

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


@pytest.mark.parametrize("after_s", [0.0, 7200.0, 7 * DAY])
def test_a_replaced_version_is_kept_for_as_long_as_the_setting_says(tmp_path: Path, after_s: float) -> None:
    async def main() -> None:
        async with house(tmp_path, collect_after_s=after_s) as at:
            first, second = await at.job(), await at.job()
            await at.usage()
            if after_s:
                at.clock.value_s += after_s - 1
                await at.usage()
                assert media(tmp_path) == [first.version_id, second.version_id]
                at.clock.value_s += 2
                await at.usage()
            assert media(tmp_path) == [second.version_id]

    asyncio.run(main())


def test_nothing_that_is_at_work_is_collected_however_soon_the_setting_says(tmp_path: Path) -> None:
    async def main() -> None:
        async with house(tmp_path, collect_after_s=0) as at:
            encoders = at.encoders
            encoders.gates = {"chunk/00003": asyncio.Event(), "delivery": asyncio.Event()}
            upload_id = await upload(at.client, b"a film")
            await at.usage()
            answer = await at.client.post("/jobs", json={"upload_id": upload_id, "playable_id": "film"})
            assert answer.status_code == 202, answer.text
            await at.runner.tick()
            for key in ("chunk/00003", "delivery"):
                await until(lambda key=key: key in encoders.running)
                at.clock.value_s += 3600
                await at.usage()
                encoders.gates[key].set()
            job = await ended(at.studio, answer.json()["job_id"], "ready")
            await at.usage()
            assert media(tmp_path) == [job.version_id]

    asyncio.run(main())


def test_an_upload_that_a_job_asks_for_after_it_was_judged_idle_stays(tmp_path: Path) -> None:
    async def main() -> None:
        async with house(tmp_path) as at:
            upload_id = await upload(at.client, b"a film")
            at.clock.value_s += 2 * DAY
            uploads = at.studio.uploads
            judged = await uploads.find(upload_id)
            assert judged is not None
            assert (await at.client.post("/jobs", json={"upload_id": upload_id, "playable_id": "film"})).status_code == 202
            assert await uploads.remove(upload_id, judged=judged) == 0
            await uploads.download(upload_id, tmp_path / "downloaded")
            assert (tmp_path / "downloaded").read_bytes() == b"a film"

    asyncio.run(main())


def test_what_cannot_be_judged_keeps_nothing_else_from_being_collected(tmp_path: Path) -> None:
    class Damaged(MemoryCatalog):
        async def live_version(self, playable_id: str) -> str | None:
            if playable_id == "damaged" and self.media["damaged"] is not None:
                raise CorruptData
            return await super().live_version(playable_id)

    async def main() -> None:
        async with house(tmp_path, Damaged("damaged", "film")) as at:
            damaged, first = await at.job(playable_id="damaged"), await at.job()
            second = await at.job()
            await upload(at.client, b"abandoned")
            await at.usage()
            at.clock.value_s += DAY + 1
            usage = await at.usage()
            assert media(tmp_path) == [damaged.version_id, second.version_id], first
            assert (usage["media_bytes"], usage["uploads_bytes"]) == (14, 0)

    asyncio.run(main())
