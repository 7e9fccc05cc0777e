"""Televisions are signed in from another device: once, by whoever typed their code, as a device of that account."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest

from serve_apps.auth import device_codes
from serve_apps.auth.codes import INTERVAL_S, LIFETIME_S
from serve_apps.auth.device_codes import CODES_LIMIT, TOLD_AFTER_S, TRIES
from tests.serve_apps.auth.conftest import PASSWORD, InWorld, World, slug


async def waiting(world: World, **fields: Any) -> dict[str, Any]:
    answer = await world.ask("POST", "/device-codes", json=fields)
    assert answer.status_code == 201, answer.text
    code: dict[str, Any] = answer.json()
    return code


async def asked(world: World, code: dict[str, Any]) -> httpx.Response:
    return await world.ask("POST", "/tokens/device-code", json={"device_code": code["device_code"]})


async def decide(world: World, code: dict[str, Any] | str, by: dict[str, Any], decision: str = "approve") -> httpx.Response:
    user_code = code if isinstance(code, str) else code["user_code"]
    return await world.ask("POST", f"/device-codes/{user_code}/{decision}", by)


def test_a_television_is_signed_in_as_whoever_typed_its_code(in_world: InWorld) -> None:
    async def scenario(world: World) -> None:
        ann = await world.signed_up()
        code = await waiting(world, device_name="Living room")
        assert (code["verification_path"], code["expires_in_s"], code["interval_s"]) == ("/link", 900, 5)
        assert code["user_code"][4] == "-" and code["user_code"] not in code["device_code"]
        pending = await asked(world, code)
        assert (pending.status_code, slug(pending), pending.json()["interval_s"]) == (400, "authorization-pending", 5)
        seen = (await world.ask("GET", f"/device-codes/{code['user_code'].lower()}", ann)).json()
        assert (seen["user_code"], seen["device_name"], seen["state"]) == (code["user_code"], "Living room", "pending")
        assert (await decide(world, code["user_code"].replace("-", ""), ann)).status_code == 204
        assert (await world.ask("GET", f"/device-codes/{code['user_code']}", ann)).json()["state"] == "approved"
        answer = await asked(world, code)
        tv = answer.json()
        assert (answer.status_code, tv["account_id"], tv["roles"]) == (201, ann["account_id"], ["member"])
        assert "matinee_refresh" in answer.cookies
        # A family of its own: neither device's refreshing or signing out concerns the other.
        assert tv["device_id"] != ann["device_id"]
        devices = (await world.ask("GET", "/devices", ann)).json()["items"]
        assert [device["name"] for device in devices] == ["A browser", "Living room"]
        refreshed = await world.refreshed(tv)
        assert (refreshed.status_code, refreshed.json()["device_id"]) == (200, tv["device_id"])
        assert (await world.ask("DELETE", f"/devices/{tv['device_id']}", ann)).status_code == 204
        assert slug(await world.refreshed(refreshed.json())) == "token-invalid"
        assert (await world.refreshed(ann)).status_code == 200

    in_world(scenario)


def test_a_code_is_good_once_even_if_the_television_asks_often_at_once(in_world: InWorld) -> None:
    async def scenario(world: World) -> None:
        ann = await world.signed_up()
        code = await waiting(world)
        assert (await decide(world, code, ann)).status_code == 204
        answers = await asyncio.gather(*(asked(world, code) for _ in range(8)))
        assert sorted(answer.status_code for answer in answers) == [201] + [400] * 7
        assert {slug(answer) for answer in answers if answer.status_code == 400} == {"expired-token"}
        assert len((await world.ask("GET", "/devices", ann)).json()["items"]) == 2
        assert slug(await world.ask("GET", f"/device-codes/{code['user_code']}", ann)) == "device-code-not-found"

    in_world(scenario)


def test_a_television_that_asks_too_often_is_told_to_slow_down(in_world: InWorld) -> None:
    async def scenario(world: World) -> None:
        ann = await world.signed_up()
        code = await waiting(world)
        told = []
        for passed_s in (0, INTERVAL_S, 1, INTERVAL_S, 2 * INTERVAL_S, 3 * INTERVAL_S):
            world.now_s += passed_s
            answer = await asked(world, code)
            told.append((slug(answer), answer.json()["interval_s"]))
        waits = [5, 5, 10, 15, 20, 25]
        assert told == [("authorization-pending" if number < 2 else "slow-down", wait_s) for number, wait_s in enumerate(waits)]
        world.now_s += 25
        assert slug(await asked(world, code)) == "authorization-pending"
        # Once somebody has decided, nobody is kept waiting.
        assert (await decide(world, code, ann)).status_code == 204
        assert (await asked(world, code)).status_code == 201

    in_world(scenario)


def test_a_page_may_ask_without_being_refused_while_nobody_has_decided(in_world: InWorld) -> None:
    async def scenario(world: World) -> None:
        ann = await world.signed_up()
        code, denied = await waiting(world), await waiting(world)

        async def quietly(code: dict[str, Any]) -> httpx.Response:
            body = {"device_code": code["device_code"], "accept_pending": True}
            return await world.ask("POST", "/tokens/device-code", json=body)

        told = [await quietly(code) for _ in range(2)]
        assert [answer.status_code for answer in told] == [202, 202]
        assert [answer.json() for answer in told] == [
            {"state": "authorization-pending", "interval_s": 5},
            {"state": "slow-down", "interval_s": 10},
        ]
        assert all("set-cookie" not in answer.headers for answer in told)
        assert (await decide(world, denied, ann, "deny")).status_code == 204
        refused = await quietly(denied)
        assert (refused.status_code, slug(refused)) == (400, "access-denied")
        assert (await decide(world, code, ann)).status_code == 204
        answer = await quietly(code)
        assert (answer.status_code, answer.json()["account_id"]) == (201, ann["account_id"])
        assert slug(await quietly(code)) == "expired-token"

    in_world(scenario)


def test_a_television_that_is_refused_stays_out(in_world: InWorld) -> None:
    async def scenario(world: World) -> None:
        ann = await world.signed_up()
        code = await waiting(world)
        for _ in range(2):
            assert (await decide(world, code, ann, "deny")).status_code == 204
        assert slug(await decide(world, code, ann)) == "device-code-decided"
        assert slug(await asked(world, code)) == "access-denied"
        assert len((await world.ask("GET", "/devices", ann)).json()["items"]) == 1

    in_world(scenario)


def test_who_decides_first_decides_and_is_told_of_to_nobody_else(in_world: InWorld) -> None:
    async def scenario(world: World) -> None:
        ann, bo = await world.signed_up(), await world.signed_up("bo@example.org")
        code = await waiting(world)
        answers = await asyncio.gather(*(decide(world, code, by) for by in (ann, bo)))
        assert sorted(answer.status_code for answer in answers) == [204, 404]
        first, second = (ann, bo) if answers[0].status_code == 204 else (bo, ann)
        assert slug(await world.ask("GET", f"/device-codes/{code['user_code']}", second)) == "device-code-not-found"
        assert slug(await decide(world, code, second, "deny")) == "device-code-not-found"
        assert (await asked(world, code)).json()["account_id"] == first["account_id"]

    in_world(scenario)


def test_an_expired_code_is_good_for_nothing(in_world: InWorld) -> None:
    async def scenario(world: World) -> None:
        ann = await world.signed_up()
        code, approved = await waiting(world), await waiting(world)
        assert (await decide(world, approved, ann)).status_code == 204
        world.now_s += LIFETIME_S
        for passed_s in (0, TOLD_AFTER_S):
            world.now_s += passed_s
            for each in (code, approved):
                assert slug(await asked(world, each)) == "expired-token"
        ann = (await world.refreshed(ann)).json()
        assert slug(await decide(world, code, ann)) == "device-code-not-found"

    in_world(scenario)


def test_a_forged_device_code_neither_signs_in_nor_slows_the_real_one_down(in_world: InWorld) -> None:
    async def scenario(world: World) -> None:
        ann = await world.signed_up()
        code, other = await waiting(world), await waiting(world)
        user_part, secret = code["device_code"].split(".")
        assert (await asked(world, code)).status_code == 400
        forged = [
            f"{user_part}.{other['device_code'].partition('.')[2]}",
            user_part,
            secret,
            code["user_code"],
            "",
            "x" * 256,
            f"{user_part}.{'A' * 43}",
        ]
        for text in forged:
            assert slug(await asked(world, {"device_code": text})) == "expired-token", text
        world.now_s += INTERVAL_S
        assert slug(await asked(world, code)) == "authorization-pending"
        assert (await decide(world, code, ann)).status_code == 204
        assert slug(await asked(world, {"device_code": forged[0]})) == "expired-token"
        assert (await asked(world, code)).status_code == 201

    in_world(scenario)


def test_the_store_holds_no_device_code(in_world: InWorld) -> None:
    async def scenario(world: World) -> None:
        code = await waiting(world)
        user_part, secret = code["device_code"].split(".")
        row = await world.auth.device_codes._store.get(user_part, "code")
        assert row is not None and secret not in str(row)

    in_world(scenario)


def test_an_account_may_try_twenty_wrong_codes_an_hour_and_typing_errors_that_can_be_no_code_are_none(in_world: InWorld) -> None:
    async def scenario(world: World) -> None:
        ann, bo = await world.signed_up(), await world.signed_up("bo@example.org")
        code = await waiting(world)
        for text in ("HELLO", "12345678", "AEIO-UAEI", "B" * 9):
            assert slug(await world.ask("GET", f"/device-codes/{text}", ann)) == "device-code-not-found"
        for _ in range(3):  # right ones don't count
            assert (await world.ask("GET", f"/device-codes/{code['user_code']}", ann)).status_code == 200
        wrong = await asyncio.gather(*(decide(world, "BBBB-BBBB", ann) for _ in range(TRIES + 5)))
        assert sorted(slug(answer) for answer in wrong) == ["device-code-not-found"] * TRIES + ["too-many-requests"] * 5
        locked = await decide(world, code, ann)
        assert (slug(locked), int(locked.headers["retry-after"]) > 3000) == ("too-many-requests", True)
        assert (await decide(world, code, bo)).status_code == 204

    in_world(scenario)


def test_only_so_many_codes_live_at_once(in_world: InWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    async def scenario(world: World) -> None:
        for _ in range(3):
            await waiting(world)
        refused = await world.ask("POST", "/device-codes")
        assert (refused.status_code, slug(refused)) == (429, "too-many-requests")
        assert "tries" not in refused.json()["detail"]
        world.now_s += LIFETIME_S
        await waiting(world)

    assert CODES_LIMIT == 300
    monkeypatch.setattr(device_codes, "CODES_LIMIT", 3)
    in_world(scenario)


def test_a_kids_profile_lets_no_television_in(in_world: InWorld) -> None:
    async def scenario(world: World) -> None:
        ann = await world.signed_up()
        kid = (await world.chosen(ann, await world.profile(ann, kids=True))).json()
        code = await waiting(world)
        for method, path in (("GET", ""), ("POST", "/approve"), ("POST", "/deny")):
            assert slug(await world.ask(method, f"/device-codes/{code['user_code']}{path}", kid)) == "forbidden"
            assert slug(await world.ask(method, f"/device-codes/{code['user_code']}{path}")) == "not-authenticated"

    in_world(scenario)


def test_what_was_let_in_by_a_device_that_was_signed_out_since_stays_out(in_world: InWorld) -> None:
    async def scenario(world: World) -> None:
        mine, thief = await world.signed_up(), await world.signed_in()
        code = await waiting(world)
        assert (await decide(world, code, thief)).status_code == 204
        change = {"password": "another good one", "current_password": PASSWORD}
        assert (await world.ask("PATCH", "/account", mine, json=change)).status_code == 200
        assert slug(await asked(world, code)) == "access-denied"
        assert len((await world.ask("GET", "/devices", mine)).json()["items"]) == 1

    in_world(scenario)


def test_a_television_and_a_new_password_at_once_leave_no_stranger_in(in_world: InWorld) -> None:
    async def scenario(world: World) -> None:
        mine, thief = await world.signed_up(), await world.signed_in()
        waiting_ones = [await waiting(world) for _ in range(6)]
        for code in waiting_ones:
            assert (await decide(world, code, thief)).status_code == 204
        change = {"password": "another good one", "current_password": PASSWORD}
        changed, *_ = await asyncio.gather(
            world.ask("PATCH", "/account", mine, json=change), *(asked(world, code) for code in waiting_ones)
        )
        assert changed.status_code == 200
        [left] = await world.auth.devices.page(mine["account_id"])
        assert left.device_id == mine["device_id"]

    in_world(scenario)
