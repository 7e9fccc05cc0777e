"""What is kept of a batch, and how much one profile may tell."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cluster.durable import partition_of
from cluster.errors import TooManyRequests
from cluster.events import TELEMETRY, Event, encode
from serve_apps.telemetry.policy import BELIEVED_S, BURST, PER_S, Allowance, drawn, facts
from serve_apps.telemetry.schemas import EVENTS_LIMIT
from tests.serve_apps.telemetry.told import impression, parsed, stall

NOW_S = 1_700_000_000.0

zones = st.integers(-14 * 60 + 1, 14 * 60 - 1).map(lambda minutes: timezone(timedelta(minutes=minutes)))
times = st.datetimes(timezones=zones) | st.floats(-2 * BELIEVED_S, BELIEVED_S).map(lambda s: datetime.fromtimestamp(NOW_S + s, UTC))
batches = st.lists(
    st.builds(
        lambda make, number, at: make(f"e{number}", at=at.isoformat()), st.sampled_from([impression, stall]), st.integers(0, 5), times
    ),
    min_size=1,
    max_size=20,
)


def test_an_impression_is_kept_like_this() -> None:
    """What is in the log stays readable: fields are only ever added."""
    assert facts("p1", parsed(impression(at="2023-11-14T22:13:10Z")), NOW_S) == [
        Event(
            "telemetry",
            "card.seen",
            "p1/e1",
            1,
            NOW_S - 10,
            {
                "profile_id": "p1",
                "event_id": "e1",
                "page_id": "page",
                "row_id": "genre-science fiction",
                "row_position": 2,
                "position": 4,
                "title_id": "t1",
                "propensity": 0.25,
                "model_version": None,
                "received_at_s": NOW_S,
            },
        )
    ]


@given(batches)
def test_each_id_is_kept_once_in_order_and_at_a_time_that_can_be(told: list[dict[str, object]]) -> None:
    kept = facts("p1", parsed(*told), NOW_S)
    ids = list(dict.fromkeys(str(each["event_id"]) for each in told))
    assert [fact.key for fact in kept] == [f"p1/{event_id}" for event_id in ids]
    for fact in kept:
        assert NOW_S - BELIEVED_S <= fact.occurred_at_s <= NOW_S
        assert fact.entity_version == 1
        told_at = datetime.fromisoformat(str(next(each for each in told if each["event_id"] == fact.value["event_id"])["at"]))
        if NOW_S - BELIEVED_S <= told_at.timestamp() <= NOW_S:
            assert fact.occurred_at_s == told_at.timestamp()


@given(batches, batches, st.text(st.characters(categories=["L", "N"], include_characters="-_"), min_size=1))
def test_all_of_a_profile_is_in_one_partition_whoever_sends_it_how_often(
    one: list[dict[str, object]], other: list[dict[str, object]], profile_id: str
) -> None:
    kept = facts(profile_id, parsed(*one), NOW_S) + facts(profile_id, parsed(*other), NOW_S + 5)
    places = {partition_of(TELEMETRY.placed_by(fact.key), TELEMETRY.partitions) for fact in kept}
    assert places == {partition_of(profile_id, TELEMETRY.partitions)}
    again = facts(profile_id, parsed(*one), NOW_S + 9)
    assert {fact.key for fact in again} <= {fact.key for fact in kept}


def test_the_largest_batch_is_one_append() -> None:
    largest = parsed(*(impression(f"e{n}", row_id="\U0001f37f" * 200, title_id="t" * 100) for n in range(EVENTS_LIMIT)))
    assert sum(len(encode(fact)) for fact in facts("p" * 36, largest, NOW_S)) < 256 << 10


@given(st.lists(st.tuples(st.floats(0, 300), st.integers(1, EVENTS_LIMIT)), max_size=60))
def test_a_profile_tells_what_it_may_and_never_more(asks: list[tuple[float, int]]) -> None:
    now_s, allowance, taken = NOW_S, Allowance(BURST, NOW_S), 0
    for pause_s, events in asks:
        now_s += pause_s
        try:
            allowance = drawn(allowance, events, now_s)
        except TooManyRequests as error:
            assert error.retry_after_s is not None
            now_s += error.retry_after_s + 1e-3
            allowance = drawn(allowance, events, now_s)
        taken += events
        assert taken <= BURST + PER_S * (now_s - NOW_S) + 1e-3
        assert 0 <= allowance.left <= BURST


def test_a_clock_that_is_set_back_gives_nothing_and_takes_nothing() -> None:
    after = drawn(Allowance(10, NOW_S), 4, NOW_S - 3600)
    assert after.left == 6
    with pytest.raises(TooManyRequests):
        drawn(after, 7, NOW_S - 3600)
