"""Which devices are signed in to an account: how many, until when, and who ends them."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from serve_apps.auth import devices
from serve_apps.auth.policy import DEVICES_LIMIT
from tests.serve_apps.auth.conftest import PASSWORD, InWorld, World, slug


def test_a_device_that_signs_in_again_stays_one_device(in_world: InWorld) -> None:
    async def scenario(world: World) -> None:
        first = await world.signed_up()
        again = await world.signed_in(device_token=first["device_token"])
        assert again["device_id"] == first["device_id"]
        assert slug(await world.refreshed(first)) == "token-invalid"
        assert (await world.refreshed(again)).status_code == 200
        assert len((await world.ask("GET", "/devices", again)).json()["items"]) == 1

    in_world(scenario)


def test_devices_are_listed_and_signed_out(in_world: InWorld) -> None:
    async def scenario(world: World) -> None:
        mine, tv = await world.signed_up(device_name="Laptop"), await world.signed_in()
        page = (await world.ask("GET", "/devices", mine)).json()
        assert [(item["name"], item["current"]) for item in page["items"]] == [("Laptop", True), ("TV", False)]
        first = (await world.ask("GET", "/devices", mine, params={"limit": 1})).json()
        second = (await world.ask("GET", "/devices", mine, params={"limit": 1, "cursor": first["next_cursor"]})).json()
        assert [*first["items"], *second["items"]] == page["items"]
        assert second["next_cursor"] is None
        assert (await world.ask("DELETE", f"/devices/{tv['device_id']}", mine)).status_code == 204
        assert slug(await world.refreshed(tv)) == "token-invalid"
        await world.revoked.poll()
        assert slug(await world.ask("GET", "/account", tv)) == "device-revoked"
        assert (await world.ask_profiles("GET", "", tv)).status_code == 401
        assert slug(await world.ask("DELETE", f"/devices/{tv['device_id']}", mine)) == "device-not-found"
        assert (await world.ask("GET", "/account", mine)).status_code == 200

    in_world(scenario)


def test_another_accounts_devices_are_not_there(in_world: InWorld) -> None:
    async def scenario(world: World) -> None:
        mine, theirs = await world.signed_up(), await world.signed_up("bo@example.org")
        assert slug(await world.ask("DELETE", f"/devices/{mine['device_id']}", theirs)) == "device-not-found"
        assert (await world.refreshed(mine)).status_code == 200
        assert [item["device_id"] for item in (await world.ask("GET", "/devices", theirs)).json()["items"]] == [theirs["device_id"]]

    in_world(scenario)


def test_the_device_not_seen_for_longest_makes_room(in_world: InWorld, monkeypatch: Any) -> None:
    async def scenario(world: World) -> None:
        monkeypatch.setattr(devices, "DEVICES_LIMIT", 3)
        signed_in = [await world.signed_up()]
        for _ in range(3):
            world.now_s += 60
            signed_in.append(await world.signed_in())
        assert slug(await world.refreshed(signed_in[0])) == "token-invalid"
        assert [(await world.refreshed(each)).status_code for each in signed_in[1:]] == [200] * 3

    assert DEVICES_LIMIT == 40
    in_world(scenario)


def test_at_the_limit_all_who_come_at_once_get_in_and_no_more_stay(in_world: InWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    async def scenario(world: World) -> None:
        monkeypatch.setattr(devices, "DEVICES_LIMIT", 5)
        tokens = await world.signed_up()
        for _ in range(3):
            world.now_s += 60
            await world.signed_in()
        world.now_s += 60
        await asyncio.gather(*(world.signed_in() for _ in range(10)))
        assert len(await world.auth.devices.page(tokens["account_id"])) == 5

    in_world(scenario)


def test_no_device_stays_signed_in_with_the_password_of_before(in_world: InWorld) -> None:
    async def scenario(world: World) -> None:
        tokens = await world.signed_up()
        change = {"password": "another good one", "current_password": PASSWORD}
        sign_in = {"email": "ann@example.org", "password": PASSWORD}
        changed, *_ = await asyncio.gather(
            world.ask("PATCH", "/account", tokens, json=change), *(world.ask("POST", "/tokens", json=sign_in) for _ in range(12))
        )
        assert changed.status_code == 200
        [left] = await world.auth.devices.page(tokens["account_id"])
        assert left.device_id == tokens["device_id"]

    in_world(scenario)


def test_what_is_asked_at_once_is_answered_as_documented(in_world: InWorld) -> None:
    async def scenario(world: World) -> None:
        tokens = await world.signed_up()
        signed_out = await asyncio.gather(*(world.ask("DELETE", "/tokens", tokens) for _ in range(6)))
        assert [answer.status_code for answer in signed_out] == [204] * 6
        old = newest = await world.signed_in()
        for _ in range(3):
            world.now_s += 60
            newest = (await world.refreshed(newest)).json()
        replayed = await asyncio.gather(*(world.refreshed(old) for _ in range(6)))
        assert {answer.status_code for answer in replayed} == {401}

    in_world(scenario)
