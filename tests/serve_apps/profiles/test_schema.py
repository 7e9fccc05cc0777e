"""Every operation of profiles answers as its OpenAPI document says."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from serve_apps.profiles.routes import PREFIX
from tests.serve_apps.profiles.conftest import World, token
from tests.serve_apps.schema_check import check_api

InWorld = Callable[[Callable[[World], Awaitable[None]]], None]


def test_profiles_answers_as_documented(in_world: InWorld) -> None:
    async def scenario(world: World) -> None:
        profile = await world.made()
        assert await check_api(world.app, PREFIX, token(profile=profile)) > 100
        assert await check_api(world.app, PREFIX, None, examples=2) > 10

    in_world(scenario)
