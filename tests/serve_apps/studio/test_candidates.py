"""Stills to choose artwork from: listed for what is played now, kept as long as their version, and none where there never were any."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from tests.serve_apps.studio.house import DAY, House, house
from tests.serve_apps.studio.rig import MEMBER, MemoryCatalog, files_under

SHARED, FIRST, SECOND = b"a harbour", b"a lamp", b"a door"


async def listed(at: House, playable_id: str = "film") -> list[dict[str, Any]]:
    answer = await at.client.get(f"/playables/{playable_id}/candidates")
    assert answer.status_code == 200, answer.text
    return list(answer.json()["items"])


def kept(path: Path) -> set[bytes]:
    artwork = path / "objects" / "artwork"
    return {(artwork / name).read_bytes() for name in files_under(artwork)} - {b"jpeg"}


def test_the_live_version_s_stills_are_listed_and_where_they_are_served_and_those_of_a_replaced_one_go(tmp_path: Path) -> None:
    async def main() -> None:
        async with house(tmp_path, edge_url="http://edge.test") as at:
            at.encoders.candidates = [SHARED, FIRST]
            await at.job()
            first = await listed(at)
            assert [(tmp_path / "objects" / one["object_name"]).read_bytes() for one in first] == [SHARED, FIRST]
            assert [one["url"] for one in first] == [f"http://edge.test/a/{one['object_name'].partition('/')[2]}" for one in first]
            assert {(one["width"], one["height"]) for one in first} == {(640, 360)}
            at.clock.value_s += 10 * DAY
            await at.usage()
            assert kept(tmp_path) == {SHARED, FIRST}
            at.encoders.candidates = [SHARED, SECOND]
            await at.job()
            assert (await listed(at))[0]["object_name"] == first[0]["object_name"]
            await at.usage()
            at.clock.value_s += 2 * DAY
            await at.usage()
            assert kept(tmp_path) == {SHARED, SECOND}

    asyncio.run(main())


def test_a_still_that_a_title_shows_outlives_its_version(tmp_path: Path) -> None:
    async def main() -> None:
        async with house(tmp_path) as at:
            at.encoders.candidates = [SHARED, FIRST]
            await at.job()
            at.catalog.shown = {(await listed(at))[1]["object_name"]}
            del at.catalog.media["film"]
            await at.usage()
            at.clock.value_s += 2 * DAY
            await at.usage()
            assert kept(tmp_path) == {FIRST}

    asyncio.run(main())


def test_what_was_encoded_before_there_were_any_or_not_at_all_has_none(tmp_path: Path) -> None:
    async def main() -> None:
        async with house(tmp_path, MemoryCatalog("film", "draft")) as at:
            await at.job()
            assert await listed(at) == await listed(at, "draft") == []
            missing = await at.client.get("/playables/nothing/candidates")
            assert (missing.status_code, missing.json()["type"]) == (404, "urn:matinee:error:playable-not-found")
            assert (await at.client.get("/playables/film/candidates", headers=MEMBER)).status_code == 403

    asyncio.run(main())


def test_versions_stored_before_there_were_any_are_read(tmp_path: Path) -> None:
    async def main() -> None:
        async with house(tmp_path) as at:
            job = await at.job()
            assert job.version_id is not None
            row = await at.studio._lists.get("versions", job.version_id)
            assert row is not None
            old = {name: value for name, value in row.value.items() if name != "candidates"}
            await at.studio._lists.put([type(row)("versions", job.version_id, row.version + 1, "version", old)])
            assert await listed(at) == []

    asyncio.run(main())
