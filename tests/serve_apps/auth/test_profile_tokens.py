"""A profile's token says what the profile may see; a kids profile is left with a PIN or the account's password only."""

from __future__ import annotations

from tests.serve_apps.auth.conftest import PASSWORD, InWorld, World, slug


def test_a_chosen_profile_stands_in_the_token(in_world: InWorld) -> None:
    async def scenario(world: World) -> None:
        tokens = await world.signed_up()
        teen = await world.profile(tokens, maturity=13)
        answer = (await world.chosen(tokens, teen)).json()
        claims = await world.gate.admit(answer["access_token"])
        assert (claims.profile_id, claims.maturity, claims.kids, claims.streams) == (teen["profile_id"], 13, False, 2)
        assert (answer["profile_id"], answer["maturity"], answer["kids"]) == (teen["profile_id"], 13, False)
        assert claims.device_id == tokens["device_id"]

    in_world(scenario)


def test_a_pin_or_the_accounts_password_opens_a_locked_profile(in_world: InWorld) -> None:
    async def scenario(world: World) -> None:
        tokens = await world.signed_up()
        locked = await world.profile(tokens, pin="1234")
        for proof in ({}, {"pin": "4321"}, {"password": "not the password"}):
            assert slug(await world.chosen(tokens, locked, **proof)) == "wrong-pin"
        for proof in ({"pin": "1234"}, {"password": PASSWORD}):
            assert (await world.chosen(tokens, locked, **proof)).status_code == 200

    in_world(scenario)


def test_another_accounts_profile_is_not_there(in_world: InWorld) -> None:
    async def scenario(world: World) -> None:
        mine, theirs = await world.signed_up(), await world.signed_up("bo@example.org")
        profile = await world.profile(mine)
        assert slug(await world.chosen(theirs, profile)) == "profile-not-found"

    in_world(scenario)


def test_a_kids_profile_is_left_with_a_pin_or_the_password_only(in_world: InWorld) -> None:
    async def scenario(world: World) -> None:
        tokens = await world.signed_up()
        kid, adult = await world.profile(tokens, kids=True), await world.profile(tokens)
        locked, sibling = await world.profile(tokens, pin="1234"), await world.profile(tokens, kids=True)
        kids_token = (await world.chosen(tokens, kid)).json()
        assert kids_token["kids"]
        # The account's token of a minute ago knows nothing of it; the device does.
        for by in (kids_token, tokens):
            for profile in (adult, locked, sibling):
                assert slug(await world.chosen(by, profile)) == "wrong-pin"
            assert (await world.chosen(by, kid)).status_code == 200
        assert slug(await world.chosen(kids_token, adult, pin="1234")) == "wrong-pin"  # it has no PIN that this could be
        assert slug(await world.chosen(kids_token, adult, password="guess guess guess")) == "wrong-pin"
        assert (await world.chosen(kids_token, locked, pin="1234")).json()["kids"] is False
        await world.chosen(tokens, kid)
        assert (await world.chosen(kids_token, adult, password=PASSWORD)).json()["kids"] is False
        assert (await world.chosen(tokens, locked, pin="1234")).status_code == 200

    in_world(scenario)


def test_once_a_kids_profile_is_chosen_the_tokens_of_before_open_nothing(in_world: InWorld) -> None:
    async def scenario(world: World) -> None:
        tokens, other = await world.signed_up(), await world.signed_in()
        kid, adult, locked = await world.profile(tokens, kids=True), await world.profile(tokens), await world.profile(tokens, pin="1234")
        grown_up = (await world.chosen(tokens, adult)).json()
        world.now_s += 1
        kids_token = (await world.chosen(tokens, kid)).json()
        await world.revoked.poll()
        for by in (tokens, grown_up):
            assert slug(await world.ask_profiles("POST", "", by, json={"name": "mine", "pin": "1234"})) == "token-invalid"
            assert slug(await world.ask_profiles("PATCH", f"/{kid['profile_id']}", by, json={"kids": False})) == "token-invalid"
            assert slug(await world.ask("GET", "/account", by)) == "token-invalid"
            assert slug(await world.chosen(by, locked, pin="1234")) == "token-invalid"
        for by in (kids_token, other):
            assert (await world.ask_profiles("GET", "", by)).status_code == 200
        left = (await world.chosen(kids_token, locked, pin="1234")).json()
        assert (await world.ask_profiles("PATCH", f"/{kid['profile_id']}", left, json={"name": "Kid"})).status_code == 200
        again = (await world.refreshed(tokens)).json()
        assert (await world.ask("GET", "/account", again)).status_code == 200

    in_world(scenario)


def test_a_device_whose_profile_becomes_a_kids_profile_is_held_to_it_at_its_next_refresh(in_world: InWorld) -> None:
    async def scenario(world: World) -> None:
        tokens, parents = await world.signed_up(), await world.signed_in()
        profile = await world.profile(tokens)
        chosen = (await world.chosen(tokens, profile)).json()
        await world.ask_profiles("PATCH", f"/{profile['profile_id']}", parents, json={"kids": True})
        world.now_s += 1
        assert (await world.refreshed(tokens, profile_id=profile["profile_id"])).json()["kids"]
        await world.revoked.poll()
        for by in (tokens, chosen):
            assert slug(await world.ask("GET", "/account", by)) == "token-invalid"

    in_world(scenario)


def test_a_kids_profile_guesses_the_password_no_more_than_ten_times(in_world: InWorld) -> None:
    async def scenario(world: World) -> None:
        tokens = await world.signed_up()
        kid, adult = await world.profile(tokens, kids=True), await world.profile(tokens)
        by = (await world.chosen(tokens, kid)).json()
        answers = [slug(await world.chosen(by, adult, password=f"guess number {n}")) for n in range(11)]
        assert answers == ["wrong-pin"] * 10 + ["too-many-requests"]
        assert slug(await world.chosen(by, adult, password=PASSWORD)) == "too-many-requests"

    in_world(scenario)


def test_refreshing_does_not_lead_out_of_a_kids_profile(in_world: InWorld) -> None:
    async def scenario(world: World) -> None:
        tokens = await world.signed_up()
        kid, adult = await world.profile(tokens, kids=True), await world.profile(tokens)
        await world.chosen(tokens, adult)
        await world.chosen(tokens, kid)
        assert slug(await world.refreshed(tokens, profile_id=adult["profile_id"])) == "forbidden"
        refreshed = (await world.refreshed(tokens)).json()
        assert (refreshed["profile_id"], refreshed["kids"], refreshed["maturity"]) == (kid["profile_id"], True, 12)
        # Once it is deleted, from another device, there is nothing to be held to.
        other = await world.signed_in()
        assert (await world.ask_profiles("DELETE", f"/{kid['profile_id']}", other)).status_code == 204
        refreshed = (await world.refreshed(refreshed)).json()
        assert (refreshed["profile_id"], refreshed["kids"]) == (None, False)

    in_world(scenario)


def test_a_kids_profile_neither_reads_nor_changes_the_account(in_world: InWorld) -> None:
    async def scenario(world: World) -> None:
        tokens = await world.signed_up()
        kid = await world.profile(tokens, kids=True)
        by = (await world.chosen(tokens, kid)).json()
        for method, path, body in (
            ("GET", "/account", None),
            ("GET", "/devices", None),
            ("PATCH", "/account", {"name": "x"}),
            ("DELETE", "/account", {"password": PASSWORD}),
            ("DELETE", f"/devices/{tokens['device_id']}", None),
        ):
            assert slug(await world.ask(method, path, by, json=body)) == "forbidden"

    in_world(scenario)


def test_a_film_outlives_a_token_with_the_profile_read_again(in_world: InWorld) -> None:
    async def scenario(world: World) -> None:
        tokens = await world.signed_up()
        teen, other = await world.profile(tokens, maturity=13), await world.profile(tokens)
        assert slug(await world.refreshed(tokens, profile_id=teen["profile_id"])) == "forbidden"
        await world.chosen(tokens, teen)
        await world.ask_profiles("PATCH", f"/{teen['profile_id']}", tokens, json={"maturity": 16})
        refreshed = (await world.refreshed(tokens, profile_id=teen["profile_id"])).json()
        assert (refreshed["profile_id"], refreshed["maturity"]) == (teen["profile_id"], 16)
        assert slug(await world.refreshed(refreshed, profile_id=other["profile_id"])) == "forbidden"
        account = (await world.refreshed(refreshed)).json()
        assert account["profile_id"] is None
        await world.ask_profiles("DELETE", f"/{teen['profile_id']}", account)
        assert slug(await world.refreshed(account, profile_id=teen["profile_id"])) == "profile-not-found"
        assert (await world.refreshed(account)).status_code == 200

    in_world(scenario)


def test_a_refresh_that_cannot_reach_profiles_leaves_the_token_good(in_world: InWorld) -> None:
    async def scenario(world: World) -> None:
        tokens = await world.signed_up()
        profile = await world.profile(tokens)
        await world.chosen(tokens, profile)
        world.target.away = True
        assert slug(await world.refreshed(tokens, profile_id=profile["profile_id"])) == "service-unavailable"
        world.now_s += 60
        world.target.away = False
        assert (await world.refreshed(tokens, profile_id=profile["profile_id"])).status_code == 200

    in_world(scenario)
