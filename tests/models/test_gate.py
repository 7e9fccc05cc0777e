"""The gate: what is worse by more than chance is refused, with the reason."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from models.errors import DataRefused
from models.gate import verdict

RANDOM = np.random.default_rng(5)
GOOD_Q = RANDOM.uniform(0.2, 0.6, 200)
BAD_Q = GOOD_Q - RANDOM.uniform(0.0, 0.1, 200)


def test_without_a_live_model_popularity_decides() -> None:
    accepted = verdict(GOOD_Q, None, BAD_Q, against_bundle_id=None)
    assert (accepted.accepted, accepted.against_bundle_id, list(accepted.differences)) == (True, None, ["popularity"])
    refused = verdict(BAD_Q, None, GOOD_Q, against_bundle_id=None)
    assert not refused.accepted
    assert refused.reason.startswith("It is worse than popularity by 0.0")
    mean, low, high = refused.differences["popularity"]
    assert mean == pytest.approx((BAD_Q - GOOD_Q).mean())
    assert low < mean < high < 0


def test_worse_than_the_live_one_is_refused_though_better_than_popularity() -> None:
    refused = verdict(BAD_Q, GOOD_Q, np.zeros(200), against_bundle_id="a")
    assert (refused.accepted, refused.against_bundle_id) == (False, "a")
    assert "the live model" in refused.reason
    assert "popularity" not in refused.reason
    assert "popularity" in refused.differences


def test_what_chance_may_have_done_is_let_through() -> None:
    few = np.array([0.0, 1.0, 0.0, 1.0])
    assert verdict(few, np.array([1.0, 0.1, 1.0, 0.1]), np.zeros(4), against_bundle_id="a").accepted


def test_what_cannot_be_judged_is_refused() -> None:
    nothing = np.empty(0)
    assert not verdict(nothing, None, nothing, against_bundle_id=None).accepted
    assert "finite" in verdict(np.array([0.1, math.nan]), None, np.zeros(2), against_bundle_id=None).reason
    with pytest.raises(DataRefused, match="2 questions"):
        verdict(np.ones(2), np.ones(3), np.ones(2), against_bundle_id="a")
    with pytest.raises(DataRefused):
        verdict(np.ones(2), np.ones(2), np.ones(2), against_bundle_id=None)


def scores(questions: int = 12) -> st.SearchStrategy[np.ndarray]:
    return arrays(np.float64, questions, elements=st.floats(0, 1))


@given(scores(), scores(), scores())
@settings(max_examples=20)
def test_never_against_itself_and_never_both_ways(one_Q: np.ndarray, other_Q: np.ndarray, popularity_Q: np.ndarray) -> None:
    assert verdict(one_Q, one_Q, np.zeros(12), against_bundle_id="a").accepted
    there, back = verdict(one_Q, other_Q, one_Q, against_bundle_id="a"), verdict(other_Q, one_Q, other_Q, against_bundle_id="a")
    assert there.accepted or back.accepted
    # To be better does no harm.
    assert verdict(np.maximum(one_Q, other_Q), other_Q, one_Q, against_bundle_id="a").accepted
    assert verdict(one_Q, other_Q, popularity_Q, against_bundle_id="a") == verdict(one_Q, other_Q, popularity_Q, against_bundle_id="a")
