"""Every operation of auth answers as its OpenAPI document says."""

from __future__ import annotations

from serve_apps.auth.routes import PREFIX
from tests.serve_apps.auth.conftest import InWorld, World
from tests.serve_apps.schema_check import check_api


def test_auth_answers_as_documented(in_world: InWorld) -> None:
    async def scenario(world: World) -> None:
        tokens = await world.signed_up()
        profile = await world.profile(tokens)
        chosen = (await world.chosen(tokens, profile)).json()
        # Signing out comes last: an operation that ends the caller would leave only refusals to the others.
        assert await check_api(world.app, PREFIX, chosen["access_token"], examples=8, leave_out={"DELETE /tokens"}) > 60
        await check_api(world.app, PREFIX, chosen["access_token"], examples=1)
        await check_api(world.app, PREFIX, None, examples=2)

    in_world(scenario)
