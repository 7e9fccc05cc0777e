"""Nobody guesses more often than allowed, however the guesses are timed."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cluster.durable import Mode, Store, Table
from cluster.errors import Overloaded, TooManyRequests
from cluster.security.tries import TryLimit, still_counting, wait_s
from tests.cluster.security.conftest import Clock

Opened = Callable[[Table], Awaitable[Store]]
TRIES = Table("tries", Mode.LINEAR, group="test")


@given(st.lists(st.floats(0, 7200), max_size=100))
def test_in_no_window_are_more_than_allowed(gaps_at: list[float]) -> None:
    admitted: list[float] = []
    for now_s in sorted(gaps_at):
        if wait_s(admitted, 10, 3600, now_s) == 0:
            admitted.append(now_s)
    for start_s in admitted:
        assert len([at_s for at_s in admitted if start_s <= at_s < start_s + 3600]) <= 10


@given(st.lists(st.floats(0, 3600), min_size=10, max_size=50), st.floats(3600, 7200))
def test_after_the_wait_the_next_try_is_admitted(tries: list[float], now_s: float) -> None:
    later_s = now_s + wait_s(tries, 10, 3600, now_s) + 0.001
    assert wait_s(tries, 10, 3600, later_s) == 0
    assert len(still_counting(tries, 3600, later_s)) < 10


def test_guesses_sent_at_once_are_counted_one_by_one(opened: Opened, clock: Clock) -> None:
    async def run() -> None:
        limit = TryLimit(await opened(TRIES), 10, 3600, clock)
        results = await asyncio.gather(*(limit.admit("somebody") for _ in range(40)), return_exceptions=True)
        assert sum(not isinstance(result, Exception) for result in results) == 10
        with pytest.raises(TooManyRequests) as refused:
            await limit.admit("somebody")
        assert refused.value.retry_after_s == 3600
        await limit.admit("somebody else")
        clock.advance(3600)
        await limit.admit("somebody")

    asyncio.run(run())


def test_a_right_guess_does_not_count_and_leaves_the_wrong_ones_of_others(opened: Opened, clock: Clock) -> None:
    async def run() -> None:
        limit = TryLimit(await opened(TRIES), 2, 3600, clock)
        await limit.admit("a")
        for _ in range(5):
            clock.advance(1)
            await limit.forgive(await limit.admit("a"))
        await limit.admit("a")
        with pytest.raises(TooManyRequests):
            await limit.admit("a")

    asyncio.run(run())


def test_only_a_guess_that_was_found_wrong_counts(opened: Opened, clock: Clock) -> None:
    async def run() -> None:
        limit = TryLimit(await opened(TRIES), 2, 3600, clock)
        verifying = asyncio.Event()

        async def right() -> bool:
            return True

        async def wrong() -> bool:
            return False

        async def overloaded() -> bool:
            raise Overloaded

        async def hangs() -> bool:
            verifying.set()
            await asyncio.Event().wait()
            return True

        for _ in range(3):
            assert await limit.guess(right, "a")
            with pytest.raises(Overloaded):
                await limit.guess(overloaded, "a")
            given_up = asyncio.create_task(limit.guess(hangs, "a"))
            await verifying.wait()
            verifying.clear()
            given_up.cancel()
            with pytest.raises(asyncio.CancelledError):
                await given_up
        assert [await limit.guess(wrong, "a") for _ in range(2)] == [False, False]
        with pytest.raises(TooManyRequests):
            await limit.guess(right, "a")

    asyncio.run(run())
