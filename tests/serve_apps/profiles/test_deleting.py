from __future__ import annotations

from collections.abc import Awaitable, Callable

from tests.serve_apps.profiles.conftest import World

InWorld = Callable[[Callable[[World], Awaitable[None]]], None]


def test_a_deleted_profile_leaves_no_history(in_world: InWorld) -> None:
    async def scenario(world: World) -> None:
        await world.made()
        leaving = (await world.made(name="Ben"))["profile_id"]
        assert (await world.ask("DELETE", f"/{leaving}")).status_code == 204
        assert world.playback.forgotten == [("a", leaving)]
        assert (await world.ask("DELETE", f"/{leaving}")).status_code == 404

    in_world(scenario)


def test_a_deletion_that_playback_was_away_for_is_finished_by_the_next_try(in_world: InWorld) -> None:
    async def scenario(world: World) -> None:
        await world.made()
        leaving = (await world.made(name="Ben"))["profile_id"]
        world.playback.away = True
        for _ in range(2):
            assert (await world.ask("DELETE", f"/{leaving}")).status_code == 503
        assert (await world.ask("GET", f"/{leaving}")).status_code == 404
        world.playback.away = False
        assert (await world.ask("DELETE", f"/{leaving}")).status_code == 204
        assert world.playback.forgotten == [("a", leaving)]
        assert (await world.ask("DELETE", f"/{leaving}")).status_code == 404

    in_world(scenario)


def test_an_account_that_is_deleted_has_the_history_of_each_of_its_profiles_forgotten(in_world: InWorld) -> None:
    async def scenario(world: World) -> None:
        profiles = {(await world.made(name=name))["profile_id"] for name in ("Ann", "Ben")}
        await world.made("b")
        await world.client.delete_all("a")
        assert {profile_id for account_id, profile_id in world.playback.forgotten if account_id == "a"} == profiles
        assert len(world.playback.forgotten) == 2
        await world.client.delete_all("a")
        assert len(world.playback.forgotten) == 2

    in_world(scenario)
