"""What every recommender does, and how its scores become a ranking.

Shapes: Q questions · I items · K places.
"""

from __future__ import annotations

from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from models.data import Floats, Histories, Interactions, Ints, Questions

NOTHING: Final = -1
"""Stands in a ranking where there is no item left."""


class Recommender(Protocol):
    """Learns from interactions, then scores the whole vocabulary for users as they are at some time."""

    @property
    def name(self) -> str:
        """How tables call it."""
        ...

    def fit(self, train: Interactions, validation: Questions) -> None:
        """Learn; the validation is there to decide when to stop, for those who do."""
        ...

    def scores(self, questions: Questions) -> Floats:
        """Return [Q, I], higher is better; only `user_Q`, `asked_at_s_Q` and `seen` of the questions may be looked at."""
        ...


def top_k(score_QI: Floats, seen: Histories, k: int) -> Ints:
    """Return the K best items that a row has not seen, best first; ties go to the lower item, missing places are NOTHING.

    Exact: below a million titles nothing approximate is as quick. Scores of minus infinity or not a number are never returned.
    """
    masked_QI = np.where(np.isnan(score_QI), -np.inf, score_QI)
    masked_QI[seen.row_N, seen.item_N] = -np.inf
    rows, items = masked_QI.shape
    kept = min(k, items)
    # The worst score that is still among the best; of those equal to it, as many as there is room for, lower items first.
    worst_Q1 = np.partition(masked_QI, items - kept, axis=1)[:, items - kept, None]
    above_QI = masked_QI > worst_Q1
    equal_QI = masked_QI == worst_Q1
    room_Q1 = kept - above_QI.sum(axis=1, keepdims=True)
    chosen_QI = above_QI | (equal_QI & (np.cumsum(equal_QI, axis=1) <= room_Q1))
    item_QK = np.nonzero(chosen_QI)[1].reshape(rows, kept)
    best_QK = np.take_along_axis(masked_QI, item_QK, axis=1)
    order_QK = np.argsort(-best_QK, axis=1, kind="stable")
    ranked_QK = np.full((rows, k), NOTHING, dtype=np.int64)
    ranked_QK[:, :kept] = np.where(
        np.take_along_axis(best_QK, order_QK, axis=1) > -np.inf, np.take_along_axis(item_QK, order_QK, axis=1), NOTHING
    )
    return ranked_QK


def dense(histories: Histories, items: int, weight_N: NDArray[np.floating] | None = None) -> Floats:
    """Return [rows, items]: the weight of each item in each row, 1 unless given, 0 where it isn't."""
    dense_RI = np.zeros((len(histories), items), dtype=np.float32)
    np.add.at(dense_RI, (histories.row_N, histories.item_N), 1 if weight_N is None else weight_N.astype(np.float32))
    return dense_RI
