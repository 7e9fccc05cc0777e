"""A profile's list and ratings."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from serve_apps.profiles import choices
from serve_apps.profiles.reader import Tastes
from serve_apps.profiles.schemas import Taste
from tests.serve_apps.profiles.conftest import World, token

InWorld = Callable[[Callable[[World], Awaitable[None]]], None]


async def pages(world: World, path: str, by: str, limit: int = 2) -> list[dict[str, Any]]:
    items, cursor = [], None
    while True:
        page = (await world.ask("GET", path, by=by, params={"limit": limit, **({"cursor": cursor} if cursor else {})})).json()
        items += page["items"]
        cursor = page["next_cursor"]
        if cursor is None:
            return items


def test_other_services_read_the_list_and_the_ratings(in_world: InWorld) -> None:
    async def scenario(world: World) -> None:
        profile = await world.made()
        by = token(profile=profile)
        for title in ("t1", "t2", "t3"):
            world.now_s += 1
            await world.ask("PUT", f"/me/list/{title}", by=by)
        for title, rating in (("t4", 2), ("t1", -1), ("t5", 1)):
            await world.ask("PUT", f"/me/ratings/{title}", by=by, json={"rating": rating})
        await world.ask("DELETE", "/me/ratings/t5", by=by)
        tastes = Tastes(world.settings, lambda: world.now_s)
        assert await tastes.of("a", profile["profile_id"], 2) == Taste(["t3", "t2"], {"t4": 2, "t1": -1})
        assert await tastes.of("a", profile["profile_id"], 10) == Taste(["t3", "t2", "t1"], {"t4": 2, "t1": -1})
        assert await tastes.of("another", profile["profile_id"], 10) == Taste([], {})
        await world.ask("PATCH", f"/{profile['profile_id']}", by=by, json={"watch_languages": ["de", "pt-BR"]})
        assert (await tastes.of("a", profile["profile_id"], 10)).languages == ("de", "pt-BR")
        assert await tastes.languages("a", "nobody") == ()
        await tastes.close()

    in_world(scenario)


def test_a_list_shows_the_latest_first_and_each_title_once(in_world: InWorld) -> None:
    async def scenario(world: World) -> None:
        by = token(profile=await world.made())
        for title in ("t1", "t2", "t3", "t4", "t5", "t1"):
            world.now_s += 1
            assert (await world.ask("PUT", f"/me/list/{title}", by=by)).status_code == 204
        assert [item["title_id"] for item in await pages(world, "/me/list", by)] == ["t5", "t4", "t3", "t2", "t1"]
        for _ in range(2):
            assert (await world.ask("DELETE", "/me/list/t3", by=by)).status_code == 204
        assert [item["title_id"] for item in await pages(world, "/me/list", by)] == ["t5", "t4", "t2", "t1"]
        world.now_s += 1
        await world.ask("PUT", "/me/list/t3", by=by)
        assert (await pages(world, "/me/list", by))[0]["title_id"] == "t3"

    in_world(scenario)


def test_titles_added_in_one_moment_are_paged_without_loss(in_world: InWorld) -> None:
    async def scenario(world: World) -> None:
        by = token(profile=await world.made())
        for n in range(7):
            await world.ask("PUT", f"/me/list/t{n}", by=by)
        assert sorted(item["title_id"] for item in await pages(world, "/me/list", by, 3)) == [f"t{n}" for n in range(7)]

    in_world(scenario)


def test_a_rating_is_given_changed_and_taken_back(in_world: InWorld) -> None:
    async def scenario(world: World) -> None:
        by = token(profile=await world.made())
        await world.ask("PUT", "/me/ratings/t1", by=by, json={"rating": 1})
        await world.ask("PUT", "/me/ratings/t1", by=by, json={"rating": -1})
        await world.ask("PUT", "/me/ratings/t2", by=by, json={"rating": 2})
        assert {item["title_id"]: item["rating"] for item in await pages(world, "/me/ratings", by)} == {"t1": -1, "t2": 2}
        await world.ask("DELETE", "/me/ratings/t1", by=by)
        assert [item["title_id"] for item in await pages(world, "/me/ratings", by)] == ["t2"]
        for rating in (0, 3, "1", None):
            assert (await world.ask("PUT", "/me/ratings/t1", by=by, json={"rating": rating})).status_code == 422

    in_world(scenario)


def test_each_profile_has_its_own_and_none_without_a_profile(in_world: InWorld) -> None:
    async def scenario(world: World) -> None:
        ann, bo = await world.made(), await world.made(name="Bo")
        await world.ask("PUT", "/me/list/t1", by=token(profile=ann))
        assert await pages(world, "/me/list", token(profile=bo)) == []
        assert (await world.ask("GET", "/me/list")).status_code == 403
        # A token that names a profile of another account finds none.
        assert (await world.ask("GET", "/me/list", by=token("b", profile=ann))).status_code == 404

    in_world(scenario)


def test_a_removed_profiles_token_finds_nothing(in_world: InWorld) -> None:
    async def scenario(world: World) -> None:
        ann, _ = await world.made(), await world.made(name="Bo")
        by = token(profile=ann)
        await world.ask("PUT", "/me/list/t1", by=by)
        await world.ask("DELETE", f"/{ann['profile_id']}")
        for method, path, body in (("GET", "/me/list", None), ("PUT", "/me/list/t2", None), ("PUT", "/me/ratings/t1", {"rating": 1})):
            assert (await world.ask(method, path, by=by, json=body)).status_code == 404

    in_world(scenario)


def test_a_list_is_bounded(in_world: InWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    async def scenario(world: World) -> None:
        monkeypatch.setattr(choices, "ENTRIES_LIMIT", 3)
        by = token(profile=await world.made())
        statuses = [(await world.ask("PUT", f"/me/list/t{n}", by=by)).status_code for n in range(4)]
        assert statuses == [204, 204, 204, 409]
        assert (await world.ask("PUT", "/me/list/t0", by=by)).status_code == 204

    in_world(scenario)


def test_what_was_acknowledged_last_stands_whatever_the_clock_does(in_world: InWorld) -> None:
    async def scenario(world: World) -> None:
        by = token(profile=await world.made())
        for step_s in (0, -5, 0.0001, -3600, 7200):
            for method, there in (("PUT", True), ("DELETE", False), ("PUT", True)):
                world.now_s += step_s
                assert (await world.ask(method, "/me/list/t1", by=by)).status_code == 204
                assert [item["title_id"] for item in await pages(world, "/me/list", by)] == ["t1"] * there
            for rating in (1, 2, -1):
                world.now_s += step_s
                await world.ask("PUT", "/me/ratings/t1", by=by, json={"rating": rating})
                assert [item["rating"] for item in await pages(world, "/me/ratings", by)] == [rating]

    in_world(scenario)


def test_dropped_titles_make_room_and_do_not_pile_up(in_world: InWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    async def scenario(world: World) -> None:
        monkeypatch.setattr(choices, "ENTRIES_LIMIT", 3)
        by = token(profile=await world.made())
        for n in range(6):
            assert (await world.ask("PUT", f"/me/list/t{n}", by=by)).status_code == 204
            assert (await world.ask("DELETE", f"/me/list/t{n}", by=by)).status_code == 204
        assert (await world.ask("PUT", "/me/list/t6", by=by)).status_code == 409
        statuses = [(await world.ask("PUT", f"/me/list/t{n}", by=by)).status_code for n in range(4)]
        assert statuses == [204, 204, 204, 409]
        await world.ask("DELETE", "/me/list/t0", by=by)
        world.now_s += choices.DROPPED_S
        assert (await world.ask("PUT", "/me/list/t6", by=by)).status_code == 204

    in_world(scenario)
