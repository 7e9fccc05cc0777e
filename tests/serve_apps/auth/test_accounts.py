"""Accounts come, change and go; an e-mail has one of them, whatever dies on the way."""

from __future__ import annotations

import asyncio

import pytest

from cluster.errors import AccountExists
from cluster.ids import new_id
from serve_apps.auth.accounts import ORPHAN_AFTER_S
from serve_apps.auth.closing import UNCONFIRMED_AFTER_S
from serve_apps.auth.policy import Account, email_hash
from tests.serve_apps.auth.conftest import PASSWORD, InWorld, World, slug


def test_a_sign_up_answers_tokens_and_makes_the_first_profile(in_world: InWorld) -> None:
    async def scenario(world: World) -> None:
        tokens = await world.signed_up(email="  Ann@Example.ORG ", name="Ann")
        assert (tokens["token_type"], tokens["roles"], tokens["expires_in_s"]) == ("Bearer", ["member"], 600)
        claims = await world.gate.admit(tokens["access_token"])
        assert (claims.account_id, claims.profile_id, claims.streams) == (tokens["account_id"], None, 2)
        account = (await world.ask("GET", "/account", tokens)).json()
        assert (account["email"], account["name"], account["roles"]) == ("ann@example.org", "Ann", ["member"])
        [first] = (await world.ask_profiles("GET", "", tokens)).json()["items"]
        assert (first["name"], first["maturity"]) == ("Ann", 18)

    in_world(scenario)


def test_a_hundred_sign_ups_at_once_with_one_email_have_one_winner(in_world: InWorld) -> None:
    async def scenario(world: World) -> None:
        spellings = ["one@example.org", "ONE@example.org", " one@EXAMPLE.org"]

        async def sign_up(n: int) -> tuple[int, str]:
            body = {"email": spellings[n % 3], "password": PASSWORD, "name": f"N{n}"}
            while True:
                answer = await world.ask("POST", "/accounts", json=body)
                if answer.status_code != 503:  # only so many passwords are hashed at once
                    return answer.status_code, answer.json().get("type", "")
                await asyncio.sleep(0.01)

        answers = await asyncio.gather(*(sign_up(n) for n in range(100)))
        assert sorted(answers) == [(201, ""), *[(409, "urn:matinee:error:account-exists")] * 99]
        await world.signed_in("one@example.org")

    in_world(scenario)


def test_passwords_that_would_be_guessed_are_refused(in_world: InWorld) -> None:
    async def scenario(world: World) -> None:
        for password, problem in {
            "short": "weak-password",
            "password123": "weak-password",
            "PassWord123": "weak-password",
            "aaaaaaaaaaaaaaaa": "weak-password",
            "somebody@example.org": "weak-password",
            "x" * 129: "invalid-input",
            "": "invalid-input",
        }.items():
            answer = await world.ask("POST", "/accounts", json={"email": "somebody@example.org", "password": password, "name": "S"})
            assert (answer.status_code, slug(answer)) == (422, problem), password
            assert not password or password not in answer.text

    in_world(scenario)


def test_what_is_no_email_is_refused(in_world: InWorld) -> None:
    async def scenario(world: World) -> None:
        for email in ("", "ann", "@example.org", "ann@", "a b@example.org", "a@b@c", "ann@example.org\n.x", "a" * 65 + "@x.org", 7, None):
            body = {"email": email, "password": PASSWORD, "name": "A"}
            assert slug(await world.ask("POST", "/accounts", json=body)) == "invalid-input", email

    in_world(scenario)


def _account(email: str) -> Account:
    return Account(email, email_hash(email), "Ann", "hash", ("member",), 0.0)


def test_an_email_whose_sign_up_died_is_free_again_and_the_dead_one_cannot_come_back(in_world: InWorld) -> None:
    async def scenario(world: World) -> None:
        dead = new_id()
        await world.auth._accounts.claim(email_hash("ann@example.org"), dead)
        body = {"email": "ann@example.org", "password": PASSWORD, "name": "Ann"}
        assert slug(await world.ask("POST", "/accounts", json=body)) == "account-exists"
        world.now_s += ORPHAN_AFTER_S
        tokens = await world.signed_up()
        with pytest.raises(AccountExists):
            await world.auth._accounts.create(dead, _account("ann@example.org"))
        assert (await world.signed_in())["account_id"] == tokens["account_id"]

    in_world(scenario)


def test_an_email_change_that_died_leaves_both_emails_usable(in_world: InWorld) -> None:
    async def scenario(world: World) -> None:
        tokens = await world.signed_up()
        loaded = await world.auth._accounts.get(tokens["account_id"])
        assert loaded is not None
        await world.auth._accounts.claim(email_hash("new@example.org"), tokens["account_id"])  # and then it died
        world.now_s += ORPHAN_AFTER_S
        other = await world.signed_up("new@example.org")
        assert other["account_id"] != tokens["account_id"]
        assert (await world.signed_in())["account_id"] == tokens["account_id"]

    in_world(scenario)


def test_an_account_is_changed_with_its_password(in_world: InWorld) -> None:
    async def scenario(world: World) -> None:
        tokens, tv = await world.signed_up(), None
        tv = await world.signed_in()
        await world.signed_up("bo@example.org")
        assert (await world.ask("PATCH", "/account", tokens, json={"name": "Anna"})).json()["name"] == "Anna"
        for change in ({"email": "x@example.org"}, {"password": "another good one"}):
            assert slug(await world.ask("PATCH", "/account", tokens, json=change)) == "wrong-pin"
            assert slug(await world.ask("PATCH", "/account", tokens, json={**change, "current_password": "wrong"})) == "wrong-pin"
        taken = await world.ask("PATCH", "/account", tokens, json={"email": "BO@example.org", "current_password": PASSWORD})
        assert slug(taken) == "account-exists"
        both = {"email": "anna@example.org", "password": "another good one", "current_password": PASSWORD}
        assert (await world.ask("PATCH", "/account", tokens, json=both)).json()["email"] == "anna@example.org"
        await world.signed_in("anna@example.org", "another good one")
        for email, password in (("ann@example.org", "another good one"), ("anna@example.org", PASSWORD)):
            assert slug(await world.ask("POST", "/tokens", json={"email": email, "password": password})) == "wrong-credentials"
        # The old e-mail is free, the other devices are signed out, this one is not.
        await world.signed_up("ann@example.org")
        assert slug(await world.refreshed(tv)) == "token-invalid"
        await world.revoked.poll()
        assert slug(await world.ask("GET", "/account", tv)) == "device-revoked"
        assert (await world.ask("GET", "/account", tokens)).status_code == 200

    in_world(scenario)


def test_a_deleted_account_is_gone_with_all_that_was_its_own(in_world: InWorld) -> None:
    async def scenario(world: World) -> None:
        tokens, tv = await world.signed_up(), await world.signed_in()
        other = await world.signed_up("bo@example.org")
        assert slug(await world.ask("DELETE", "/account", tokens, json={"password": "wrong password"})) == "wrong-pin"
        assert (await world.ask("DELETE", "/account", tokens, json={"password": PASSWORD})).status_code == 204
        for device in (tokens, tv):
            assert slug(await world.refreshed(device)) == "token-invalid"
        await world.revoked.poll()
        assert slug(await world.ask("GET", "/account", tv)) == "device-revoked"
        assert await world.profiles._store.scan(tokens["account_id"], "profile/") == []
        assert slug(await world.ask("POST", "/tokens", json={"email": "ann@example.org", "password": PASSWORD})) == "wrong-credentials"
        again = await world.signed_up()
        assert again["account_id"] != tokens["account_id"]
        assert (await world.ask("GET", "/account", other)).status_code == 200

    in_world(scenario)


def test_a_deletion_that_could_not_reach_profiles_is_finished_later(in_world: InWorld) -> None:
    async def scenario(world: World) -> None:
        tokens = await world.signed_up()
        world.target.away = True
        assert (await world.ask("DELETE", "/account", tokens, json={"password": PASSWORD})).status_code == 204
        assert slug(await world.refreshed(tokens)) == "token-invalid"
        assert slug(await world.ask("POST", "/tokens", json={"email": "ann@example.org", "password": PASSWORD})) == "wrong-credentials"
        assert len(await world.profiles._store.scan(tokens["account_id"], "profile/")) == 1
        world.target.away = False
        await world.auth._closing.finish_all()
        assert await world.profiles._store.scan(tokens["account_id"], "profile/") == []
        await world.signed_up()

    in_world(scenario)


def test_a_deletion_that_never_came_to_be_is_forgotten(in_world: InWorld) -> None:
    async def scenario(world: World) -> None:
        tokens = await world.signed_up()
        await world.auth._closing._store.put_if_absent("closing", tokens["account_id"], "closing", {"began_at_s": world.now_s})
        world.now_s += UNCONFIRMED_AFTER_S
        await world.auth._closing.finish_all()
        assert await world.auth._closing._store.scan("closing") == []
        assert (await world.refreshed(tokens)).status_code == 200

    in_world(scenario)


def test_profiles_that_are_away_keep_nobody_from_signing_up(in_world: InWorld) -> None:
    async def scenario(world: World) -> None:
        world.target.away = True
        tokens = await world.signed_up()
        assert (await world.ask_profiles("GET", "", tokens)).json()["items"] == []
        world.target.away = False
        await world.signed_in()
        assert len((await world.ask_profiles("GET", "", tokens)).json()["items"]) == 1

    in_world(scenario)


def test_facts_about_accounts_stand_in_the_outbox_in_their_order(in_world: InWorld) -> None:
    async def scenario(world: World) -> None:
        tokens, tv = await world.signed_up(), await world.signed_in()
        for _ in range(2):
            await world.signed_in()
        await world.ask("DELETE", f"/devices/{tv['device_id']}", tokens)
        await world.ask("DELETE", "/account", tokens, json={"password": PASSWORD})
        rows = await world.auth._stores[3].scan(tokens["account_id"], "outbox/")
        assert [row.value["kind"] for row in rows] == ["account.created", "device.revoked", *["account.deleted"], *["device.revoked"] * 3]
        assert "ann@example.org" not in str(rows)
        held: dict[str, int] = {}
        for row in rows:  # a reader applies only what is newer than what it holds of the key
            assert row.value["entity_version"] > held.get(row.value["key"], 0), row.value
            held[row.value["key"]] = row.value["entity_version"]
        assert len(held) == 1 + 4

    in_world(scenario)


def test_a_change_is_made_as_a_whole_or_not_at_all(in_world: InWorld) -> None:
    async def scenario(world: World) -> None:
        tokens = await world.signed_up()
        await world.signed_up("bo@example.org")
        change = {"name": "Anna", "email": "bo@example.org", "password": "another good one", "current_password": PASSWORD}
        assert slug(await world.ask("PATCH", "/account", tokens, json=change)) == "account-exists"
        assert (await world.ask("GET", "/account", tokens)).json()["name"] == "Ann"
        await world.signed_in()
        assert (await world.ask("PATCH", "/account", tokens, json={**change, "email": "anna@example.org"})).status_code == 200
        account = (await world.ask("GET", "/account", tokens)).json()
        assert (account["name"], account["email"]) == ("Anna", "anna@example.org")
        await world.signed_in("anna@example.org", "another good one")

    in_world(scenario)


def test_an_account_that_cannot_be_finished_keeps_no_other_waiting(in_world: InWorld) -> None:
    async def scenario(world: World) -> None:
        accounts = [await world.signed_up(f"n{n}@example.org") for n in range(3)]
        world.target.away = True
        for tokens in accounts:
            await world.ask("DELETE", "/account", tokens, json={"password": PASSWORD})
        world.target.away = False
        world.target.away_for = {accounts[0]["account_id"]}
        await world.auth.maintain()
        left = [len(await world.profiles._store.scan(tokens["account_id"], "profile/")) for tokens in accounts]
        assert left == [1, 0, 0]

    in_world(scenario)
