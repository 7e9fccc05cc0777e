"""The first operator is made once, whoever starts with whom and dies on the way."""

from __future__ import annotations

import asyncio
from pathlib import Path

from cluster.ids import new_id
from serve_apps.auth.accounts import ORPHAN_AFTER_S
from serve_apps.auth.policy import email_hash
from tests.serve_apps.auth.conftest import InWorld, World


def test_a_first_start_that_died_half_way_leaves_no_instance_without_an_operator(in_world: InWorld) -> None:
    async def scenario(world: World) -> None:
        settings = world.settings.model_copy(update={"operator_email": "boss@example.org"})
        world.auth._operator._settings = settings
        await world.auth._accounts.claim(email_hash("boss@example.org"), new_id())  # and then it died
        await world.auth.maintain()
        assert await world.auth._accounts.find(email_hash("boss@example.org")) is None
        world.now_s += ORPHAN_AFTER_S
        for _ in range(2):
            await world.auth.maintain()
        assert (await world.signed_in("boss@example.org"))["roles"] == ["operator"]

    in_world(scenario)


def test_the_first_operator_is_made_once_and_signs_in_with_the_password_of_the_file(in_world: InWorld, tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        path = tmp_path / "operator-password"
        assert path.stat().st_mode & 0o777 == 0o600
        password = path.read_text().strip()
        for _ in range(2):
            await world.auth.maintain()
        assert path.read_text().strip() == password
        tokens = await world.signed_in("operator@matinee.local", password)
        assert tokens["roles"] == ["operator"]
        assert (await world.gate.admit(tokens["access_token"])).roles == ("operator",)
        assert len((await world.ask_profiles("GET", "", tokens)).json()["items"]) == 1

    in_world(scenario, operator_password=None)


def test_replicas_that_start_together_make_one_operator_and_one_key(tmp_path: Path) -> None:
    async def main() -> None:
        worlds = [World(tmp_path) for _ in range(4)]
        await asyncio.gather(*(world.auth.open() for world in worlds))
        assert len({world.auth.keys.signing().kid for world in worlds}) == 1
        password = (tmp_path / "operator-password").read_text().strip()
        for world in worlds:
            await world.profiles.open()
        loaded, _ = await worlds[0].auth._credentials.sign_in("operator@matinee.local", password, None)
        assert loaded.account.roles == ("operator",)
        for world in worlds:
            await world.auth.close()
            await world.profiles.close()

    asyncio.run(main())


def test_a_member_does_not_become_operator_by_a_setting(in_world: InWorld) -> None:
    async def scenario(world: World) -> None:
        tokens = await world.signed_up("boss@example.org")
        world.auth._operator._settings = world.settings.model_copy(update={"operator_email": "boss@example.org"})
        await world.auth.maintain()
        assert (await world.ask("GET", "/account", tokens)).json()["roles"] == ["member"]

    in_world(scenario)
