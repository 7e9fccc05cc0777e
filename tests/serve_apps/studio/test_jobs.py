from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import httpx
import pytest
import schemathesis

from cluster.durable import Row
from cluster.errors import Fenced, Overloaded, ServiceUnavailable
from serve_apps.http import served
from serve_apps.serving import LocalTarget
from serve_apps.studio.client import StudioClient
from serve_apps.studio.encode.subtitles import MAX_SIDECAR_BYTES
from serve_apps.studio.jobs import Jobs
from serve_apps.studio.policy import JobState
from serve_apps.studio.routes import PREFIX, create_api, streams
from serve_apps.studio.service import WATCHERS_AT_ONCE, Studio
from serve_apps.studio.tus import CONTENT_TYPE
from tests.serve_apps.schema_check import check_api
from tests.serve_apps.studio.rig import MEMBER, TUS, MemoryCatalog, TestGate, open_studio, settings_at, upload


async def posted(client: httpx.AsyncClient, upload_id: str, key: str | None = None, **more: object) -> httpx.Response:
    headers = {"Idempotency-Key": key} if key else {}
    return await client.post("/jobs", json={"upload_id": upload_id, "playable_id": "film"} | more, headers=headers)


def test_a_new_job_waits_in_the_queue_and_is_told_as_the_contract_has_it(tmp_path: Path) -> None:
    async def main() -> None:
        async with open_studio(tmp_path) as (client, _studio):
            upload_id = await upload(client, b"a film")
            answer = await posted(client, upload_id, ladder=[360, 720], language="de")
            assert answer.status_code == 202
            job = answer.json()
            assert {"job_id", "playable_id", "state", "progress", "frames_done", "frames_total", "frames_per_s", "eta_s"} <= set(job)
            assert (job["state"], job["progress"], job["error"], job["renditions"]) == ("queued", 0.0, None, [])
            assert job["created_at"].endswith("Z")
            assert (await client.get(f"/jobs/{job['job_id']}")).json() == job

    asyncio.run(main())


def test_the_same_request_with_a_key_makes_one_job(tmp_path: Path) -> None:
    async def main() -> None:
        async with open_studio(tmp_path) as (client, _studio):
            upload_id = await upload(client, b"a film")
            first, again, other = [await posted(client, upload_id, key="k") for _ in range(2)] + [await posted(client, upload_id)]
            assert first.json() == again.json()
            assert first.json()["job_id"] != other.json()["job_id"]
            changed = await posted(client, upload_id, key="k", language="fr")
            assert (changed.status_code, changed.json()["type"]) == (422, "urn:matinee:error:idempotency-key-reused")
            assert len((await client.get("/jobs")).json()["items"]) == 2

    asyncio.run(main())


def test_jobs_are_listed_the_newest_first_in_pages(tmp_path: Path) -> None:
    async def main() -> None:
        async with open_studio(tmp_path) as (client, _studio):
            upload_id = await upload(client, b"a film")
            made = [(await posted(client, upload_id)).json()["job_id"] for _ in range(5)]
            seen: list[str] = []
            cursor: str | None = None
            while True:
                page = (await client.get("/jobs", params={"limit": 2} | ({"cursor": cursor} if cursor else {}))).json()
                seen += [job["job_id"] for job in page["items"]]
                cursor = page["next_cursor"]
                if cursor is None:
                    break
            assert seen == made[::-1]
            assert (await client.get("/jobs", params={"cursor": "***"})).status_code == 422

    asyncio.run(main())


def test_a_job_needs_a_complete_upload_and_a_playable(tmp_path: Path) -> None:
    async def main() -> None:
        async with open_studio(tmp_path) as (client, studio):
            upload_id = await upload(client, b"a film")
            half = (await studio.create_upload("account-o", 10, {})).upload_id
            assert (await posted(client, "nothing")).status_code == 404
            assert (await posted(client, half)).json()["type"] == "urn:matinee:error:conflict"
            assert (await posted(client, upload_id, playable_id="other")).json()["type"] == "urn:matinee:error:playable-not-found"
            wrong_subtitle = {"upload_id": half, "language": "en", "label": "English"}
            assert (await posted(client, upload_id, subtitles=[wrong_subtitle])).status_code == 409
            for wrong in ({"ladder": []}, {"ladder": [361]}, {"ladder": [10**9]}, {"language": "?"}, {"surprise": 1}):
                assert (await posted(client, upload_id, **wrong)).status_code == 422
            assert (await client.get("/jobs")).json()["items"] == []

    asyncio.run(main())


def test_a_subtitle_file_beyond_the_limit_is_refused_before_anything_is_encoded(tmp_path: Path) -> None:
    async def main() -> None:
        async with open_studio(tmp_path) as (client, _studio):
            upload_id = await upload(client, bytes(MAX_SIDECAR_BYTES + 1))
            subtitle = {"upload_id": upload_id, "language": "en", "label": "English"}
            answer = await posted(client, upload_id, subtitles=[subtitle])
            assert (answer.status_code, answer.json()["limit_bytes"]) == (413, MAX_SIDECAR_BYTES)
            assert (await client.get("/jobs")).json()["items"] == []
            assert (await posted(client, upload_id)).status_code == 202

    asyncio.run(main())


def test_a_retry_needs_the_subtitle_files_too(tmp_path: Path) -> None:
    async def main() -> None:
        async with open_studio(tmp_path) as (client, studio):
            film_id, text_id = await upload(client, b"a film"), await upload(client, b"WEBVTT", "film.vtt")
            answer = await posted(client, film_id, subtitles=[{"upload_id": text_id, "language": "en", "label": "English"}])
            job_id = answer.json()["job_id"]
            await (await studio.jobs.take(job_id, 1)).move(JobState.FAILED)
            await studio.uploads.remove(text_id)
            answer = await client.post(f"/jobs/{job_id}/retry")
            assert (answer.status_code, answer.json()["type"]) == (404, "urn:matinee:error:upload-not-found")
            assert (await studio.jobs.get(job_id)).state is JobState.FAILED

    asyncio.run(main())


def test_an_upload_that_a_job_needs_cannot_be_ended(tmp_path: Path) -> None:
    async def main() -> None:
        async with open_studio(tmp_path) as (client, _studio):
            upload_id = await upload(client, b"a film")
            await posted(client, upload_id)
            answer = await client.delete(f"/uploads/{upload_id}", headers=TUS)
            assert (answer.status_code, "cancel it first" in answer.json()["detail"]) == (409, True)

    asyncio.run(main())


def test_only_operators_see_jobs(tmp_path: Path) -> None:
    async def main() -> None:
        async with open_studio(tmp_path) as (client, _studio):
            for method, path in (
                ("GET", "/jobs"),
                ("POST", "/jobs"),
                ("GET", "/jobs/a"),
                ("POST", "/jobs/a/cancel"),
                ("POST", "/jobs/a/retry"),
                ("GET", "/jobs/a/events"),
                ("GET", "/usage"),
            ):
                assert (await client.request(method, path, headers=MEMBER)).status_code == 403
                assert (await client.request(method, path, headers={"Authorization": ""})).status_code == 401

    asyncio.run(main())


def events(text: str) -> list[tuple[int, dict[str, object]]]:
    found = []
    for block in text.split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.splitlines() if not line.startswith(":"))
        if "data" in fields:
            assert fields["event"] == "job"
            found.append((int(fields["id"]), json.loads(fields["data"])))
    return found


def test_events_tell_each_change_until_the_job_ends_and_go_on_after_an_id(tmp_path: Path) -> None:
    async def main() -> None:
        async with open_studio(tmp_path) as (client, studio):
            job_id = (await posted(client, await upload(client, b"a film"))).json()["job_id"]
            ledger = await studio.jobs.take(job_id, 1)
            watching = asyncio.create_task(client.get(f"/jobs/{job_id}/events"))
            for state in (JobState.PROBING, JobState.ENCODING, JobState.PACKAGING, JobState.READY):
                await ledger.move(state)
                await asyncio.sleep(0.05)
            answer = await watching
            assert answer.headers["Content-Type"].startswith("text/event-stream")
            told = events(answer.text)
            assert told[-1][1]["state"] == "ready"
            assert [number for number, _ in told] == sorted({number for number, _ in told})
            assert len(told) >= 3
            resumed = await client.get(f"/jobs/{job_id}/events", headers={"Last-Event-ID": str(told[-2][0])})
            assert events(resumed.text) == told[-1:]
            assert events((await client.get(f"/jobs/{job_id}/events", headers={"Last-Event-ID": str(told[-1][0])})).text) == []
            assert (await client.get("/jobs/nothing/events")).status_code == 404

    asyncio.run(main())


def test_a_quiet_job_gives_signs_of_life_and_watching_ends_some_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("serve_apps.studio.service.WATCH_S", 0.3)
    monkeypatch.setattr("serve_apps.studio.service.HEARTBEAT_S", 0.05)

    async def main() -> None:
        async with open_studio(tmp_path) as (client, studio):
            job_id = (await posted(client, await upload(client, b"a film"))).json()["job_id"]
            answer = await client.get(f"/jobs/{job_id}/events")
            assert answer.text.count(": \n\n") >= 2
            assert len(events(answer.text)) == 1
            assert studio._watching == 0

    asyncio.run(main())


def test_too_many_watchers_are_asked_to_come_back(tmp_path: Path) -> None:
    async def main() -> None:
        async with open_studio(tmp_path) as (client, studio):
            job_id = (await posted(client, await upload(client, b"a film"))).json()["job_id"]
            watchers = [studio.watch(job_id) for _ in range(WATCHERS_AT_ONCE)]
            for watcher in watchers:
                await anext(watcher)
            answer = await client.get(f"/jobs/{job_id}/events")
            assert answer.status_code == 503
            for watcher in watchers:
                await watcher.aclose()
            assert studio._watching == 0

    asyncio.run(main())


def test_a_fenced_runner_can_record_nothing(tmp_path: Path) -> None:
    async def main() -> None:
        async with open_studio(tmp_path) as (client, studio):
            job_id = (await posted(client, await upload(client, b"a film"))).json()["job_id"]
            first, second = await studio.jobs.take_runner_epoch(), await studio.jobs.take_runner_epoch()
            assert second == first + 1
            old = await studio.jobs.take(job_id, first)
            new = await studio.jobs.take(job_id, second)
            for attempt in (old.move(JobState.PROBING), old.finish("done/x", {}), old.drop("plan")):
                if attempt.__name__ == "drop":
                    await attempt  # nothing there to drop
                    continue
                with pytest.raises(Fenced):
                    await attempt
            with pytest.raises(Fenced):
                await studio.jobs.take(job_id, first)
            await new.finish("done/x", {"first": True})
            await new.finish("done/x", {"first": False})
            assert await studio.jobs.rows(job_id, "done/") == {"done/x": {"first": True}}

    asyncio.run(main())


def test_a_retry_that_comes_while_the_runner_lets_go_is_not_overlooked(tmp_path: Path) -> None:
    async def main() -> None:
        async with open_studio(tmp_path) as (client, studio):
            job_id = (await posted(client, await upload(client, b"a film"))).json()["job_id"]
            ledger = await studio.jobs.take(job_id, 1)
            await ledger.move(JobState.FAILED)
            await studio.jobs.retry(job_id)
            await ledger.leave()
            assert job_id in await studio.jobs.active_ids()

    asyncio.run(main())


def test_a_retry_is_not_overlooked_by_a_runner_that_looks_while_it_is_written(tmp_path: Path) -> None:
    async def main() -> None:
        async with open_studio(tmp_path) as (client, studio):
            job_id = (await posted(client, await upload(client, b"a film"))).json()["job_id"]
            await (await studio.jobs.take(job_id, 1)).move(JobState.FAILED)

            class Watched:
                """The lists; after every write a runner looks, and lets go of a job that has ended."""

                async def put(self, rows: list[Row]) -> None:
                    await studio._lists.put(rows)
                    ledger = await studio.jobs.take(job_id, 1)
                    if ledger.job.ended:
                        await ledger.leave()

            assert (await Jobs(studio.jobs.store, Watched()).retry(job_id)).state is JobState.QUEUED
            assert job_id in await studio.jobs.active_ids()

    asyncio.run(main())


def test_the_client_of_other_services_tells_the_status(tmp_path: Path) -> None:
    async def main() -> None:
        async with open_studio(tmp_path) as (client, studio):
            job_id = (await posted(client, await upload(client, b"a film"))).json()["job_id"]
            asked = StudioClient(LocalTarget(studio))
            status = await asked.status()
            assert status.jobs == {JobState.QUEUED: 1}
            assert [job.job_id for job in status.active] == [job_id]
            assert status.disk.collected_bytes == 0
            assert (await asked.job(job_id)).state is JobState.QUEUED

    asyncio.run(main())


@pytest.mark.parametrize("error", [ServiceUnavailable("the catalogue is away", retry_after_s=1), Overloaded()])
def test_without_the_catalogue_a_job_is_refused_for_the_moment(tmp_path: Path, error: Exception) -> None:
    class Away(MemoryCatalog):
        async def playable(self, playable_id: str):
            raise error

    async def main() -> None:
        async with open_studio(tmp_path, catalog=Away()) as (client, _studio):
            answer = await posted(client, await upload(client, b"a film"), key="k")
            assert answer.status_code == 503
            assert "Retry-After" in answer.headers

    asyncio.run(main())


@schemathesis.serializer(CONTENT_TYPE)
def raw(_context: Any, value: Any) -> bytes:
    return value if isinstance(value, bytes) else str(value).encode()


def test_no_input_makes_the_api_break_its_own_document(tmp_path: Path) -> None:
    async def main() -> None:
        settings = settings_at(tmp_path)
        studio = Studio(settings, MemoryCatalog("film"))
        await studio.open()
        app = served(create_api(studio, TestGate(), settings), PREFIX, streams=streams)
        for token in ("operator", "member", None):
            assert await check_api(app, PREFIX, token, examples=15 if token == "operator" else 3) > 20
        await studio.close()

    asyncio.run(main())
