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


def test_auth_answers_operators_as_documented(in_world: InWorld) -> None:
    async def scenario(world: World) -> None:
        ann, operator = await world.signed_up(), await world.signed_in("operator@matinee.local")
        waiting = (await world.ask("POST", "/device-codes")).json()
        known = {
            "account_id": [ann["account_id"], operator["account_id"]],
            "device_id": [(await world.signed_in())["device_id"] for _ in range(3)],
            "user_code": [waiting["user_code"]],
            "device_code": [waiting["device_code"]],
        }
        # Its own operations are tried by the member.
        leave_out = {"DELETE /tokens", "DELETE /account", "PATCH /account", "POST /accounts", "POST /tokens", "POST /tokens/profile"}
        assert await check_api(world.app, PREFIX, operator["access_token"], examples=6, leave_out=leave_out, known=known) > 60

    in_world(scenario)
