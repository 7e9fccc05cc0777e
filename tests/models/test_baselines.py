"""Popularity, EASE and item-kNN against what their definitions give, worked out another way."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.data import Interactions, Questions, Seconds
from models.ease import MOST_ITEMS, Ease, EaseParameters
from models.errors import DataRefused
from models.item_knn import ItemKnn, ItemKnnParameters
from models.popularity import DAY_S, Popularity
from tests.models.made import Row, interactions, rows
from tests.models.test_ranking import histories

NOBODY = Questions(np.array([], dtype=np.int64), np.array([], dtype=np.float64), histories([]), histories([]))


def asked(seen: list[list[int]], at_s: Seconds | None = None) -> Questions:
    count = len(seen)
    return Questions(np.arange(count), np.zeros(count) if at_s is None else at_s, histories(seen), histories([[] for _ in seen]))


@given(rows(), st.lists(st.integers(0, 8), min_size=1, max_size=4), st.sampled_from([1, 2, 7]))
def test_popularity_counts_the_days_before_the_question(found: list[Row], asked_days: list[int], days: int) -> None:
    made = interactions([(user, item, day * DAY_S) for user, item, day in found])
    model = Popularity(days)
    model.fit(made, NOBODY)
    newest = max(day for _, _, day in found)
    score_QI = model.scores(asked([[] for _ in asked_days], np.array(asked_days) * DAY_S + 1.0))
    for row, day in enumerate(asked_days):
        # Of days that were not learned nothing is known: the last that were count.
        until = min(day, newest)
        views = [sum(view == item and until - days < when <= until for _, view, when in found) for item in made.item_ids]
        assert np.floor(score_QI[row]).tolist() == views


def test_popularity_of_all_time_decides_ties_of_the_week() -> None:
    made = interactions([("a", "old", 0), ("b", "old", 1), ("a", "x", 30 * DAY_S), ("b", "w", 30 * DAY_S), ("c", "x", 1)])
    model = Popularity()
    model.fit(made, NOBODY)
    (score_I,) = model.scores(asked([[]], np.array([30 * DAY_S + 1.0])))
    assert [made.item_ids[item] for item in np.argsort(-score_I)] == ["x", "w", "old"]
    everything = Popularity(None)
    everything.fit(made, NOBODY)
    assert everything.scores(asked([[]])).tolist() == [[2, 1, 2]]


@given(rows(), st.floats(0.5, 20))
def test_ease_weights_solve_its_least_squares(found: list[Row], regularisation: float) -> None:
    made = interactions(found).histories.first_views()
    train = interactions(found).with_histories(made)
    model = Ease(EaseParameters(regularisation, None, 1.0))
    model.fit(train, NOBODY)
    weight_II = model.scores(asked([[item] for item in range(train.items)])).astype(np.float64)
    seen_UI = np.zeros((len(made), train.items))
    seen_UI[made.row_N, made.item_N] = 1
    # Without the diagonal each column is a ridge regression of one item on all the others.
    for item in range(train.items):
        others = [other for other in range(train.items) if other != item]
        gram = seen_UI[:, others].T @ seen_UI[:, others] + regularisation * np.eye(len(others))
        expected = np.linalg.solve(gram, seen_UI[:, others].T @ seen_UI[:, item]) if others else []
        assert weight_II[others, item] == pytest.approx(expected, abs=2e-4)
        assert weight_II[item, item] == 0


def test_what_was_watched_lately_counts_more() -> None:
    # "a" goes with "x", "b" with "y".
    made = interactions([(f"u{n}", item, 0) for n in range(8) for item in (("a", "x") if n % 2 else ("b", "y"))])
    a, b, x, y = range(4)
    for model in (Ease(EaseParameters(1, decay=0.5)), ItemKnn(ItemKnnParameters(decay=0.5))):
        model.fit(made, NOBODY)
        lately_b, lately_a = model.scores(asked([[a, b], [b, a]]))
        assert lately_b[y] > lately_b[x] > 0
        assert lately_a[x] > lately_a[y] > 0
        assert lately_a[x] == pytest.approx(2 * lately_a[y])
        assert "recency" in model.name
    last = Ease(EaseParameters(1, last=1))
    last.fit(made, NOBODY)
    assert np.array_equal(last.scores(asked([[a, b]])), last.scores(asked([[b]])))


def test_ease_refuses_more_items_than_its_matrix_holds() -> None:
    many = Interactions(histories([[0]]), ("u",), tuple(str(n) for n in range(MOST_ITEMS + 1)))
    with pytest.raises(DataRefused, match="at most"):
        Ease().fit(many, NOBODY)


@given(rows(), st.integers(1, 9), st.sampled_from([0.0, 10.0]))
def test_item_knn_is_the_shrunk_cosine_to_the_nearest(found: list[Row], neighbours: int, shrinkage: float) -> None:
    train = interactions(found).with_histories(interactions(found).histories.first_views())
    model = ItemKnn(ItemKnnParameters(neighbours, shrinkage))
    model.fit(train, NOBODY)
    similar_II = model.scores(asked([[item] for item in range(train.items)]))
    viewers = [{user for user, view, _ in found if view == item} for item in train.item_ids]
    for item in range(train.items):
        expected = [
            0.0 if other == item else len(viewers[item] & viewers[other]) / ((len(viewers[item]) * len(viewers[other])) ** 0.5 + shrinkage)
            for other in range(train.items)
        ]
        kept = sorted(similar_II[item], reverse=True)
        assert kept == pytest.approx(
            sorted(expected, reverse=True)[:neighbours] + [0.0] * (train.items - min(neighbours, train.items)), abs=1e-6
        )
        for other, similar in enumerate(similar_II[item]):
            assert similar == 0 or similar == pytest.approx(expected[other], abs=1e-6)
