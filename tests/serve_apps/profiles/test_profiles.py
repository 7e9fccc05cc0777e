"""An account's profiles: their limits, their PINs, what a kids profile may not do, and who else sees nothing of them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from cluster.errors import AccountNotFound, Overloaded, ProfileNotFound, TooManyRequests, WrongPin
from cluster.security.passwords import Passwords
from serve_apps.profiles.policy import PIN_TRIES, PIN_WINDOW_S
from serve_apps.profiles.schemas import NewProfile
from tests.serve_apps.profiles.conftest import World, token

InWorld = Callable[[Callable[[World], Awaitable[None]]], None]


def slug(answer: Any) -> str:
    return str(answer.json()["type"]).rpartition(":")[2]


def test_a_profile_is_made_read_changed_and_removed(in_world: InWorld) -> None:
    async def scenario(world: World) -> None:
        first = await world.made(name="  Ann ", language="pt-BR", avatar="fox")
        assert (first["name"], first["kids"], first["maturity"], first["has_pin"]) == ("Ann", False, 18, False)
        assert (first["language"], first["avatar"]) == ("pt-BR", "fox")
        second = await world.made(name="Bo")
        changed = await world.ask("PATCH", f"/{first['profile_id']}", json={"name": "Anna"})
        assert changed.json() == {**first, "name": "Anna"}
        assert (await world.ask("GET", f"/{first['profile_id']}")).json() == changed.json()
        assert (await world.ask("DELETE", f"/{second['profile_id']}")).status_code == 204
        assert (await world.ask("GET", f"/{second['profile_id']}")).status_code == 404
        assert (await world.ask("GET")).json() == {"items": [changed.json()], "next_cursor": None}

    in_world(scenario)


def test_profiles_are_paged_in_the_order_of_their_making(in_world: InWorld) -> None:
    async def scenario(world: World) -> None:
        made = [(await world.made(name=f"P{n}"))["profile_id"] for n in range(5)]
        seen, cursor = [], None
        while True:
            page = (await world.ask("GET", params={"limit": 2, **({"cursor": cursor} if cursor else {})})).json()
            seen += [profile["profile_id"] for profile in page["items"]]
            cursor = page["next_cursor"]
            if cursor is None:
                break
        assert seen == made
        assert slug(await world.ask("GET", params={"cursor": "not ours!"})) == "invalid-cursor"

    in_world(scenario)


def test_an_account_never_has_more_than_five_however_many_are_made_at_once(in_world: InWorld) -> None:
    async def scenario(world: World) -> None:
        answers = await asyncio.gather(*(world.ask("POST", json={"name": f"P{n}"}) for n in range(12)))
        statuses = sorted(answer.status_code for answer in answers)
        assert statuses.count(201) <= 5
        while (answer := await world.ask("POST", json={"name": "more"})).status_code == 201:
            pass
        assert slug(answer) == "too-many-profiles"
        assert answer.json()["limit"] == 5
        assert len((await world.ask("GET")).json()["items"]) == 5

    in_world(scenario)


def test_the_last_profile_stays(in_world: InWorld) -> None:
    async def scenario(world: World) -> None:
        only = await world.made()
        assert slug(await world.ask("DELETE", f"/{only['profile_id']}")) == "last-profile"

    in_world(scenario)


def test_the_same_request_sent_again_makes_one_profile(in_world: InWorld) -> None:
    async def scenario(world: World) -> None:
        send = {"json": {"name": "Ann"}, "headers": {"Idempotency-Key": "k"}}
        answers = await asyncio.gather(*(world.ask("POST", **send) for _ in range(10)))
        assert {answer.status_code for answer in answers} == {201}
        assert len({answer.text for answer in answers}) == 1
        assert len((await world.ask("GET")).json()["items"]) == 1
        other = await world.ask("POST", json={"name": "Bo"}, headers={"Idempotency-Key": "k"})
        assert slug(other) == "idempotency-key-reused"
        assert (await world.ask("POST", by=token("b"), **send)).json()["profile_id"] != answers[0].json()["profile_id"]

    in_world(scenario)


def test_another_accounts_profiles_are_not_there(in_world: InWorld) -> None:
    async def scenario(world: World) -> None:
        mine = await world.made("a")
        theirs = token("b")
        await world.made("b")
        for method, body in (("GET", None), ("PATCH", {"name": "x"}), ("DELETE", None)):
            assert slug(await world.ask(method, f"/{mine['profile_id']}", by=theirs, json=body)) == "profile-not-found"
        with pytest.raises(ProfileNotFound):
            await world.client.choose("b", mine["profile_id"], None, override=True)

    in_world(scenario)


def test_a_kids_profile_sees_nothing_above_twelve_and_changes_no_profile(in_world: InWorld) -> None:
    async def scenario(world: World) -> None:
        adult = await world.made(pin="1234")
        kid = await world.made(name="Kid", kids=True, maturity=18)
        assert kid["maturity"] == 12
        by = token(profile=kid)
        for profile in (kid, adult):
            for change in ({"maturity": 18}, {"kids": False}, {"pin": None}, {"name": "x"}):
                assert slug(await world.ask("PATCH", f"/{profile['profile_id']}", by=by, json=change)) == "forbidden"
            assert slug(await world.ask("DELETE", f"/{profile['profile_id']}", by=by)) == "forbidden"
        assert slug(await world.ask("POST", by=by, json={"name": "x"})) == "forbidden"
        assert (await world.ask("GET", f"/{kid['profile_id']}", by=by)).json() == kid
        grown = await world.ask("PATCH", f"/{kid['profile_id']}", json={"kids": False})
        assert grown.json()["maturity"] == 18

    in_world(scenario)


def test_choosing_a_profile_takes_its_pin_or_something_stronger(in_world: InWorld) -> None:
    async def scenario(world: World) -> None:
        profile = await world.made(pin="1234", maturity=16)
        assert profile["has_pin"]
        assert "1234" not in str(profile)
        for pin in (None, "4321"):
            with pytest.raises(WrongPin):
                await world.client.choose("a", profile["profile_id"], pin, override=False)
        chosen = await world.client.choose("a", profile["profile_id"], "1234", override=False)
        assert (chosen.maturity, chosen.kids, chosen.pin_proven) == (16, False, True)
        assert not (await world.client.choose("a", profile["profile_id"], None, override=True)).pin_proven
        open_one = await world.made(name="Open")
        assert not (await world.client.choose("a", open_one["profile_id"], None, override=False)).pin_proven

    in_world(scenario)


def test_a_pin_is_not_found_by_trying(in_world: InWorld) -> None:
    async def scenario(world: World) -> None:
        profile_id = (await world.made(pin="1234"))["profile_id"]

        async def guess(pin: str) -> None:
            await world.profiles.choose("a", profile_id, pin, override=False)

        results = await asyncio.gather(*(guess(f"{n:04d}") for n in range(12)), return_exceptions=True)
        assert sum(isinstance(result, WrongPin) for result in results) == PIN_TRIES
        with pytest.raises(TooManyRequests):
            await guess("1234")
        assert slug(await world.ask("PATCH", f"/{profile_id}", json={"current_pin": "1234", "name": "x"})) == "too-many-requests"
        world.now_s += PIN_WINDOW_S
        await guess("1234")

    in_world(scenario)


def test_a_pin_that_nobody_had_time_to_verify_does_not_count(in_world: InWorld) -> None:
    async def scenario(world: World) -> None:
        profile_id = (await world.made(pin="1234"))["profile_id"]
        idle, world.profiles._passwords = world.profiles._passwords, Passwords(waiting_limit=0)
        for _ in range(PIN_TRIES + 1):
            with pytest.raises(Overloaded):
                await world.profiles.choose("a", profile_id, "1234", override=False)
        world.profiles._passwords = idle
        assert (await world.profiles.choose("a", profile_id, "1234", override=False)).pin_proven

    in_world(scenario)


def test_a_profile_with_a_pin_is_changed_from_itself_or_with_the_pin(in_world: InWorld) -> None:
    async def scenario(world: World) -> None:
        locked, other = await world.made(pin="1234"), await world.made(name="Bo")
        path = f"/{locked['profile_id']}"
        for by in (token(), token(profile=other)):
            assert slug(await world.ask("PATCH", path, by=by, json={"pin": None})) == "wrong-pin"
            assert slug(await world.ask("PATCH", path, by=by, json={"pin": None, "current_pin": "9999"})) == "wrong-pin"
            assert slug(await world.ask("DELETE", path, by=by)) == "wrong-pin"
        changed = await world.ask("PATCH", path, json={"pin": "5678", "current_pin": "1234"})
        assert changed.json()["has_pin"]
        await world.client.choose("a", locked["profile_id"], "5678", override=False)
        assert not (await world.ask("PATCH", path, by=token(profile=locked), json={"pin": None})).json()["has_pin"]
        assert (await world.ask("DELETE", path, by=token(profile=other))).status_code == 204

    in_world(scenario)


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"name": ""},
        {"name": "   "},
        {"name": "x" * 41},
        {"name": "a\u0000b"},
        {"name": "A", "maturity": 19},
        {"name": "A", "maturity": -1},
        {"name": "A", "language": "English!"},
        {"name": "A", "avatar": "../x"},
        {"name": "A", "pin": "12"},
        {"name": "A", "pin": "abcd"},
        {"name": "A", "pin": 1234},
        {"name": "A", "unknown": 1},
    ],
)
def test_what_does_not_validate_is_refused_with_its_place(in_world: InWorld, body: dict[str, Any]) -> None:
    async def scenario(world: World) -> None:
        answer = await world.ask("POST", json=body)
        assert (answer.status_code, slug(answer)) == (422, "invalid-input")
        assert answer.json()["errors"][0]["pointer"].startswith("/body/")

    in_world(scenario)


def test_the_first_profile_is_made_once(in_world: InWorld) -> None:
    async def scenario(world: World) -> None:
        await asyncio.gather(*(world.client.create_first("a", "Ann") for _ in range(10)))
        [first] = (await world.ask("GET")).json()["items"]
        assert first.items() >= {"name": "Ann", "maturity": 18, "kids": False}.items()

    in_world(scenario)


def test_a_removed_account_leaves_nothing_and_gets_nothing_new(in_world: InWorld) -> None:
    async def scenario(world: World) -> None:
        profile = await world.made(pin="1234")
        await world.ask("POST", json={"name": "Bo"}, headers={"Idempotency-Key": "k"})
        await world.ask("PUT", "/me/list/t1", by=token(profile=profile))
        other = await world.made("b")
        for _ in range(2):
            await world.client.delete_all("a")
        assert (await world.ask("GET")).json()["items"] == []
        assert slug(await world.ask("POST", json={"name": "late"})) == "account-not-found"
        await world.client.create_first("a", "late")
        with pytest.raises(AccountNotFound):
            await world.profiles.create("a", NewProfile(name="late"), "p")
        for store in (world.profiles._store, world.profiles._choices, world.profiles._requests):
            assert [row.sort for row in await store.scan("a") if row.sort != "count"] == []
        assert (await world.ask("GET", by=token("b"))).json()["items"] == [other]

    in_world(scenario)
