"""Every figure against the slow, plain reading of its definition."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models import metrics
from models.ranking import NOTHING
from tests.models.test_ranking import histories

ITEMS = 8
RANKING = st.integers(1, 6).flatmap(
    lambda k: st.lists(
        st.tuples(st.permutations(range(ITEMS)), st.integers(0, k)).map(lambda drawn: [*drawn[0][: drawn[1]], *[NOTHING] * (k - drawn[1])]),
        min_size=1,
        max_size=5,
    )
)
TARGETS = st.sets(st.integers(0, ITEMS - 1), min_size=1, max_size=4)


@given(RANKING, st.data())
def test_accuracy_is_as_defined(ranked: list[list[int]], data: st.DataObject) -> None:
    targets = [sorted(data.draw(TARGETS)) for _ in ranked]
    hit_QK = metrics.hits(np.array(ranked), histories(targets))
    found = zip(
        metrics.hit_rate(hit_QK),
        metrics.ndcg(hit_QK, np.array([len(wanted) for wanted in targets])),
        metrics.reciprocal_rank(hit_QK),
        strict=True,
    )
    for places, wanted, (hit_rate, ndcg, reciprocal_rank) in zip(ranked, targets, found, strict=True):
        at = [place for place, item in enumerate(places, start=1) if item in wanted]
        assert hit_rate == (1 if at else 0)
        assert reciprocal_rank == (1 / at[0] if at else 0)
        ideal = sum(1 / math.log2(place + 1) for place in range(1, min(len(wanted), len(places)) + 1))
        assert ndcg == pytest.approx(sum(1 / math.log2(place + 1) for place in at) / ideal)
        assert ndcg <= 1 + 1e-12


@given(RANKING, st.lists(st.integers(0, 20), min_size=ITEMS, max_size=ITEMS))
def test_coverage_and_novelty_are_as_defined(ranked: list[list[int]], watched: list[int]) -> None:
    there = [[item for item in places if item != NOTHING] for places in ranked]
    assert metrics.coverage(np.array(ranked), ITEMS) == len({item for places in there for item in places}) / ITEMS
    for places, novelty in zip(there, metrics.novelty(np.array(ranked), np.array(watched), 20), strict=True):
        bits = [-math.log2((watched[item] + 1) / 21) for item in places]
        assert novelty == pytest.approx(sum(bits) / len(bits) if bits else 0)


@given(RANKING, st.data())
def test_miscalibration_is_the_divergence_of_the_genres(ranked: list[list[int]], data: st.DataObject) -> None:
    genre_IG = np.array(
        data.draw(st.lists(st.lists(st.integers(0, 1), min_size=3, max_size=3).filter(any), min_size=ITEMS, max_size=ITEMS)), np.float32
    )
    seen = [sorted(data.draw(TARGETS)) for _ in ranked]
    share_IG = genre_IG / genre_IG.sum(axis=1, keepdims=True)
    for places, watched, found in zip(ranked, seen, metrics.miscalibration(np.array(ranked), histories(seen), genre_IG), strict=True):
        there = [item for item in places if item != NOTHING]
        p = share_IG[watched].mean(axis=0)
        q = share_IG[there].mean(axis=0) if there else np.zeros(3)
        expected = sum(p[g] * math.log(p[g] / (0.99 * q[g] + 0.01 * p[g])) for g in range(3) if p[g] > 0)
        assert found == pytest.approx(expected, abs=1e-6)


def test_the_same_mixture_is_calibrated() -> None:
    genre_IG = np.eye(3, dtype=np.float32)[[0, 0, 1, 1, 2, 2]]
    found = metrics.miscalibration(np.array([[1, 3], [5, 1]]), histories([[0, 2], [0, 2]]), genre_IG)
    assert found[0] == pytest.approx(0, abs=1e-9)
    assert found[1] > 1
