"""How pages and expiries are put into CQL."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cluster.durable.cassandra.conditions import LASTING_S
from cluster.durable.cassandra.statements import LONGEST_TTL_S, TTL_MARGIN_S, bounds, ttl_s
from cluster.durable.cassandra.turns import Turns
from cluster.errors import StoreUnavailable

texts = st.text(st.sampled_from("a\x01b\ud7ff\ue000\uffff\U00010000\U0010ffff"), max_size=4)


@given(prefix=texts, after=st.none() | texts, reverse=st.booleans(), sort=texts)
def test_a_page_has_what_begins_with_its_prefix_past_after(prefix: str, after: str | None, reverse: bool, sort: str) -> None:
    low, high = bounds(prefix, after, reverse=reverse)
    past = after is None or (sort < after if reverse else sort > after)
    assert (low <= sort < high) == (sort.startswith(prefix) and past)


def test_bounds_compare_as_their_bytes() -> None:
    for prefix in ("\ud7ff", "\uffff", "\U0010ffff", "a\U0010ffff"):
        low, high = bounds(prefix, None, reverse=False)
        assert low.encode() < high.encode()


@pytest.mark.parametrize(
    ("expires_at_s", "expected"),
    [
        (LASTING_S, 0),
        (1000.0 + LONGEST_TTL_S, 0),
        (1000.5, TTL_MARGIN_S + 1),
        (1000.0, TTL_MARGIN_S),
        (0.0, TTL_MARGIN_S - 1000),
        (-1e9, 1),
    ],
)
def test_a_row_is_collected_well_after_it_expires(expires_at_s: float, expected: float) -> None:
    assert ttl_s(expires_at_s, now_s=1000.0) == expected


def test_turns_come_one_after_another_and_only_on_one_partition() -> None:
    async def go() -> None:
        turns, order = Turns(5.0), []

        async def hold(partition: str, name: str, until: asyncio.Event) -> None:
            async with turns.of(partition):
                order.append(name)
                await until.wait()

        first, second, done = asyncio.Event(), asyncio.Event(), asyncio.Event()
        done.set()
        tasks = [asyncio.create_task(hold("p", name, event)) for name, event in (("one", first), ("two", second))]
        await asyncio.wait_for(hold("q", "other", done), 5)
        assert order == ["one", "other"]
        tasks[0].cancel()
        second.set()
        await asyncio.gather(*tasks, return_exceptions=True)
        assert order == ["one", "other", "two"]
        assert not turns._locks
        assert not turns._holders

    asyncio.run(go())


def test_a_turn_that_does_not_come_is_told() -> None:
    async def go() -> None:
        turns = Turns(0.01)
        async with turns.of("p"):
            with pytest.raises(StoreUnavailable):
                async with turns.of("p"):
                    pass
        async with turns.of("p"):
            pass

    asyncio.run(go())
