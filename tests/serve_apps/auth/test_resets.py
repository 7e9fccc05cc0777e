"""A member who forgot the password sets a new one by a link that is good once, for an hour, and that the store cannot tell."""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import Any

import httpx
import pytest

from cluster.ids import new_id
from serve_apps.auth.policy import UNKNOWN_DEVICE_TRIES
from serve_apps.auth.resets import LIFETIME_S
from tests.serve_apps.auth.conftest import PASSWORD, InWorld, World, slug

NEW = "another good one"


async def link(world: World, person: dict[str, Any]) -> str:
    """Return the token of a new link."""
    operator = await world.signed_in("operator@matinee.local")
    answer = await world.ask("POST", f"/members/{person['account_id']}/password-reset", operator)
    assert answer.status_code == 201, answer.text
    path, _, token = answer.json()["reset_path"].partition("#")
    assert path == "/reset"
    assert datetime.fromisoformat(answer.json()["expires_at"]).timestamp() == world.now_s + LIFETIME_S
    return str(token)


async def reset(world: World, token: str, password: str = NEW) -> httpx.Response:
    return await world.ask("POST", "/password-resets", json={"token": token, "password": password})


def test_a_link_sets_a_new_password_and_signs_every_device_out(in_world: InWorld) -> None:
    async def scenario(world: World) -> None:
        ann, tv, bo = await world.signed_up(), await world.signed_in(), await world.signed_up("bo@example.org")
        token = await link(world, ann)
        assert (await world.refreshed(ann)).status_code == 200  # the link alone changes nothing
        assert (await reset(world, token)).status_code == 204
        assert slug(await world.refreshed(tv)) == "token-invalid"
        await world.revoked.poll()
        for device in (ann, tv):
            assert slug(await world.ask("GET", "/account", device)) == "device-revoked"
        old = await world.ask("POST", "/tokens", json={"email": "ann@example.org", "password": PASSWORD})
        assert slug(old) == "wrong-credentials"
        assert (await world.signed_in(password=NEW))["account_id"] == ann["account_id"]
        assert (await world.refreshed(bo)).status_code == 200

    in_world(scenario)


def test_a_link_is_good_once_however_many_use_it_at_once(in_world: InWorld) -> None:
    async def scenario(world: World) -> None:
        token = await link(world, await world.signed_up())
        passwords = [f"a password of number {number}" for number in range(4)]
        answers = await asyncio.gather(*(reset(world, token, password) for password in passwords))
        assert sorted(answer.status_code for answer in answers) == [204, 404, 404, 404]
        assert {slug(answer) for answer in answers if answer.status_code == 404} == {"reset-link-invalid"}
        [winner] = [password for password, answer in zip(passwords, answers, strict=True) if answer.status_code == 204]
        await world.signed_in(password=winner)
        assert slug(await reset(world, token)) == "reset-link-invalid"

    in_world(scenario)


def test_a_newer_link_replaces_the_older(in_world: InWorld) -> None:
    async def scenario(world: World) -> None:
        ann = await world.signed_up()
        older, newer = await link(world, ann), await link(world, ann)
        assert slug(await reset(world, older)) == "reset-link-invalid"
        assert (await reset(world, newer)).status_code == 204

    in_world(scenario)


def test_a_link_expires_after_an_hour(in_world: InWorld) -> None:
    async def scenario(world: World) -> None:
        token = await link(world, await world.signed_up())
        world.now_s += LIFETIME_S
        assert slug(await reset(world, token)) == "reset-link-invalid"
        await world.signed_in()

    in_world(scenario)


def test_a_weak_password_is_refused_and_leaves_the_link_good(in_world: InWorld) -> None:
    async def scenario(world: World) -> None:
        token = await link(world, await world.signed_up())
        for weak in ("short", "password123", "ann@example.org"):
            answer = await reset(world, token, weak)
            assert (answer.status_code, slug(answer)) == (422, "weak-password")
        assert (await reset(world, token)).status_code == 204

    in_world(scenario)


def test_what_is_no_link_changes_nothing(in_world: InWorld) -> None:
    async def scenario(world: World) -> None:
        ann, bo = await world.signed_up(), await world.signed_up("bo@example.org")
        token = await link(world, ann)
        secret = token.partition(".")[2]
        for forged in (f"{bo['account_id']}.{secret}", f"{ann['account_id']}.{'A' * 43}", f"{new_id()}.{secret}", secret, token + "x", ""):
            assert slug(await reset(world, forged)) == "reset-link-invalid", forged
        assert slug(await reset(world, f"{bo['account_id']}.{secret}", "weak")) == "reset-link-invalid"
        assert (await reset(world, token)).status_code == 204

    in_world(scenario)


@pytest.mark.parametrize("change", [{"password": NEW}, {"name": "Anna"}], ids=["a new password", "another change"])
def test_a_password_that_its_owner_sets_makes_the_link_void(in_world: InWorld, change: dict[str, str]) -> None:
    async def scenario(world: World) -> None:
        ann = await world.signed_up()
        token = await link(world, ann)
        assert (await world.ask("PATCH", "/account", ann, json={**change, "current_password": PASSWORD})).status_code == 200
        answer = await reset(world, token, "yet another good one")
        assert answer.status_code == (404 if "password" in change else 204)

    in_world(scenario)


def test_the_store_and_the_answers_to_operators_hold_no_token(in_world: InWorld) -> None:
    async def scenario(world: World) -> None:
        ann = await world.signed_up()
        secret = (await link(world, ann)).partition(".")[2]
        loaded = await world.auth._accounts.get(ann["account_id"])
        assert loaded is not None and loaded.account.reset is not None
        assert secret not in str(await world.auth._stores[3].scan(ann["account_id"]))
        operator = await world.signed_in("operator@matinee.local")
        assert loaded.account.reset.secret_hash not in (await world.ask("GET", f"/members/{ann['account_id']}", operator)).text

    in_world(scenario)


def test_who_guessed_too_often_signs_in_at_once_after_a_reset(in_world: InWorld) -> None:
    async def scenario(world: World) -> None:
        ann = await world.signed_up()
        body = {"email": "ann@example.org", "password": "not the password"}
        for _ in range(UNKNOWN_DEVICE_TRIES):
            await world.ask("POST", "/tokens", json=body)
        assert slug(await world.ask("POST", "/tokens", json=body)) == "too-many-requests"
        assert (await reset(world, await link(world, ann))).status_code == 204
        await world.signed_in(password=NEW)

    in_world(scenario)


def test_a_disabled_account_stays_disabled_and_a_deleted_one_gone(in_world: InWorld) -> None:
    async def scenario(world: World) -> None:
        ann, bo = await world.signed_up(), await world.signed_up("bo@example.org")
        anns, bos = await link(world, ann), await link(world, bo)
        operator = await world.signed_in("operator@matinee.local")
        assert (await world.ask("POST", f"/members/{ann['account_id']}/disable", operator)).status_code == 204
        assert (await reset(world, anns)).status_code == 204
        refused = await world.ask("POST", "/tokens", json={"email": "ann@example.org", "password": NEW})
        assert slug(refused) == "account-disabled"
        assert (await world.ask("DELETE", "/account", bo, json={"password": PASSWORD})).status_code == 204
        assert slug(await reset(world, bos)) == "reset-link-invalid"
        unknown = await world.ask("POST", f"/members/{bo['account_id']}/password-reset", operator)
        assert slug(unknown) == "account-not-found"

    in_world(scenario)
