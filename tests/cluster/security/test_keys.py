"""The signing keys take turns, and many replicas agree on them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from joserfc.jwk import ECKey

from cluster.durable import Store, Table
from cluster.errors import Misconfigured, StoreUnavailable
from cluster.security.keys import (
    LONGEST_TOKEN_S,
    MARGIN_S,
    PUBLIC_KEYS,
    RELOAD_AFTER_S,
    ROTATE_AFTER_S,
    SETTLE_S,
    SIGNING_KEYS,
    KeyRing,
    PublicKeys,
    SigningKey,
    retired,
    rotation_due,
    signing_at,
)
from tests.cluster.security.conftest import SECRET, Clock

Opened = Callable[[Table], Awaitable[Store]]
_KEY = ECKey.generate_key("P-256")


async def ring(opened: Opened, clock: Clock, secret: bytes = SECRET) -> KeyRing:
    keys = KeyRing(await opened(SIGNING_KEYS), await opened(PUBLIC_KEYS), secret, clock)
    await keys.refresh()
    return keys


def test_many_replicas_that_start_together_have_one_first_key(opened: Opened, clock: Clock) -> None:
    async def run() -> None:
        rings = await asyncio.gather(*(ring(opened, clock) for _ in range(20)))
        assert len({keys.signing().kid for keys in rings}) == 1
        assert len(await (await opened(SIGNING_KEYS)).scan("keys")) == 1

    asyncio.run(run())


def test_a_private_key_is_stored_encrypted(opened: Opened, clock: Clock) -> None:
    async def run() -> None:
        keys = await ring(opened, clock)
        private = keys.signing().key.as_dict(private=True)["d"]
        row = (await (await opened(SIGNING_KEYS)).scan("keys"))[0]
        assert str(private) not in str(row.value)
        assert set(row.value) == {"kid", "created_at_s", "signs_from_s", "nonce", "sealed"}

    asyncio.run(run())


def test_another_secret_is_told_in_one_sentence(opened: Opened, clock: Clock) -> None:
    async def run() -> None:
        await ring(opened, clock)
        with pytest.raises(Misconfigured, match="MATINEE_SECRET"):
            await ring(opened, clock, b"another secret altogether")

    asyncio.run(run())


def test_jwks_has_public_halves_only(opened: Opened, clock: Clock) -> None:
    async def run() -> None:
        [key] = (await ring(opened, clock)).jwks()["keys"]
        assert set(key) == {"kty", "crv", "x", "y", "kid", "use", "alg"}
        assert key["kid"] == ECKey.import_key({name: key[name] for name in ("kty", "crv", "x", "y")}).thumbprint()

    asyncio.run(run())


def test_a_new_key_is_published_before_it_signs_and_the_old_one_stays_until_its_tokens_ended(opened: Opened, clock: Clock) -> None:
    async def run() -> None:
        keys, public = await ring(opened, clock), PublicKeys(await opened(PUBLIC_KEYS), clock)
        first = keys.signing().kid
        clock.advance(ROTATE_AFTER_S)
        await keys.refresh()
        assert keys.signing().kid == first
        [second] = {key["kid"] for key in keys.jwks()["keys"]} - {first}
        assert await public.get(second) is not None
        clock.advance(SETTLE_S)
        assert keys.signing().kid == second
        clock.advance(LONGEST_TOKEN_S + MARGIN_S - 1)
        await keys.refresh()
        assert await public.get(first) is not None
        clock.advance(1 + RELOAD_AFTER_S)
        await keys.refresh()
        assert await public.get(first) is None
        assert [key["kid"] for key in keys.jwks()["keys"]] == [second]

    asyncio.run(run())


def test_a_key_that_was_made_but_not_published_is_published_by_the_next_replica(opened: Opened, clock: Clock) -> None:
    async def run() -> None:
        keys = await ring(opened, clock)
        published = await opened(PUBLIC_KEYS)
        [row] = await published.scan("keys")
        await published.delete(row)  # the replica died between the two writes
        await ring(opened, clock)
        assert await PublicKeys(published, clock).get(keys.signing().kid) is not None

    asyncio.run(run())


class Counting:
    """A store that counts its readings, and can be away."""

    def __init__(self, store: Store) -> None:
        self.store, self.scans, self.away = store, 0, False

    async def scan(self, *args: object, **kwargs: object) -> object:
        self.scans += 1
        if self.away:
            raise StoreUnavailable
        return await self.store.scan(*args, **kwargs)  # type: ignore[arg-type]


def test_unknown_key_ids_cost_few_readings_however_many_come(opened: Opened, clock: Clock) -> None:
    async def run() -> None:
        counting = Counting(await opened(PUBLIC_KEYS))
        public = PublicKeys(counting, clock)  # type: ignore[arg-type]
        for number in range(500):
            assert await public.get(f"made-up-{number}") is None
        assert counting.scans <= 5
        clock.advance(1)
        await public.get("made-up")
        assert counting.scans <= 6

    asyncio.run(run())


def test_a_known_key_outlives_an_absence_of_the_store(opened: Opened, clock: Clock) -> None:
    async def run() -> None:
        kid = (await ring(opened, clock)).signing().kid
        counting = Counting(await opened(PUBLIC_KEYS))
        public = PublicKeys(counting, clock)  # type: ignore[arg-type]
        assert await public.get(kid) is not None
        counting.away = True
        clock.advance(RELOAD_AFTER_S)
        assert await public.get(kid) is not None
        with pytest.raises(StoreUnavailable):
            clock.advance(RELOAD_AFTER_S)
            await public.get("never seen")

    asyncio.run(run())


@given(st.lists(st.floats(0, 10 * ROTATE_AFTER_S), min_size=1, max_size=5), st.floats(0, 12 * ROTATE_AFTER_S))
def test_the_key_that_signs_is_never_retired(made: list[float], now_s: float) -> None:
    keys = [SigningKey(n + 1, str(n), at, at + (SETTLE_S if n else 0), _KEY) for n, at in enumerate(sorted(made))]
    signing = signing_at(keys, now_s)
    assert signing is not None
    assert signing not in retired(keys, now_s)
    assert keys[-1] not in retired(keys, now_s)
    assert rotation_due([], now_s)
