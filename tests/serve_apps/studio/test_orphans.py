"""What no row tells of: pictures that no title shows, and what a crash or a late writer left."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from cluster.errors import StorageFull, StoreUnavailable
from serve_apps.catalog.schemas import ArtworkImage, Media
from tests.serve_apps.studio.factory import ended
from tests.serve_apps.studio.house import DAY, POSTER, house, media
from tests.serve_apps.studio.rig import MemoryCatalog, files_under, until, upload


def test_artwork_that_a_title_shows_or_a_job_is_about_to_give_it_stays_and_all_else_goes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("serve_apps.studio.runner.AGAIN_AFTER_S", 0.05)

    class Away(MemoryCatalog):
        away = False

        async def attach_media(self, playable_id: str, media: Media, artwork_candidates: list[ArtworkImage]) -> None:
            if self.away:
                raise StoreUnavailable
            await super().attach_media(playable_id, media, artwork_candidates)

    async def main() -> None:
        catalog = Away("film", "other")
        async with house(tmp_path, catalog) as at:
            catalog.shown = {POSTER}
            job = await at.job()
            at.clock.value_s += 2 * DAY
            await at.usage()
            assert files_under(tmp_path / "objects") == [POSTER, f"media/film/{job.version_id}/master.m3u8"]
            catalog.shown, catalog.away = set(), True
            offering = asyncio.create_task(at.job(playable_id="other"))  # the same picture
            await until(lambda: at.encoders.done["delivery"] == 2)
            await until(lambda: not at.runner._running)
            await at.usage()
            assert POSTER in files_under(tmp_path / "objects")
            catalog.away = False

            async def goes_on() -> bool:
                await at.runner.tick()
                return offering.done()

            await until(goes_on)
            at.clock.value_s += 2 * DAY
            await at.usage()
            assert POSTER not in files_under(tmp_path / "objects")
            assert len(media(tmp_path)) == 2

    asyncio.run(main())


@pytest.mark.parametrize("what", ["deleted", "cancelled"])
def test_artwork_of_a_version_that_no_title_took_goes(tmp_path: Path, what: str) -> None:
    class Away(MemoryCatalog):
        async def attach_media(self, playable_id: str, media: Media, artwork_candidates: list[ArtworkImage]) -> None:
            if what == "cancelled":
                raise StoreUnavailable
            await super().attach_media(playable_id, media, artwork_candidates)

    async def main() -> None:
        async with house(tmp_path, Away("film")) as at:
            at.encoders.gates["delivery"] = asyncio.Event()
            wanted = {"upload_id": await upload(at.client, b"a film"), "playable_id": "film"}
            job_id = (await at.client.post("/jobs", json=wanted)).json()["job_id"]
            await at.runner.tick()
            await until(lambda: "delivery" in at.encoders.running)
            if what == "deleted":
                del at.catalog.media["film"]
            at.encoders.gates["delivery"].set()
            await until(lambda: POSTER in files_under(tmp_path / "objects"))
            await until(lambda: not at.runner._running)
            if what == "cancelled":
                await at.client.post(f"/jobs/{job_id}/cancel")
                at.runner._again_at_s.clear()
                await at.runner.tick()
            await ended(at.studio, job_id, "failed" if what == "deleted" else "cancelled")
            assert media(tmp_path) == []
            at.clock.value_s += 2 * DAY
            await at.usage()
            assert files_under(tmp_path / "objects") == []

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


def test_what_a_task_wrote_after_its_job_was_cleaned_up_goes(tmp_path: Path) -> None:
    async def main() -> None:
        async with house(tmp_path) as at:
            at.encoders.errors = {"chunk/00000": [StorageFull()]}
            failed, ready = await at.job("failed", "other"), await at.job()
            for job in (failed, ready):
                await at.encoders.blobs.put(f"chunks/{job.job_id}/late", b"late")
            gone = f"{int(at.clock.value_s * 1000):012x}" + "7" * 20
            await at.encoders.blobs.put(f"media/film/{gone}/late", b"late")
            usage = await at.usage()
            assert usage["chunks_bytes"] == usage["collectable_bytes"] >= 8
            at.clock.value_s += 2 * DAY
            usage = await at.usage()
            assert [name for name in files_under(tmp_path / "objects") if "late" in name] == []
            assert (usage["chunks_bytes"], usage["collectable_bytes"]) == (0, 0)
            assert media(tmp_path) == [ready.version_id]

    asyncio.run(main())
