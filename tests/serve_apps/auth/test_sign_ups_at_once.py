"""A hundred that sign up with one e-mail at the same moment, on Cassandra and on SQLite."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from cluster.errors import AccountExists, Conflict, Unavailable
from serve_apps.auth import policy
from serve_apps.auth.schemas import NewAccount, Tokens
from tests.contracts.adapters import cassandra, embedded
from tests.serve_apps.auth.conftest import PASSWORD, World

EMAIL = "everybody@example.org"


@pytest.mark.parametrize("store_of", [embedded, pytest.param(cassandra, marks=pytest.mark.durable)])
def test_of_a_hundred_sign_ups_with_one_email_exactly_one_wins(request: pytest.FixtureRequest, tmp_path: Path, store_of: Any) -> None:
    async def go() -> None:
        world = World(tmp_path, store=store_of(request), operator_password=PASSWORD)
        await world.open()
        try:
            asked = [NewAccount(email=EMAIL, password=PASSWORD, name=f"No {number}") for number in range(100)]
            answers = await asyncio.gather(*map(world.auth.sign_up, asked), return_exceptions=True)
            won = [answer for answer in answers if isinstance(answer, Tokens)]
            others = [answer for answer in answers if not isinstance(answer, Tokens)]
            assert len(won) == 1
            # Of a store that is slow some hear that it was not to be had; nobody else hears that they have an account.
            assert all(isinstance(answer, AccountExists | Conflict | Unavailable) for answer in others), others
            found = await world.auth._accounts.find(policy.email_hash(EMAIL))
            assert found is not None
            listed, _ = await world.auth.members.page(EMAIL, 10, None)
            assert [each.account_id for each in listed] == [found.account_id]
            assert (await world.signed_in(EMAIL))["access_token"]
        finally:
            await world.close()

    asyncio.run(go())
