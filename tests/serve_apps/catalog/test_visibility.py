"""No route shows a profile anything above its cap, or a member a draft."""

import asyncio
import json
import random
from collections.abc import Callable

from serve_apps.catalog.schemas import TitleList
from tests.serve_apps.catalog.world import World, in_world, media, opened, relaying, settings_in
from tests.serve_apps.studio.rig import until

VISIBLE_WITHIN_S = 2.0


async def fill(world: World, rng: random.Random) -> dict[str, tuple[int, bool]]:
    known = {}
    for number in range(30):
        maturity, published, kind = rng.randint(0, 18), rng.random() < 0.7, rng.choice(["film", "series"])
        made = await world.make(f"title {number}", kind=kind, maturity=maturity, published=published, genres=[f"g{maturity}{published}"])
        known[made["title_id"]] = (maturity, published)
        if kind == "series":
            await world.episode(made["title_id"], 1, 1)
        else:
            await world.catalog.attach_media(made["title_id"], media())
        await world.call("PUT", f"/{made['title_id']}/trailers/1", json={"name": "t"}, headers={"If-None-Match": "*"})
    return known


def test_every_route_shows_each_cap_exactly_what_it_may_see(tmp_path):
    async def run(world: World) -> None:
        known = await fill(world, random.Random(7))
        for cap in (0, 7, 12, 13, 18):
            bearer = f"cap-{cap}"
            may = {title_id for title_id, (maturity, published) in known.items() if published and maturity <= cap}
            for sort in ("added", "name", "year"):
                listed = await world.pages(bearer, sort=sort, limit=4)
                assert sorted(item["title_id"] for item in listed) == sorted(may)
                assert all(item["maturity"] <= cap and item["published"] for item in listed)
            genres = {item["genre"]: item["titles"] for item in (await world.get("/genres", bearer))["items"]}
            assert sum(genres.values()) == len(may)
            for title_id in known:
                for path in (f"/{title_id}", f"/{title_id}/trailers/1"):
                    assert (await world.call("GET", path, bearer)).status_code == (200 if title_id in may else 404)
                episode = await world.call("GET", f"/{title_id}/seasons/1/episodes/1", bearer)
                assert episode.status_code == 404 or title_id in may

    in_world(tmp_path, run)


def test_a_rating_that_rises_hides_the_title_at_once_here(tmp_path):
    async def run(world: World) -> None:
        title_id = (await world.make(maturity=7))["title_id"]
        assert (await world.call("GET", f"/{title_id}", "kid")).status_code == 200
        await world.call("PATCH", f"/{title_id}", json={"maturity": 16}, headers={"If-Match": "*"})
        assert (await world.call("GET", f"/{title_id}", "kid")).status_code == 404
        assert (await world.get("", "kid"))["items"] == []
        assert (await world.get("/genres", "kid"))["items"] == []

    in_world(tmp_path, run)


def test_a_change_is_visible_everywhere_within_two_seconds(tmp_path):
    settings, any_version = settings_in(tmp_path), {"If-Match": "*"}

    async def main() -> None:
        async with relaying(settings) as relay, opened(settings, relay.nudge) as world, opened(settings) as other:

            async def changed(seen: Callable[[dict[str, str]], bool], method: str, path: str, **given: object) -> dict[str, str]:
                answer = await world.call(method, path, **given)
                assert answer.is_success, answer.text

                async def visible() -> bool:
                    return seen({item["title_id"]: item["name"] for item in (await other.get("", "adult"))["items"]})

                await until(visible, VISIBLE_WITHIN_S)
                return answer.json() if answer.content else {}

            new = {"kind": "film", "name": "Night Train", "maturity": 7, "published": True}
            title_id = (await changed(lambda names: "Night Train" in names.values(), "POST", "", json=new))["title_id"]
            path = f"/{title_id}"
            await changed(lambda names: names[title_id] == "Day Train", "PATCH", path, json={"name": "Day Train"}, headers=any_version)
            await changed(lambda names: title_id not in names, "POST", path + "/unpublish")
            assert (await other.call("GET", path, "adult")).status_code == 404
            await changed(lambda names: title_id in names, "POST", path + "/publish")
            assert (await other.call("GET", path, "adult")).status_code == 200
            await changed(lambda names: title_id not in names, "DELETE", path, headers=any_version)
            assert (await other.call("GET", path, "adult")).status_code == 404

    asyncio.run(main())


def test_an_operators_kids_profile_is_a_kids_profile(tmp_path):
    async def run(world: World) -> None:
        draft = (await world.make(maturity=0, published=False))["title_id"]
        adult = (await world.make(maturity=16))["title_id"]
        for title_id in (draft, adult):
            assert (await world.call("GET", f"/{title_id}", "operators-kid")).status_code == 404
            assert (await world.call("GET", f"/{title_id}", "operator")).status_code == 200
        assert (await world.get("", "operators-kid"))["items"] == []

    in_world(tmp_path, run)


def test_what_is_encoded_once_is_what_the_schema_says(tmp_path):
    async def run(world: World) -> None:
        await fill(world, random.Random(1))
        text = (await world.call("GET", "", "adult")).text
        assert json.loads(TitleList.model_validate_json(text).model_dump_json()) == json.loads(text)

    in_world(tmp_path, run)


def test_members_browse_while_the_store_is_down(tmp_path):
    async def run(world: World) -> None:
        title_id = (await world.make())["title_id"]
        await world.catalog.attach_media(title_id, media())
        await world.catalog._store.close()
        assert len((await world.get("", "kid"))["items"]) == 1
        assert (await world.get(f"/{title_id}", "kid"))["available"]
        assert (await world.get("/genres", "kid"))["items"] == []
        assert (await world.catalog.playable(title_id)).published
        await world.catalog.check()
        refused = await world.call("GET", f"/{title_id}", "operator")
        assert (refused.status_code, refused.headers["Retry-After"]) == (503, "1")

    in_world(tmp_path, run)
