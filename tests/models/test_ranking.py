"""The best unseen items, in the order that a plain sort gives."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from models.data import Histories
from models.ranking import NOTHING, dense, top_k

SCORES = arrays(np.float32, st.tuples(st.integers(1, 4), st.integers(1, 7)), elements=st.sampled_from([-np.inf, -1, 0, 0.5, 2, np.nan]))


def histories(lists: list[list[int]]) -> Histories:
    row_N = np.array([row for row, items in enumerate(lists) for _ in items], dtype=np.int64)
    item_N = np.array([item for items in lists for item in items], dtype=np.int64)
    return Histories.of(row_N, item_N, np.arange(len(item_N), dtype=np.float64), np.ones(len(item_N), np.float32), len(lists))


@given(SCORES, st.integers(1, 9), st.data())
def test_the_best_unseen_items_come_first_and_ties_by_item(score_QI: np.ndarray, k: int, data: st.DataObject) -> None:
    rows, items = score_QI.shape
    seen = data.draw(st.lists(st.lists(st.integers(0, items - 1), max_size=9), min_size=rows, max_size=rows))
    before = score_QI.copy()
    ranked_QK = top_k(score_QI, histories(seen), k)
    for row in range(rows):
        left = [item for item in range(items) if item not in seen[row] and score_QI[row, item] > -np.inf]
        best = sorted(left, key=lambda item: (-score_QI[row, item], item))[:k]
        assert ranked_QK[row].tolist() == best + [NOTHING] * (k - len(best))
    assert np.array_equal(before, score_QI, equal_nan=True)


def test_nobody_asked_is_nothing_ranked() -> None:
    assert top_k(np.zeros((0, 3), np.float32), histories([]), 2).shape == (0, 2)


@given(st.lists(st.lists(st.integers(0, 4), max_size=6), min_size=1, max_size=4))
def test_a_dense_row_adds_up_its_items(lists: list[list[int]]) -> None:
    made = histories(lists)
    assert dense(made, 5).tolist() == [[float(items.count(item)) for item in range(5)] for items in lists]
    weighted_RI = dense(made, 5, 0.5**made.age_N)
    for row, items in enumerate(lists):
        for item in range(5):
            assert weighted_RI[row, item] == sum(0.5**age for age, seen in enumerate(reversed(items)) if seen == item)
