"""Operators find members, disable and enable them, and sign their devices out."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from cluster.errors import Indeterminate, StoreUnavailable
from cluster.ids import new_id
from serve_apps.auth import listing
from serve_apps.auth.listing import UNWRITTEN_AFTER_S
from serve_apps.auth.policy import UNKNOWN_DEVICE_TRIES
from tests.serve_apps.auth.conftest import PASSWORD, InWorld, World, slug


async def boss(world: World) -> dict[str, Any]:
    return await world.signed_in("operator@matinee.local")


async def found(world: World, by: dict[str, Any], q: str = "", limit: int = 100) -> list[str]:
    """Return the e-mails of everybody who is found, page by page."""
    emails, cursor = list[str](), None
    while True:
        params = {"q": q, "limit": limit} | ({"cursor": cursor} if cursor else {})
        answer = await world.ask("GET", "/members", by, params=params)
        assert answer.status_code == 200, answer.text
        page = answer.json()
        assert len(page["items"]) <= limit
        emails += [item["email"] for item in page["items"]]
        if (cursor := page["next_cursor"]) is None:
            return emails


def test_members_are_found_by_any_part_of_email_or_name_newest_first(in_world: InWorld) -> None:
    async def scenario(world: World) -> None:
        operator = await boss(world)
        for email, name in (("ann@example.org", "Ann Müller"), ("bo@example.net", "Bo"), ("joann@example.net", "Jo Ann")):
            world.now_s += 1
            await world.signed_up(email, name=name)
        everybody = ["joann@example.net", "bo@example.net", "ann@example.org", "operator@matinee.local"]
        assert await found(world, operator) == everybody
        for q, emails in {
            "ANN": ["joann@example.net", "ann@example.org"], "muller": ["ann@example.org"], "MÜLL": ["ann@example.org"],
            "example.net": everybody[:2], "ann@example.org": ["ann@example.org"], "  bo ": ["bo@example.net"], "nobody": [], "%": [],
        }.items():  # fmt: skip
            for limit in (1, 2, 100):
                assert await found(world, operator, q, limit) == emails, q
        page = (await world.ask("GET", "/members", operator, params={"q": "muller"})).json()
        [ann] = page["items"]
        assert (ann["name"], ann["roles"], ann["disabled"], page["next_cursor"]) == ("Ann Müller", ["member"], False, None)
        assert (await world.ask("GET", f"/members/{ann['account_id']}", operator)).json() == ann
        assert slug(await world.ask("GET", f"/members/{new_id()}", operator)) == "account-not-found"
        assert slug(await world.ask("GET", "/members", operator, params={"cursor": "é"})) == "invalid-cursor"

    in_world(scenario)


def test_a_page_looks_at_so_many_accounts_only_and_says_where_to_go_on(in_world: InWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    async def scenario(world: World) -> None:
        operator = await boss(world)
        for number in range(7):
            await world.signed_up(f"m{number}@example.org", name="Seldom" if number == 0 else "Often")
        answer = (await world.ask("GET", "/members", operator, params={"q": "seldom"})).json()
        assert answer["items"] == []
        assert answer["next_cursor"] is not None
        assert await found(world, operator, "seldom") == ["m0@example.org"]
        assert await found(world, operator, "often", 2) == [f"m{number}@example.org" for number in range(6, 0, -1)]

    monkeypatch.setattr(listing, "LOOKED_AT_LIMIT", 4)
    monkeypatch.setattr(listing, "_SCAN", 2)
    in_world(scenario)


def test_a_member_is_found_under_the_present_name_and_email(in_world: InWorld) -> None:
    async def scenario(world: World) -> None:
        operator, ann = await boss(world), await world.signed_up()
        change = {"email": "new@example.org", "name": "Renamed", "current_password": PASSWORD}
        assert (await world.ask("PATCH", "/account", ann, json=change)).status_code == 200
        assert await found(world, operator, "renamed") == await found(world, operator, "new@") == ["new@example.org"]
        assert await found(world, operator, "ann@") == []
        assert (await world.ask("DELETE", "/account", ann, json={"password": PASSWORD})).status_code == 204
        assert await found(world, operator, "new@") == []
        assert slug(await world.ask("GET", f"/members/{ann['account_id']}", operator)) == "account-not-found"

    in_world(scenario)


def test_an_account_that_is_older_than_the_list_comes_into_it(in_world: InWorld) -> None:
    async def scenario(world: World) -> None:
        operator = await boss(world)
        people = {name: await world.signed_up(f"{name}@example.org", name=name) for name in ("ann", "bo", "cy")}
        for person in people.values():
            await world.auth._accounts._listing._store.remove("members", person["account_id"], 1)
        assert await found(world, operator) == ["operator@matinee.local"]
        # By its device that refreshes, by a sign-in, or because an operator asks for the whole e-mail.
        assert (await world.refreshed(people["ann"])).status_code == 200
        await world.signed_in("bo@example.org")
        assert set(await found(world, operator)) == {"ann@example.org", "bo@example.org", "operator@matinee.local"}
        assert await found(world, operator, "cy@example") == []
        assert await found(world, operator, " CY@example.org") == ["cy@example.org"]
        assert await found(world, operator, "cy") == ["cy@example.org"]

    in_world(scenario)


def test_a_name_that_could_not_be_listed_is_when_the_device_comes_back(in_world: InWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    async def scenario(world: World) -> None:
        operator, ann = await boss(world), await world.signed_up()

        async def away(*_: Any) -> None:
            raise StoreUnavailable

        with monkeypatch.context() as patched:
            patched.setattr(world.auth._accounts._listing, "write", away)
            assert (await world.ask("PATCH", "/account", ann, json={"name": "Renamed"})).status_code == 200
        assert await found(world, operator, "renamed") == []
        assert (await world.refreshed(ann)).status_code == 200
        assert await found(world, operator, "renamed") == ["ann@example.org"]

    in_world(scenario)


def test_a_sign_up_that_died_is_not_shown_and_forgotten(in_world: InWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    async def scenario(world: World) -> None:
        operator = await boss(world)

        async def dies(*_: Any) -> None:
            raise Indeterminate

        with monkeypatch.context() as patched:
            patched.setattr(world.auth._accounts._outbox, "commit", dies)
            answer = await world.ask("POST", "/accounts", json={"email": "ann@example.org", "password": PASSWORD, "name": "Ann"})
            assert answer.status_code == 503
        entries = world.auth._accounts._listing._store
        for passed_s, left in ((0.0, 2), (UNWRITTEN_AFTER_S, 1)):
            world.now_s += passed_s
            operator = await boss(world)
            assert await found(world, operator) == ["operator@matinee.local"]
            assert len(await entries.scan("members")) == left

    in_world(scenario)


def test_a_disabled_account_is_signed_out_everywhere_and_nobody_signs_in(in_world: InWorld) -> None:
    async def scenario(world: World) -> None:
        operator, ann, tv = await boss(world), await world.signed_up(), await world.signed_in()
        approved = (await world.ask("POST", "/device-codes")).json()
        assert (await world.ask("POST", f"/device-codes/{approved['user_code']}/approve", ann)).status_code == 204
        path = f"/members/{ann['account_id']}"
        for _ in range(2):
            assert (await world.ask("POST", f"{path}/disable", operator)).status_code == 204
        assert (await world.ask("GET", path, operator)).json()["disabled"] is True
        assert (await world.ask("GET", f"{path}/devices", operator)).json()["items"] == []
        await world.revoked.poll()
        for device in (ann, tv):
            assert slug(await world.ask("GET", "/account", device)) == "device-revoked"
            refused = await world.refreshed(device)
            assert (refused.status_code, slug(refused)) == (403, "account-disabled")
        for device_token in (None, ann["device_token"]):
            body = {"email": "ann@example.org", "password": PASSWORD, "device_token": device_token}
            refused = await world.ask("POST", "/tokens", json=body)
            assert (refused.status_code, slug(refused)) == (403, "account-disabled")
        # Whoever does not know the password is not told.
        wrong = await world.ask("POST", "/tokens", json={"email": "ann@example.org", "password": "wrong password"})
        assert slug(wrong) == "wrong-credentials"
        by_code = await world.ask("POST", "/tokens/device-code", json={"device_code": approved["device_code"]})
        assert slug(by_code) == "account-disabled"
        again = await world.ask("POST", "/accounts", json={"email": "ann@example.org", "password": PASSWORD, "name": "Ann"})
        assert slug(again) == "account-exists"
        for _ in range(2):
            assert (await world.ask("POST", f"{path}/enable", operator)).status_code == 204
        assert slug(await world.refreshed(ann)) == "token-invalid"  # each device anew
        assert (await world.signed_in())["account_id"] == ann["account_id"]

    in_world(scenario)


def test_who_is_still_admitted_for_a_moment_can_do_nothing_to_a_disabled_account(in_world: InWorld) -> None:
    async def scenario(world: World) -> None:
        operator, ann = await boss(world), await world.signed_up()
        profile = await world.profile(ann)
        assert (await world.ask("POST", f"/members/{ann['account_id']}/disable", operator)).status_code == 204
        for answer in (
            await world.ask("GET", "/account", ann),
            await world.ask("PATCH", "/account", ann, json={"name": "Anna"}),
            await world.ask("DELETE", "/account", ann, json={"password": PASSWORD}),
            await world.chosen(ann, profile),
        ):
            assert slug(answer) == "account-disabled"

    in_world(scenario)


def test_signing_in_while_being_disabled_leaves_no_device(in_world: InWorld) -> None:
    async def scenario(world: World) -> None:
        operator, ann = await boss(world), await world.signed_up()
        body = {"email": "ann@example.org", "password": PASSWORD}
        sign_ins = [asyncio.create_task(world.ask("POST", "/tokens", json=body)) for _ in range(UNKNOWN_DEVICE_TRIES)]
        await asyncio.wait(sign_ins, return_when=asyncio.FIRST_COMPLETED)
        assert (await world.ask("POST", f"/members/{ann['account_id']}/disable", operator)).status_code == 204
        answers = await asyncio.gather(*sign_ins)
        assert {answer.status_code for answer in answers} <= {201, 403, 503}
        assert 201 in {answer.status_code for answer in answers}
        assert await world.auth.devices.page(ann["account_id"]) == []

    in_world(scenario)


def test_an_operator_cannot_shut_themselves_out(in_world: InWorld) -> None:
    async def scenario(world: World) -> None:
        operator = await boss(world)
        refused = await world.ask("POST", f"/members/{operator['account_id']}/disable", operator)
        assert (refused.status_code, slug(refused)) == (409, "own-account")
        assert (await world.refreshed(operator)).status_code == 200

    in_world(scenario)


def test_an_operator_signs_one_device_of_a_member_out(in_world: InWorld) -> None:
    async def scenario(world: World) -> None:
        operator, ann, tv, bo = await boss(world), await world.signed_up(), await world.signed_in(), await world.signed_up("bo@example.org")
        path = f"/members/{ann['account_id']}/devices"
        page = (await world.ask("GET", path, operator, params={"limit": 1})).json()
        rest = (await world.ask("GET", path, operator, params={"limit": 1, "cursor": page["next_cursor"]})).json()
        assert [(item["name"], item["current"]) for item in page["items"] + rest["items"]] == [("A browser", False), ("TV", False)]
        assert slug(await world.ask("DELETE", f"{path}/{bo['device_id']}", operator)) == "device-not-found"
        assert (await world.ask("DELETE", f"{path}/{tv['device_id']}", operator)).status_code == 204
        assert slug(await world.ask("DELETE", f"{path}/{tv['device_id']}", operator)) == "device-not-found"
        assert slug(await world.refreshed(tv)) == "token-invalid"
        await world.revoked.poll()
        assert slug(await world.ask("GET", "/account", tv)) == "device-revoked"
        assert (await world.refreshed(ann)).status_code == 200
        for method, unknown in (("GET", f"/members/{new_id()}/devices"), ("DELETE", f"/members/{new_id()}/devices/{tv['device_id']}")):
            assert slug(await world.ask(method, unknown, operator)) == "account-not-found"

    in_world(scenario)


def test_members_are_no_members_business_nor_an_operators_child(in_world: InWorld) -> None:
    async def scenario(world: World) -> None:
        operator, ann = await boss(world), await world.signed_up()
        kid = (await world.chosen(await boss(world), await world.profile(operator, kids=True))).json()
        path = f"/members/{ann['account_id']}"
        for by in (ann, kid):
            for method, each in (
                ("GET", "/members"), ("GET", path), ("GET", f"{path}/devices"), ("DELETE", f"{path}/devices/{ann['device_id']}"),
                ("POST", f"{path}/disable"), ("POST", f"{path}/enable"), ("POST", f"{path}/password-reset"),
            ):  # fmt: skip
                assert slug(await world.ask(method, each, by)) == "operator-only"

    in_world(scenario)


def test_a_member_reads_the_plan(in_world: InWorld) -> None:
    async def scenario(world: World) -> None:
        ann = await world.signed_up()
        assert (await world.ask("GET", "/account", ann)).json()["plan"] == {"name": "House", "streams": 5}
        assert (await world.ask("PATCH", "/account", ann, json={"name": "A"})).json()["plan"]["streams"] == 5

    in_world(scenario, stream_limit=5)
