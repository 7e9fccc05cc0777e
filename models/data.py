"""Who watched what and when, in columns, and how that is split into what is learned and what is asked.

Shapes: U users · I items · Q questions · R rows (users or questions) · N interactions · S = rows + 1 offsets.
Everywhere an item is its place in one sorted vocabulary, and a row's items stand by time; what is simultaneous stands as in its source.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from models.errors import DataRefused

Ints = NDArray[np.int64]
Floats = NDArray[np.float32]
Seconds = NDArray[np.float64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Histories:
    """The items of each row, by time; row r has those from `start_S[r]` to before `start_S[r + 1]`."""

    start_S: Ints
    item_N: Ints
    time_s_N: Seconds
    weight_N: Floats

    @classmethod
    def of(cls, row_N: Ints, item_N: Ints, time_s_N: Seconds, weight_N: Floats, rows: int) -> Self:
        """Bring interactions of any order together by row and time, stably."""
        order_N = np.lexsort((time_s_N, row_N))
        start_S = np.concatenate([[0], np.cumsum(np.bincount(row_N, minlength=rows))]).astype(np.int64)
        return cls(start_S, item_N[order_N], time_s_N[order_N], weight_N[order_N])

    def __len__(self) -> int:
        return len(self.start_S) - 1

    @property
    def length_R(self) -> Ints:
        """How many items each row has."""
        return np.diff(self.start_S)

    @cached_property
    def row_N(self) -> Ints:
        """The row that each interaction belongs to."""
        return np.repeat(np.arange(len(self)), self.length_R)

    @cached_property
    def age_N(self) -> Ints:
        """How many items of its row came after each."""
        return np.repeat(self.start_S[1:], self.length_R) - 1 - np.arange(len(self.item_N))

    def items(self, row: int) -> Ints:
        """Return one row's items."""
        return self.item_N[self.start_S[row] : self.start_S[row + 1]]

    def where(self, keep_N: Bools) -> Histories:
        """Return what is kept of each row; a row may become empty."""
        counts_R = np.bincount(self.row_N[keep_N], minlength=len(self))
        start_S = np.concatenate([[0], np.cumsum(counts_R)]).astype(np.int64)
        return Histories(start_S, self.item_N[keep_N], self.time_s_N[keep_N], self.weight_N[keep_N])

    def rows(self, rows: Ints) -> Histories:
        """Return these rows, in this order."""
        length_R = self.length_R[rows]
        start_S = np.concatenate([[0], np.cumsum(length_R)]).astype(np.int64)
        at_N = np.repeat(self.start_S[:-1][rows] - start_S[:-1], length_R) + np.arange(start_S[-1])
        return Histories(start_S, self.item_N[at_N], self.time_s_N[at_N], self.weight_N[at_N])

    def last(self, count: int) -> Histories:
        """Return each row's newest items."""
        return self.where(self.age_N < count)

    def first_views(self) -> Histories:
        """Leave out whatever a row has had before: to see a title again needs no recommendation."""
        span = int(self.item_N.max(initial=0)) + 1
        _, first = np.unique(self.row_N * span + self.item_N, return_index=True)
        keep_N = np.zeros(len(self.item_N), dtype=np.bool_)
        keep_N[first] = True
        return self.where(keep_N)


@dataclass(frozen=True, eq=False)
class Interactions:
    """All that is known of some users, a row a user, and the ids that users and items are known by outside."""

    histories: Histories
    user_ids: tuple[str, ...]
    item_ids: tuple[str, ...]

    @classmethod
    def of(cls, users: Sequence[str], items: Sequence[str], times_s: ArrayLike, weights: ArrayLike | None = None) -> Self:
        """Make columns of equal length into interactions; weights are 1 unless given.

        Raises:
            DataRefused: there is nothing, columns differ in length, or a number is not finite.
        """
        time_s_N = np.asarray(times_s, dtype=np.float64)
        weight_N = np.ones(len(users), dtype=np.float32) if weights is None else np.asarray(weights, dtype=np.float32)
        if not len(users) == len(items) == len(time_s_N) == len(weight_N):
            raise DataRefused(f"columns of different length: {len(users)}, {len(items)}, {len(time_s_N)}, {len(weight_N)}")
        if not len(users):
            raise DataRefused("there are no interactions")
        if not (np.isfinite(time_s_N).all() and np.isfinite(weight_N).all()):
            raise DataRefused("a time or a weight is not a finite number")
        # Sorted, for in the order of first appearance a tie would go to what is popular.
        user_ids, user_N = np.unique(np.asarray(users, dtype=object), return_inverse=True)
        item_ids, item_N = np.unique(np.asarray(items, dtype=object), return_inverse=True)
        return cls(Histories.of(user_N, item_N, time_s_N, weight_N, len(user_ids)), tuple(user_ids), tuple(item_ids))

    @property
    def items(self) -> int:
        """How many items the vocabulary has, those included that nobody has watched here."""
        return len(self.item_ids)

    def with_histories(self, histories: Histories) -> Interactions:
        """Return other interactions in the same vocabulary."""
        return Interactions(histories, self.user_ids, self.item_ids)


@dataclass(frozen=True, eq=False)
class Questions:
    """What do these users watch next? Each is asked at a time, knowing what was seen before it; the targets answer."""

    user_Q: Ints
    asked_at_s_Q: Seconds
    seen: Histories
    target: Histories

    def __len__(self) -> int:
        return len(self.user_Q)

    def rows(self, rows: Ints) -> Questions:
        """Return these questions, in this order."""
        return Questions(self.user_Q[rows], self.asked_at_s_Q[rows], self.seen.rows(rows), self.target.rows(rows))


@dataclass(frozen=True, eq=False)
class Split:
    """What is learned from, what models are chosen by, and what they are judged by."""

    name: str
    train: Interactions
    validation: Questions
    test: Questions

    @cached_property
    def hash(self) -> str:
        """Tells whether two results are of the same split: of ids and of every array, to the bit."""
        digest = hashlib.sha256(repr((self.name, self.train.user_ids, self.train.item_ids)).encode())
        for histories in (self.train.histories, *(part for asked in (self.validation, self.test) for part in (asked.seen, asked.target))):
            for array in (histories.start_S, histories.item_N, histories.time_s_N, histories.weight_N):
                _feed(digest, array)
        for asked in (self.validation, self.test):
            _feed(digest, asked.user_Q)
            _feed(digest, asked.asked_at_s_Q)
        return digest.hexdigest()[:16]

    def __str__(self) -> str:
        return (
            f"{self.name}, split {self.hash}: {len(self.train.user_ids)} users, {self.train.items} items, "
            f"{len(self.train.histories.item_N)} interactions to learn from, "
            f"{len(self.validation)} questions to choose by, {len(self.test)} to judge by"
        )


def core(interactions: Interactions, least: int) -> Interactions:
    """Keep of users and items those that have this many first views of one another; each step may take others below it.

    Raises:
        DataRefused: nothing is left.
    """
    histories = interactions.histories.first_views()
    while len(histories.item_N):
        few_U = histories.length_R < least
        few_I = np.bincount(histories.item_N, minlength=interactions.items) < least
        drop_N = few_U[histories.row_N] | few_I[histories.item_N]
        if not drop_N.any():
            users = np.asarray(interactions.user_ids, dtype=object)[histories.row_N]
            items = np.asarray(interactions.item_ids, dtype=object)[histories.item_N]
            return Interactions.of(users.tolist(), items.tolist(), histories.time_s_N, histories.weight_N)
        histories = histories.where(~drop_N)
    raise DataRefused(f"no user and no item has {least} of the other kind")


def leave_one_out(interactions: Interactions) -> Split:
    """Ask for each user's last first view (test) and the one before it (validation); who has fewer than three is only learned from.

    Other users' later views are in what is learned, as in the tables of the literature: `global_time` tells what a live system would.
    """
    histories = interactions.histories.first_views()
    asked_U = histories.length_R >= 3
    asked_N = asked_U[histories.row_N]
    age_N = histories.age_N
    return Split(
        "leave-one-out",
        interactions.with_histories(histories.where(~asked_N | (age_N >= 2))),
        _questions(histories, asked_U, age_N >= 2, age_N == 1),
        _questions(histories, asked_U, age_N >= 1, age_N == 0),
    )


def global_time(interactions: Interactions, validation_from_s: float, test_from_s: float) -> Split:
    """Learn from what was before one time, ask what everybody known by then watched first until the next, and after it.

    Every question is asked at the beginning of its window; the targets are all first views in it.

    Raises:
        DataRefused: the times are out of order, or nothing was before the first.
    """
    if not validation_from_s < test_from_s:
        raise DataRefused("the test must begin after the validation")
    histories = interactions.histories.first_views()
    time_s_N = histories.time_s_N
    train = histories.where(time_s_N < validation_from_s)
    if not len(train.item_N):
        raise DataRefused("nothing was watched before the validation begins")
    known_U = train.length_R > 0

    def asked(from_s: float, before_s: float) -> Questions:
        target_N = (time_s_N >= from_s) & (time_s_N < before_s)
        asked_U = known_U & (np.bincount(histories.row_N[target_N], minlength=len(histories)) > 0)
        questions = _questions(histories, asked_U, time_s_N < from_s, target_N)
        return Questions(questions.user_Q, np.full(len(questions), from_s), questions.seen, questions.target)

    return Split("global time", interactions.with_histories(train), asked(validation_from_s, test_from_s), asked(test_from_s, float("inf")))


def time_quantile_s(interactions: Interactions, share: float) -> float:
    """Return the time before which this share of all interactions lies."""
    return float(np.quantile(interactions.histories.time_s_N, share))


def _questions(histories: Histories, asked_U: Bools, seen_N: Bools, target_N: Bools) -> Questions:
    user_Q = np.flatnonzero(asked_U)
    target = histories.where(target_N).rows(user_Q)
    return Questions(user_Q, target.time_s_N[target.start_S[:-1]], histories.where(seen_N).rows(user_Q), target)


def _feed(digest: Any, array: NDArray[Any]) -> None:
    digest.update(f"{array.dtype.newbyteorder('<').str}{array.shape}".encode())
    digest.update(np.ascontiguousarray(array.astype(array.dtype.newbyteorder("<"))).tobytes())
