"""Every view is learned from once an epoch, in rows of about one length."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from models.batches import asking_batches, training_batches
from models.sequence import NO_TARGET
from tests.models.test_ranking import histories

PADDING = 99
LISTS = st.lists(st.lists(st.integers(0, 50), max_size=25), min_size=1, max_size=12)


@given(LISTS, st.integers(1, 8), st.integers(1, 40), st.integers(0, 3))
def test_every_view_but_the_first_is_a_target_once_after_those_before_it(
    lists: list[list[int]], longest: int, positions: int, seed: int
) -> None:
    made = histories(lists)
    targets: list[tuple[int, int, int]] = []
    for batch in training_batches(made, longest, positions, PADDING, np.random.default_rng(seed)):
        rows, length = batch.item_BL.shape
        assert length <= longest and (rows == 1 or rows * length <= positions)
        for row, items, wanted, last in zip(
            batch.row_B, batch.item_BL.tolist(), batch.target_BL.tolist(), batch.last_B.tolist(), strict=True
        ):
            there = last + 1
            assert items[there:] == [PADDING] * (length - there)
            assert wanted[there:] == [NO_TARGET] * (length - there)
            assert items[1:there] == wanted[: there - 1]
            targets += [(int(row), item, target) for item, target in zip(items[:there], wanted[:there], strict=True)]
    assert sorted(targets) == sorted((row, *pair) for row, items in enumerate(lists) for pair in pairwise(items))


@given(st.lists(st.lists(st.integers(0, 50), max_size=25, unique=True), min_size=1, max_size=12), st.integers(2, 5))
def test_targets_come_from_as_many_views_as_the_horizon_holds(lists: list[list[int]], horizon: int) -> None:
    for batch in training_batches(histories(lists), 30, 100, PADDING, np.random.default_rng(0), horizon):
        for row, items, wanted in zip(batch.row_B, batch.item_BL.tolist(), batch.target_BL.tolist(), strict=True):
            for item, target in zip(items, wanted, strict=True):
                at = lists[row].index(item) if target != NO_TARGET else 0
                assert target == NO_TARGET or target in lists[row][at + 1 : at + 1 + horizon]


@given(LISTS, st.integers(1, 8), st.integers(1, 40))
def test_every_history_is_asked_once_with_its_newest(lists: list[list[int]], longest: int, positions: int) -> None:
    asked: dict[int, list[int]] = {}
    for batch in asking_batches(histories(lists), longest, positions, PADDING):
        for row, items, last in zip(batch.row_B, batch.item_BL.tolist(), batch.last_B.tolist(), strict=True):
            assert int(row) not in asked
            asked[int(row)] = items[: last + 1]
            assert set(items[last + 1 :]) <= {PADDING}
    assert asked == {row: items[-longest:] or [PADDING] for row, items in enumerate(lists)}


def test_little_padding_is_computed() -> None:
    random = np.random.default_rng(0)
    made = histories([[0] * int(length) for length in random.geometric(0.02, size=500)])
    batches = list(training_batches(made, 200, 1024, PADDING, random))
    computed = sum(batch.item_BL.numel() for batch in batches)
    assert computed < 1.1 * (len(made.item_N) - 500)
    assert [batch.item_BL.shape[1] for batch in batches] != sorted((batch.item_BL.shape[1] for batch in batches), reverse=True)
