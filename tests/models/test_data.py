"""Interactions by user and time, and what splits make of them."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from models.data import Interactions, Questions, global_time, leave_one_out, time_quantile_s
from models.errors import DataRefused
from tests.models.made import Row, interactions, rows, watched


def first_views(found: list[Row]) -> dict[str, list[tuple[int, str]]]:
    """What the columns should say, the slow way."""
    views: dict[str, list[tuple[int, str]]] = {user: [] for user, _, _ in found}
    for user, item, second in sorted(found, key=lambda row: row[2]):
        if item not in {seen for _, seen in views[user]}:
            views[user].append((second, item))
    return views


def answers(asked: Questions, of: Interactions) -> dict[str, tuple[list[str], list[str]]]:
    """Of each user asked about what was seen and what is to be found."""
    return {
        of.user_ids[user]: ([of.item_ids[item] for item in asked.seen.items(at)], [of.item_ids[item] for item in asked.target.items(at)])
        for at, user in enumerate(asked.user_Q)
    }


@given(rows())
def test_interactions_stand_by_user_and_time_and_ties_as_in_the_source(found: list[Row]) -> None:
    made = interactions(found)
    assert watched(made) == {
        user: [item for _, item, _ in sorted((row for row in found if row[0] == user), key=lambda row: row[2])]
        for user in sorted({user for user, _, _ in found})
    }
    assert made.item_ids == tuple(sorted({item for _, item, _ in found}))


@given(rows())
def test_leave_one_out_asks_for_the_last_first_view_and_the_one_before(found: list[Row]) -> None:
    split = leave_one_out(interactions(found))
    views = {user: [item for _, item in seen] for user, seen in first_views(found).items()}
    asked = {user: seen for user, seen in views.items() if len(seen) >= 3}
    assert watched(split.train) == {user: seen[:-2] if user in asked else seen for user, seen in sorted(views.items())}
    assert answers(split.validation, split.train) == {user: (seen[:-2], seen[-2:-1]) for user, seen in asked.items()}
    assert answers(split.test, split.train) == {user: (seen[:-1], seen[-1:]) for user, seen in asked.items()}


@given(rows(), st.integers(1, 5), st.integers(1, 5))
def test_a_split_by_time_learns_nothing_from_after_it(found: list[Row], validation_from_s: int, window_s: int) -> None:
    assume(any(second < validation_from_s for _, _, second in found))
    test_from_s = validation_from_s + window_s
    split = global_time(interactions(found), validation_from_s, test_from_s)
    views = first_views(found)

    def between(user: str, from_s: int, before_s: int) -> list[str]:
        return [item for second, item in views[user] if from_s <= second < before_s]

    known = {user for user in views if between(user, 0, validation_from_s)}
    assert {user: seen for user, seen in watched(split.train).items() if seen} == {
        user: between(user, 0, validation_from_s) for user in known
    }
    for asked, from_s, before_s in ((split.validation, validation_from_s, test_from_s), (split.test, test_from_s, 99)):
        expected = {user: (between(user, 0, from_s), between(user, from_s, before_s)) for user in known}
        assert answers(asked, split.train) == {user: (seen, targets) for user, (seen, targets) in expected.items() if targets}
        assert (asked.asked_at_s_Q == from_s).all()


@given(rows())
def test_the_hash_of_a_split_is_that_of_its_content(found: list[Row]) -> None:
    split = leave_one_out(interactions(found))
    assert split.hash == leave_one_out(interactions(found)).hash
    assert split.hash == pickle.loads(pickle.dumps(split)).hash
    assert split.hash in str(split)


def test_another_order_of_a_tie_is_another_split() -> None:
    found = [("a", "x", 1), ("a", "y", 2), ("a", "z", 2), ("a", "w", 3)]
    swapped = [found[0], found[2], found[1], found[3]]
    assert leave_one_out(interactions(found)).hash != leave_one_out(interactions(swapped)).hash


@given(rows(), st.integers(1, 4))
def test_the_last_items_of_a_history_are_its_newest(found: list[Row], count: int) -> None:
    made = interactions(found)
    assert watched(made.with_histories(made.histories.last(count))) == {user: seen[-count:] for user, seen in watched(made).items()}


@pytest.mark.parametrize(
    ("users", "items", "times_s", "weights", "detail"),
    [
        ([], [], [], None, "no interactions"),
        (["a"], ["x", "y"], [1], None, "different length"),
        (["a"], ["x"], [float("nan")], None, "finite"),
        (["a"], ["x"], [1], [float("inf")], "finite"),
    ],
)
def test_columns_that_make_no_sense_are_refused(
    users: list[str], items: list[str], times_s: list[float], weights: list[float] | None, detail: str
) -> None:
    with pytest.raises(DataRefused, match=detail):
        Interactions.of(users, items, times_s, weights)


def test_a_split_by_time_needs_a_past_and_an_order() -> None:
    made = interactions([("a", "x", 5), ("a", "y", 6)])
    with pytest.raises(DataRefused, match="nothing was watched before"):
        global_time(made, 5, 6)
    with pytest.raises(DataRefused, match="after the validation"):
        global_time(made, 6, 6)


def test_a_share_of_all_interactions_lies_before_its_time() -> None:
    made = interactions([("a", f"t{n}", n) for n in range(101)])
    assert time_quantile_s(made, 0.8) == 80
    assert np.array_equal(made.histories.length_R, [101])
