from __future__ import annotations

import asyncio
from pathlib import Path

import httpx
import pytest

from cluster.errors import DeadlineExceeded, Fenced, MediaRefused, PlayableNotFound, StorageFull, StoreUnavailable
from serve_apps.studio.runner import EncodeRunner
from serve_apps.studio.tasks import TaskStopped
from tests.serve_apps.studio.factory import CHUNK_FRAMES, FakeEncoders, died, ended, small_plan, work_left, working
from tests.serve_apps.studio.rig import TUS, Clock, MemoryCatalog, files_under, open_studio, settings_at, until, upload


async def posted(client: httpx.AsyncClient, upload_id: str, **more: object) -> str:
    answer = await client.post("/jobs", json={"upload_id": upload_id, "playable_id": "film", **more})
    assert answer.status_code == 202, answer.text
    return answer.json()["job_id"]


def test_a_job_ends_ready_and_leaves_only_its_version(tmp_path: Path) -> None:
    async def main() -> None:
        catalog, encoders = MemoryCatalog("film"), FakeEncoders(settings_at(tmp_path))
        async with open_studio(tmp_path, catalog=catalog) as (client, studio), working(settings_at(tmp_path), catalog, encoders):
            upload_id = await upload(client, b"a film")
            job = await ended(studio, await posted(client, upload_id), "ready")
            assert catalog.attached == [("film", job.version_id)]
            await until(
                lambda: files_under(tmp_path / "objects") == [f"artwork/{'a' * 64}.jpg", f"media/film/{job.version_id}/master.m3u8"]
            )
            await until(lambda: work_left(tmp_path) == [])
            assert (await client.head(f"/uploads/{upload_id}", headers=TUS)).status_code == 404
            answer = (await client.get(f"/jobs/{job.job_id}")).json()
            assert (answer["progress"], answer["frames_done"], answer["frames_total"]) == (1.0, 400, 400)
            assert encoders.most_at_once == 2
            assert encoders.order[:2] == ["probe", "audio/00"]

            async def left() -> bool:
                return await studio.jobs.active_ids() == {}

            await until(left)

    asyncio.run(main())


def test_a_runner_that_died_is_followed_by_one_that_goes_on_from_finished_chunks(tmp_path: Path) -> None:
    async def main() -> None:
        settings, catalog = settings_at(tmp_path), MemoryCatalog("film")
        first, second = FakeEncoders(settings), FakeEncoders(settings)
        first.gates["chunk/00002"] = asyncio.Event()
        async with open_studio(tmp_path, catalog=catalog) as (client, studio):
            async with working(settings, catalog, first):
                job_id = await posted(client, await upload(client, b"a film"))

                async def three_done() -> bool:
                    return len(await studio.jobs.rows(job_id, "done/chunk")) == 3

                await until(three_done)
            assert (await studio.jobs.get(job_id)).state == "encoding"
            async with working(settings, catalog, second):
                await ended(studio, job_id, "ready")
        assert dict(second.done) == {"chunk/00002": 1, "delivery": 1}

    asyncio.run(main())


def test_two_runners_never_both_write(tmp_path: Path) -> None:
    async def main() -> None:
        settings, catalog = settings_at(tmp_path), MemoryCatalog("film")
        slow, fresh = FakeEncoders(settings), FakeEncoders(settings)
        slow.gates["chunk/00000"] = asyncio.Event()
        async with open_studio(tmp_path, catalog=catalog) as (client, studio):
            old = EncodeRunner(settings, catalog, slow)
            await old.open()
            job_id = await posted(client, await upload(client, b"a film"))
            await old.tick()
            await until(lambda: slow.running == {"chunk/00000"})
            async with working(settings, catalog, fresh):
                job = await ended(studio, job_id, "ready")
                slow.gates["chunk/00000"].set()
                await until(lambda: not old._running)
                with pytest.raises(Fenced):
                    await old.tick()
                assert await studio.jobs.get(job_id) == job
                assert len(catalog.attached) == 1
            await old.close()

    asyncio.run(main())


@pytest.mark.parametrize("where", ["probe", "chunk/00001", "audio/00", "delivery"])
def test_a_cancelled_job_stops_its_tasks_and_leaves_nothing_but_its_upload(tmp_path: Path, where: str) -> None:
    async def main() -> None:
        settings, catalog = settings_at(tmp_path), MemoryCatalog("film")
        encoders = FakeEncoders(settings)
        encoders.gates[where] = asyncio.Event()
        async with open_studio(tmp_path, catalog=catalog) as (client, studio), working(settings, catalog, encoders):
            upload_id = await upload(client, b"a film")
            job_id = await posted(client, upload_id)
            await until(lambda: where in encoders.running)
            answer = await client.post(f"/jobs/{job_id}/cancel")
            assert answer.status_code == 202
            assert answer.json()["cancel_requested"]
            await ended(studio, job_id, "cancelled", timeout_s=2)
            assert encoders.running == set()
            assert [name for name in files_under(tmp_path / "objects") if not name.startswith("uploads/")] == []
            assert work_left(tmp_path) == []
            assert await studio.jobs.rows(job_id, "done/") == {}
            assert (await client.post(f"/jobs/{job_id}/cancel")).status_code == 202
            encoders.gates.clear()
            assert (await client.post(f"/jobs/{job_id}/retry")).json()["attempt"] == 2
            await ended(studio, job_id, "ready")
            assert (await client.post(f"/jobs/{job_id}/cancel")).status_code == 409

    asyncio.run(main())


def test_a_job_that_waits_is_cancelled_before_its_turn(tmp_path: Path) -> None:
    async def main() -> None:
        settings, catalog = settings_at(tmp_path), MemoryCatalog("film")
        encoders = FakeEncoders(settings)
        encoders.gates["probe"] = asyncio.Event()
        async with open_studio(tmp_path, catalog=catalog) as (client, studio), working(settings, catalog, encoders):
            jobs = [await posted(client, await upload(client, b"a film")) for _ in range(6)]
            await until(lambda: len(encoders.order) == 4)
            assert (await studio.jobs.get(jobs[5])).state == "queued"
            await client.post(f"/jobs/{jobs[5]}/cancel")
            await ended(studio, jobs[5], "cancelled")
            assert (await studio.jobs.get(jobs[4])).state == "queued"
            encoders.gates["probe"].set()
            for job_id in jobs[:5]:
                await ended(studio, job_id, "ready")

    asyncio.run(main())


def test_a_task_whose_worker_died_is_done_again(tmp_path: Path) -> None:
    async def main() -> None:
        settings, catalog = settings_at(tmp_path), MemoryCatalog("film")
        encoders = FakeEncoders(settings)
        encoders.errors = {"probe": [died()], "chunk/00001": [died(), died()], "delivery": [died()], "audio/00": [MediaRefused("killed")]}
        encoders.errors["chunk/00002"] = [TaskStopped("it believed that its job was cancelled")]
        async with open_studio(tmp_path, catalog=catalog) as (client, studio), working(settings, catalog, encoders):
            await ended(studio, await posted(client, await upload(client, b"a film")), "ready")

    asyncio.run(main())


def test_an_encoder_that_keeps_dying_fails_the_job(tmp_path: Path) -> None:
    async def main() -> None:
        settings, catalog = settings_at(tmp_path), MemoryCatalog("film")
        encoders = FakeEncoders(settings)
        encoders.errors = {"chunk/00001": [died(), died(), died()]}
        async with open_studio(tmp_path, catalog=catalog) as (client, studio), working(settings, catalog, encoders):
            job = await ended(studio, await posted(client, await upload(client, b"a film")), "failed")
            assert job.error["type"] == "urn:matinee:error:service-unavailable"
            assert "died 3 times" in job.error["detail"]
            assert catalog.attached == []

    asyncio.run(main())


@pytest.mark.parametrize("key", ["chunk/00001", "audio/00", "delivery"])
def test_a_film_that_was_probed_well_keeps_its_upload_although_encoding_it_fails(tmp_path: Path, key: str) -> None:
    """The memory of this machine may have been too small."""

    async def main() -> None:
        settings, catalog = settings_at(tmp_path), MemoryCatalog("film")
        encoders = FakeEncoders(settings)
        encoders.errors = {key: [MediaRefused("ended by SIGKILL"), MediaRefused("ended by SIGKILL")]}
        async with open_studio(tmp_path, catalog=catalog) as (client, studio), working(settings, catalog, encoders):
            job_id = await posted(client, await upload(client, b"a film"))
            job = await ended(studio, job_id, "failed")
            assert job.error["detail"] == "ended by SIGKILL"
            assert (await client.post(f"/jobs/{job_id}/retry")).status_code == 202
            await ended(studio, job_id, "ready")

    asyncio.run(main())


def test_a_refused_file_fails_at_once_and_leaves_no_trace(tmp_path: Path) -> None:
    async def main() -> None:
        settings, catalog = settings_at(tmp_path), MemoryCatalog("film")
        encoders = FakeEncoders(settings)
        encoders.errors = {"probe": [MediaRefused("It is a picture of a cat.")]}
        async with open_studio(tmp_path, catalog=catalog) as (client, studio), working(settings, catalog, encoders):
            job_id = await posted(client, await upload(client, b"a cat"))
            job = await ended(studio, job_id, "failed")
            assert job.error == {
                "type": "urn:matinee:error:media-refused",
                "title": "The file cannot be played",
                "status": 422,
                "detail": "It is a picture of a cat.",
                "instance": f"/api/v1/studio/jobs/{job_id}",
            }
            assert encoders.order == ["probe"]
            assert files_under(tmp_path / "objects") == []
            assert work_left(tmp_path) == []
            answer = await client.post(f"/jobs/{job_id}/retry")
            assert (answer.status_code, answer.json()["type"]) == (409, "urn:matinee:error:job-not-retryable")

    asyncio.run(main())


def test_too_much_that_cannot_be_decoded_is_refused(tmp_path: Path) -> None:
    async def main() -> None:
        settings, catalog = settings_at(tmp_path), MemoryCatalog("film")
        encoders = FakeEncoders(settings, small_plan(chunks=40), slots=1)
        encoders.missing = {"chunk/00000": 90, "chunk/00001": 100, "chunk/00002": 99, "chunk/00003": 99, "chunk/00004": 13}
        async with open_studio(tmp_path, catalog=catalog) as (client, studio), working(settings, catalog, encoders):
            job = await ended(studio, await posted(client, await upload(client, b"a film")), "failed")
            assert job.error["type"] == "urn:matinee:error:media-refused"
            assert job.error["missing_frames"] == 401
            assert "chunk/00039" not in encoders.done
            assert files_under(tmp_path / "objects") == []

    asyncio.run(main())


@pytest.mark.parametrize("where", ["chunk/00002", "delivery"])
def test_a_full_disk_fails_the_job_and_a_retry_goes_on_from_the_finished_chunks(tmp_path: Path, where: str) -> None:
    async def main() -> None:
        settings, catalog = settings_at(tmp_path), MemoryCatalog("film")
        encoders = FakeEncoders(settings, slots=1)
        encoders.errors = {where: [StorageFull()]}
        async with open_studio(tmp_path, catalog=catalog) as (client, studio), working(settings, catalog, encoders):
            job_id = await posted(client, await upload(client, b"a film"))
            job = await ended(studio, job_id, "failed")
            assert (job.error["type"], job.error["status"]) == ("urn:matinee:error:storage-full", 507)
            assert work_left(tmp_path) == []
            assert not (tmp_path / "objects" / "media").exists()
            before = dict(encoders.done)
            assert (await client.post(f"/jobs/{job_id}/retry")).status_code == 202
            await ended(studio, job_id, "ready")
            assert {key: encoders.done[key] for key in before} == before

    asyncio.run(main())


def test_a_playable_deleted_meanwhile_fails_the_job_and_leaves_no_media(tmp_path: Path) -> None:
    async def main() -> None:
        settings, catalog = settings_at(tmp_path), MemoryCatalog("film")
        encoders = FakeEncoders(settings)
        encoders.gates["delivery"] = asyncio.Event()
        async with open_studio(tmp_path, catalog=catalog) as (client, studio), working(settings, catalog, encoders):
            job_id = await posted(client, await upload(client, b"a film"))
            await until(lambda: "delivery" in encoders.running)
            del catalog.media["film"]
            encoders.gates["delivery"].set()
            job = await ended(studio, job_id, "failed")
            assert job.error["type"] == f"urn:matinee:error:{PlayableNotFound.slug}"
            assert not (tmp_path / "objects" / "media").exists()

    asyncio.run(main())


def test_a_catalogue_that_is_away_is_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("serve_apps.studio.runner.AGAIN_AFTER_S", 0.05)

    class Away(MemoryCatalog):
        failures = 2

        async def attach_media(self, playable_id, media, artwork_candidates) -> None:
            if self.failures:
                self.failures -= 1
                raise StoreUnavailable
            await super().attach_media(playable_id, media, artwork_candidates)

    async def main() -> None:
        settings, catalog = settings_at(tmp_path), Away("film")
        encoders = FakeEncoders(settings)
        async with open_studio(tmp_path, catalog=catalog) as (client, studio), working(settings, catalog, encoders):
            await ended(studio, await posted(client, await upload(client, b"a film")), "ready")
            assert encoders.done["delivery"] == 1

    asyncio.run(main())


def test_a_cancellation_while_the_catalogue_takes_the_version_waits_for_its_answer(tmp_path: Path) -> None:
    class Slow(MemoryCatalog):
        begun, answer = asyncio.Event(), asyncio.Event()
        write: asyncio.Task[None]

        async def attach_media(self, playable_id, media, artwork_candidates) -> None:
            async def written() -> None:
                self.begun.set()
                await self.answer.wait()
                await MemoryCatalog.attach_media(self, playable_id, media, artwork_candidates)

            # As another process does: whoever gives up asking takes nothing back.
            self.write = asyncio.create_task(written())
            await asyncio.shield(self.write)

    async def main() -> None:
        settings, catalog = settings_at(tmp_path), Slow("film")
        async with open_studio(tmp_path, catalog=catalog) as (client, studio), working(settings, catalog, FakeEncoders(settings)) as runner:
            job_id = await posted(client, await upload(client, b"a film"))
            await catalog.begun.wait()
            await client.post(f"/jobs/{job_id}/cancel")
            for _ in range(3):
                await runner.tick()
            assert not (await studio.jobs.get(job_id)).ended
            catalog.answer.set()
            job = await ended(studio, job_id, "ready")
            assert catalog.attached == [("film", job.version_id)]
            assert (tmp_path / "objects" / "media" / "film" / job.version_id).exists()

    asyncio.run(main())


def test_a_cancellation_after_the_catalogue_took_the_version_comes_too_late(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The answer of the catalogue got lost: the version is live, so the job is ready."""
    monkeypatch.setattr("serve_apps.studio.runner.AGAIN_AFTER_S", 0.05)

    class Lossy(MemoryCatalog):
        async def attach_media(self, playable_id, media, artwork_candidates) -> None:
            await super().attach_media(playable_id, media, artwork_candidates)
            raise DeadlineExceeded

    async def main() -> None:
        settings, catalog = settings_at(tmp_path), Lossy("film")
        async with open_studio(tmp_path, catalog=catalog) as (client, studio), working(settings, catalog, FakeEncoders(settings)):
            job_id = await posted(client, await upload(client, b"a film"))
            await until(lambda: catalog.attached)
            await client.post(f"/jobs/{job_id}/cancel")
            job = await ended(studio, job_id, "ready")
            assert (tmp_path / "objects" / "media" / "film" / job.version_id).exists()

    asyncio.run(main())


def test_a_runner_cut_off_while_packaging_packages_again_under_a_version_of_its_own(tmp_path: Path) -> None:
    async def main() -> None:
        settings, catalog = settings_at(tmp_path), MemoryCatalog("film")
        first, second = FakeEncoders(settings), FakeEncoders(settings)
        first.gates["delivery"] = asyncio.Event()
        async with open_studio(tmp_path, catalog=catalog) as (client, studio):
            async with working(settings, catalog, first):
                job_id = await posted(client, await upload(client, b"a film"))
                await until(lambda: "delivery" in first.running)
                cut_off = (await studio.jobs.get(job_id)).version_id
                await first.blobs.put(f"media/film/{cut_off}/half.m4s", b"half")
            async with working(settings, catalog, second):
                job = await ended(studio, job_id, "ready")
                assert job.version_id != cut_off
                assert not (tmp_path / "objects" / "media" / "film" / cut_off).exists()

    asyncio.run(main())


def test_of_two_jobs_for_a_playable_the_one_asked_for_last_wins_whichever_is_finished_last(tmp_path: Path) -> None:
    async def main() -> None:
        settings, catalog, clock = settings_at(tmp_path), MemoryCatalog("film"), Clock()
        encoders = FakeEncoders(settings)
        encoders.gates["probe"] = held = asyncio.Event()
        async with open_studio(tmp_path, catalog=catalog, now_s=clock) as (client, studio), working(settings, catalog, encoders, clock):
            older = await posted(client, await upload(client, b"the wrong film"))
            await until(lambda: "probe" in encoders.running)
            del encoders.gates["probe"]
            clock.value_s += 1
            newer = await ended(studio, await posted(client, await upload(client, b"the right film")), "ready")
            clock.value_s += 1
            held.set()
            await ended(studio, older, "ready")
            assert await catalog.live_version("film") == newer.version_id

    asyncio.run(main())


def test_progress_is_told_while_chunks_run(tmp_path: Path) -> None:
    async def main() -> None:
        settings, catalog = settings_at(tmp_path), MemoryCatalog("film")
        encoders = FakeEncoders(settings, small_plan(chunks=2, sounds=0))
        encoders.gates["chunk/00001"] = asyncio.Event()
        encoders.reports["chunk/00001"] = CHUNK_FRAMES // 2
        async with open_studio(tmp_path, catalog=catalog) as (client, studio), working(settings, catalog, encoders):
            job_id = await posted(client, await upload(client, b"a film"))

            async def three_quarters() -> bool:
                return (await studio.jobs.get(job_id)).frames_done == 150

            await until(three_quarters)
            assert 0.6 < (await client.get(f"/jobs/{job_id}")).json()["progress"] < 0.8
            encoders.gates["chunk/00001"].set()
            await ended(studio, job_id, "ready")

    asyncio.run(main())


def test_leftovers_of_an_earlier_runner_are_swept(tmp_path: Path) -> None:
    async def main() -> None:
        settings, catalog = settings_at(tmp_path), MemoryCatalog("film")
        (tmp_path / "work" / "long-gone").mkdir(parents=True)
        (tmp_path / "work" / "long-gone" / "source").write_bytes(b"x")
        runner = EncodeRunner(settings, catalog, FakeEncoders(settings))
        await runner.open()
        assert work_left(tmp_path) == []
        await runner.close()

    asyncio.run(main())
