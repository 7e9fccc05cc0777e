from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cluster.errors import InvalidInput
from serve_apps.operations.policy import REPLICAS_LIMIT, ScaleRange, condition_of, is_ready, parse_scale, seats_of

allowed = st.integers(1, REPLICAS_LIMIT)


@given(allowed)
def test_a_number_fixes_both_ends(number: int) -> None:
    assert parse_scale(f" {number} ") == ScaleRange(number, number)


@given(allowed, allowed)
def test_a_range_is_read_back_as_it_is_written(one: int, other: int) -> None:
    scale = ScaleRange(min(one, other), max(one, other))
    assert parse_scale(str(scale)) == scale


@given(st.text(max_size=12))
def test_any_other_text_is_refused_with_a_typed_error(text: str) -> None:
    try:
        scale = parse_scale(text)
    except InvalidInput:
        return
    assert re.fullmatch(r"\s*\d+(\.\.\d+)?\s*", text)
    assert 1 <= scale.min_replicas <= scale.max_replicas <= REPLICAS_LIMIT


@pytest.mark.parametrize("text", ["", "0", "-1", "2..1", "1..65", "99999999999999999999", "1...2", "one", "1.5", "1..", "..2"])
def test_what_is_no_range_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput):
        parse_scale(text)


@given(st.sampled_from(["RUNNING", "DEPLOYING", "NOT_STARTED"]), st.integers(0, 5), st.integers(0, 5))
def test_an_application_that_answers_is_ready_while_it_scales(serve_status: str, replicas: int, target: int) -> None:
    condition = condition_of(serve_status, replicas, target)
    assert is_ready([condition]) == (replicas > 0)
    assert (condition == "healthy") == (replicas > 0 and replicas == target)


@pytest.mark.parametrize(
    ("serve_status", "condition"), [("UNHEALTHY", "unhealthy"), ("DEPLOY_FAILED", "unhealthy"), ("DELETING", "stopping")]
)
def test_what_serve_calls_broken_is_not_ready(serve_status: str, condition: str) -> None:
    assert condition_of(serve_status, 1, 1) == condition
    assert not is_ready([condition_of(serve_status, 1, 1)])


def test_nothing_deployed_is_not_ready() -> None:
    assert not is_ready([])


@given(st.sampled_from(["RUNNING", "DEPLOYING", "UNHEALTHY", "DEPLOY_FAILED", "DELETING"]), *[st.integers(0, 8)] * 3)
def test_every_replica_that_is_there_or_wanted_has_one_seat(serve_status: str, running: int, starting: int, target: int) -> None:
    seats = seats_of(serve_status, running, starting, target)
    assert len(seats) == max(target, running + starting)
    assert seats.count("running") == running
    assert seats.count("starting") >= starting
    assert "unhealthy" not in seats or condition_of(serve_status, running, target) == "unhealthy"
