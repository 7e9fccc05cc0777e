from __future__ import annotations

import asyncio
import errno
import hashlib
import random
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from cluster.errors import StorageFull, TooLarge, UploadNotFound, UploadOffsetMismatch
from serve_apps.http import served
from serve_apps.studio import uploads as uploads_module
from serve_apps.studio.routes import PREFIX, create_api, streams
from serve_apps.studio.uploads import PART_BYTES, Upload
from tests.serve_apps.studio.rig import MEMBER, OPERATOR, TUS, Clock, TestGate, files_under, open_studio, settings_at, upload

BYTES = TUS | {"Content-Type": "application/offset+octet-stream"}


async def pieces(data: bytes, size: int = 65536, then: BaseException | None = None) -> AsyncIterator[bytes]:
    for start in range(0, len(data), size):
        yield data[start : start + size]
    if then is not None:
        raise then


async def content_of(studio, upload_id: str, path: Path) -> bytes:
    await studio.uploads.download(upload_id, path / "downloaded")
    return (path / "downloaded").read_bytes()


def test_an_upload_in_several_requests_gives_the_same_bytes(tmp_path: Path) -> None:
    data = random.Random(1).randbytes(3 * PART_BYTES + 12345)

    async def main() -> None:
        async with open_studio(tmp_path) as (client, studio):
            created = await client.post(
                "/uploads", headers=TUS | {"Upload-Length": str(len(data)), "Upload-Metadata": "filename ZmlsbS5ta3Y="}
            )
            assert created.status_code == 201
            location = created.headers["Location"]
            assert location.startswith("/api/v1/studio/uploads/")
            offset = 0
            for size in (10, PART_BYTES + 1, len(data)):
                piece = data[offset : offset + size]
                answer = await client.patch(f"http://test{location}", headers=BYTES | {"Upload-Offset": str(offset)}, content=pieces(piece))
                assert answer.status_code == 204
                offset += len(piece)
                assert answer.headers["Upload-Offset"] == str(offset)
                head = await client.head(f"http://test{location}", headers=TUS)
                assert head.headers["Upload-Offset"] == str(offset)
                assert head.headers["Upload-Length"] == str(len(data))
                assert head.headers["Upload-Metadata"] == "filename ZmlsbS5ta3Y="
                assert head.headers["Cache-Control"] == "no-store"
                assert head.headers["Upload-Expires"].endswith("GMT")
            assert await content_of(studio, location.rpartition("/")[2], tmp_path) == data

    asyncio.run(main())


def test_creation_can_carry_the_bytes(tmp_path: Path) -> None:
    async def main() -> None:
        async with open_studio(tmp_path) as (client, studio):
            upload_id = await upload(client, b"all of it")
            assert await content_of(studio, upload_id, tmp_path) == b"all of it"

    asyncio.run(main())


def test_a_broken_connection_keeps_what_came(tmp_path: Path) -> None:
    data = random.Random(2).randbytes(PART_BYTES + 70_000)

    async def main() -> None:
        async with open_studio(tmp_path) as (_client, studio):
            created = await studio.create_upload("account-o", len(data) + 5, {})
            with pytest.raises(ConnectionResetError):
                await studio.append(created.upload_id, 0, pieces(data, then=ConnectionResetError()))
            assert (await studio.uploads.get(created.upload_id)).offset == len(data)
            await studio.append(created.upload_id, len(data), pieces(b"rest."))
            assert await content_of(studio, created.upload_id, tmp_path) == data + b"rest."

    asyncio.run(main())


def test_a_client_that_goes_away_while_it_creates_is_no_error(tmp_path: Path) -> None:
    async def main() -> None:
        settings = settings_at(tmp_path)
        async with open_studio(tmp_path) as (_client, studio):
            app = served(create_api(studio, TestGate(), settings), PREFIX, streams=streams)
            headers = BYTES | OPERATOR | {"Upload-Length": "10", "Content-Length": "10"}
            scope = {
                "type": "http",
                "method": "POST",
                "path": f"{PREFIX}/uploads",
                "query_string": b"",
                "headers": [(name.lower().encode(), value.encode()) for name, value in headers.items()],
            }
            coming = [{"type": "http.request", "body": b"abc", "more_body": True}]
            answered: list[int] = []

            async def receive() -> dict[str, Any]:
                return coming.pop() if coming else {"type": "http.disconnect"}

            async def send(message: dict[str, Any]) -> None:
                answered.append(message.get("status", 0))

            await app(scope, receive, send)
            assert not {status for status in answered if status >= 400}
            (upload_id,) = [listed async for listed in studio.uploads.listed()]
            assert (await studio.uploads.get(upload_id)).offset == 3

    asyncio.run(main())


@pytest.mark.parametrize("seed", range(8))
def test_a_cancelled_request_never_mixes_bytes(tmp_path: Path, seed: int) -> None:
    """A server that stops cancels the request anywhere, in the middle of a flush too."""
    rng = random.Random(seed)
    data = rng.randbytes(400_000)

    async def main() -> None:
        uploads_module.PART_BYTES = 50_000
        async with open_studio(tmp_path) as (_client, studio):
            upload_id = (await studio.create_upload("account-o", len(data), {})).upload_id
            while (offset := (await studio.uploads.get(upload_id)).offset) < len(data):
                task = asyncio.create_task(studio.append(upload_id, offset, pieces(data[offset:], size=30_000)))
                for _ in range(rng.randrange(60)):
                    await asyncio.sleep(0)
                if rng.random() < 0.5:
                    await asyncio.sleep(rng.random() * 0.01)
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
            assert await content_of(studio, upload_id, tmp_path) == data

    try:
        asyncio.run(main())
    finally:
        uploads_module.PART_BYTES = PART_BYTES


def test_of_two_requests_at_one_offset_one_wins_and_the_other_learns_where_to_go_on(tmp_path: Path) -> None:
    async def main() -> None:
        async with open_studio(tmp_path) as (client, studio):
            upload_id = (await studio.create_upload("account-o", 1000, {})).upload_id
            offsets = BYTES | {"Upload-Offset": "0"}
            answers = await asyncio.gather(
                *(client.patch(f"/uploads/{upload_id}", headers=offsets, content=bytes([n]) * (100 + n)) for n in range(6))
            )
            won = [answer for answer in answers if answer.status_code == 204]
            lost = [answer for answer in answers if answer.status_code == 409]
            assert len(won) == 1
            assert len(lost) == 5
            assert {str(answer.json()["offset"]) for answer in lost} == {won[0].headers["Upload-Offset"]}
            assert lost[0].json()["type"] == "urn:matinee:error:upload-offset-mismatch"
            assert len(files_under(tmp_path / "objects" / "uploads")) == 1

    asyncio.run(main())


def test_a_wrong_offset_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    async def main() -> None:
        async with open_studio(tmp_path) as (client, studio):
            upload_id = (await studio.create_upload("account-o", 1000, {})).upload_id
            answer = await client.patch(f"/uploads/{upload_id}", headers=BYTES | {"Upload-Offset": "7"}, content=b"x")
            assert (answer.status_code, answer.json()["offset"]) == (409, 0)
            assert files_under(tmp_path / "objects") == []

    asyncio.run(main())


def test_more_bytes_than_announced_are_refused(tmp_path: Path) -> None:
    async def main() -> None:
        async with open_studio(tmp_path) as (client, studio):
            upload_id = (await studio.create_upload("account-o", 10, {})).upload_id
            answer = await client.patch(f"/uploads/{upload_id}", headers=BYTES | {"Upload-Offset": "0"}, content=b"x" * 11)
            assert answer.status_code == 413
            with pytest.raises(TooLarge):
                await studio.append(upload_id, 0, pieces(b"y" * 25, size=4))
            assert await content_of(studio, upload_id, tmp_path) == b"y" * 10

    asyncio.run(main())


def test_an_upload_longer_than_the_setting_is_refused(tmp_path: Path) -> None:
    async def main() -> None:
        async with open_studio(tmp_path, upload_limit_bytes=100) as (client, _studio):
            answer = await client.post("/uploads", headers=TUS | {"Upload-Length": "101"})
            assert (answer.status_code, answer.json()["limit_bytes"]) == (413, 100)
            assert (await client.options("/uploads")).headers["Tus-Max-Size"] == "100"

    asyncio.run(main())


@pytest.mark.parametrize(
    ("method", "headers", "status"),
    [
        ("POST", {"Upload-Length": "1"}, 412),
        ("POST", TUS | {"Upload-Length": "-1"}, 422),
        ("POST", TUS, 422),
        ("POST", TUS | {"Upload-Length": "1", "Upload-Metadata": "filename ***"}, 422),
        ("POST", TUS | {"Upload-Length": "1", "Upload-Metadata": "filename " + "QUFB" * 90}, 422),
        ("POST", TUS | {"Upload-Length": "1", "Upload-Metadata": "other " + "QUFB" * 1100}, 422),
        ("PATCH", TUS | {"Upload-Offset": "0", "Content-Type": "text/plain"}, 415),
        ("PATCH", TUS | {"Upload-Offset": "x", "Content-Type": "application/offset+octet-stream"}, 422),
        ("PATCH", TUS | {"Upload-Offset": "0", "Content-Type": "application/offset+octet-stream"}, 404),
        ("PATCH", {"Tus-Resumable": "0.2.2", "Upload-Offset": "0", "Content-Type": "application/offset+octet-stream"}, 412),
        ("HEAD", TUS, 404),
        ("DELETE", TUS, 404),
    ],
)
def test_wrong_requests_are_refused_with_their_status(tmp_path: Path, method: str, headers: dict[str, str], status: int) -> None:
    async def main() -> None:
        async with open_studio(tmp_path) as (client, _studio):
            answer = await client.request(method, "/uploads" if method == "POST" else "/uploads/nothing", headers=headers)
            assert answer.status_code == status
            assert answer.headers["Tus-Resumable"] == "1.0.0"
            if status == 412:
                assert answer.headers["Tus-Version"] == "1.0.0"

    asyncio.run(main())


def test_only_operators_upload(tmp_path: Path) -> None:
    async def main() -> None:
        async with open_studio(tmp_path) as (client, _studio):
            for method, path in (
                ("POST", "/uploads"),
                ("PATCH", "/uploads/a"),
                ("DELETE", "/uploads/a"),
                ("OPTIONS", "/uploads"),
                ("HEAD", "/uploads/a"),
            ):
                sent = BYTES | {"Upload-Offset": "0", "Upload-Length": "1"}
                assert (await client.request(method, path, headers=sent | MEMBER)).status_code == 403
                assert (await client.request(method, path, headers=sent | {"Authorization": ""})).status_code == 401

    asyncio.run(main())


def test_a_post_may_stand_for_a_patch(tmp_path: Path) -> None:
    async def main() -> None:
        async with open_studio(tmp_path) as (client, studio):
            upload_id = (await studio.create_upload("account-o", 3, {})).upload_id
            headers = BYTES | {"Upload-Offset": "0", "X-HTTP-Method-Override": "PATCH"}
            assert (await client.post(f"/uploads/{upload_id}", headers=headers, content=b"abc")).status_code == 204
            assert (await studio.uploads.get(upload_id)).complete

    asyncio.run(main())


def test_an_ended_upload_leaves_nothing(tmp_path: Path) -> None:
    async def main() -> None:
        async with open_studio(tmp_path) as (client, studio):
            upload_id = await upload(client, b"z" * 100)
            assert (await client.delete(f"/uploads/{upload_id}", headers=TUS)).status_code == 204
            assert (await client.head(f"/uploads/{upload_id}", headers=TUS)).status_code == 404
            assert (await client.delete(f"/uploads/{upload_id}", headers=TUS)).status_code == 404
            with pytest.raises(UploadNotFound):
                await studio.append(upload_id, 0, pieces(b"x"))
            assert files_under(tmp_path / "objects") == []
            assert await studio.uploads.find(upload_id) is None
            assert [listed async for listed in studio.uploads.listed()] == []

    asyncio.run(main())


def test_an_upload_that_ends_while_bytes_come_keeps_none_of_them(tmp_path: Path) -> None:
    async def main() -> None:
        async with open_studio(tmp_path) as (_client, studio):
            created: Upload = await studio.create_upload("account-o", 1000, {})

            async def body() -> AsyncIterator[bytes]:
                yield b"first"
                await studio.remove_upload(created.upload_id)
                yield b"second"

            with pytest.raises(UploadNotFound):
                await studio.append(created.upload_id, 0, body())
            assert files_under(tmp_path / "objects") == []

    asyncio.run(main())


def test_slow_bytes_are_flushed_by_time(tmp_path: Path) -> None:
    clock = Clock()

    async def main() -> None:
        async with open_studio(tmp_path, now_s=clock) as (_client, studio):
            upload_id = (await studio.create_upload("account-o", 100, {})).upload_id

            async def body() -> AsyncIterator[bytes]:
                yield b"a"
                assert (await studio.uploads.get(upload_id)).offset == 0
                clock.value_s += 6
                yield b"b"
                assert (await studio.uploads.get(upload_id)).offset == 2

            await studio.append(upload_id, 0, body())

    asyncio.run(main())


def test_a_full_disk_answers_507_and_the_upload_goes_on_once_there_is_space(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = random.Random(3).randbytes(300_000)
    monkeypatch.setattr(uploads_module, "PART_BYTES", 100_000)

    async def main() -> None:
        async with open_studio(tmp_path) as (client, studio):
            upload_id = (await studio.create_upload("account-o", len(data), {})).upload_id
            put, room = studio.uploads._blobs.put, [2]

            async def put_while_there_is_room(name: str, part: bytes) -> None:
                if not room[0]:
                    raise StorageFull from OSError(errno.ENOSPC, "No space left on device")
                room[0] -= 1
                await put(name, part)

            monkeypatch.setattr(studio.uploads._blobs, "put", put_while_there_is_room)
            answer = await client.patch(f"/uploads/{upload_id}", headers=BYTES | {"Upload-Offset": "0"}, content=pieces(data))
            assert (answer.status_code, answer.json()["type"]) == (507, "urn:matinee:error:storage-full")
            offset = (await studio.uploads.get(upload_id)).offset
            assert offset == 200_000
            room[0] = 9
            answer = await client.patch(f"/uploads/{upload_id}", headers=BYTES | {"Upload-Offset": str(offset)}, content=data[offset:])
            assert answer.status_code == 204
            downloaded = await content_of(studio, upload_id, tmp_path)
            assert hashlib.sha256(downloaded).digest() == hashlib.sha256(data).digest()

    asyncio.run(main())


def test_too_many_uploads_at_once_are_asked_to_wait(tmp_path: Path) -> None:
    async def main() -> None:
        async with open_studio(tmp_path) as (client, studio):
            ids = [(await studio.create_upload("account-o", 10, {})).upload_id for _ in range(9)]
            gate = asyncio.Event()

            async def slow() -> AsyncIterator[bytes]:
                yield b"x"
                await gate.wait()

            running = [asyncio.create_task(studio.append(upload_id, 0, slow())) for upload_id in ids[:8]]
            await asyncio.sleep(0)
            answer = await client.patch(f"/uploads/{ids[8]}", headers=BYTES | {"Upload-Offset": "0"}, content=b"x")
            assert answer.status_code == 503
            assert answer.headers["Retry-After"] == "2"
            gate.set()
            await asyncio.gather(*running)

    asyncio.run(main())


def test_a_mismatch_carries_the_offset_through_pickling() -> None:
    import pickle

    error = pickle.loads(pickle.dumps(UploadOffsetMismatch("no", offset=5)))
    assert error.fields == {"offset": 5}


def test_the_options_say_what_the_server_can_do(tmp_path: Path) -> None:
    async def main() -> None:
        async with open_studio(tmp_path) as (client, _studio):
            answer: httpx.Response = await client.options("/uploads")
            assert answer.status_code == 204
            assert answer.headers["Tus-Version"] == "1.0.0"
            assert set(answer.headers["Tus-Extension"].split(",")) >= {"creation", "termination"}

    asyncio.run(main())
