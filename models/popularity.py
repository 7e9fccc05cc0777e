"""What everybody watches these days: the baseline that beats many models on splits by time.

Shapes: Q questions · I items · N interactions.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from models.data import Floats, Interactions, Questions

DAY_S: Final = 86_400


@dataclass
class Popularity:
    """Counts views in the days before each question, of what was learned; a tie goes to what was watched more in all time.

    Where nothing was learned of the days before a question, the last days that were learned count.
    """

    days: float | None = 7
    """None: of all time."""

    @property
    def name(self) -> str:
        """How tables call it."""
        return "popularity" if self.days is None else f"popularity, {self.days:g} days"

    def fit(self, train: Interactions, validation: Questions) -> None:
        """Put views in the order of their time."""
        histories = train.histories
        order_N = np.argsort(histories.time_s_N, kind="stable")
        self._time_s_N, self._item_N = histories.time_s_N[order_N], histories.item_N[order_N]
        self._all_I = np.bincount(self._item_N, minlength=train.items)

    def scores(self, questions: Questions) -> Floats:
        """Count for each question."""
        total_I = self._all_I.astype(np.float32)
        if self.days is None:
            return np.tile(total_I, (len(questions), 1))
        until_s_Q = np.minimum(questions.asked_at_s_Q, self._time_s_N[-1] + 1)
        to_Q = np.searchsorted(self._time_s_N, until_s_Q)
        from_Q = np.searchsorted(self._time_s_N, until_s_Q - self.days * DAY_S)
        tie_I = total_I / (total_I.max() + 1)
        score_QI = np.empty((len(questions), len(total_I)), dtype=np.float32)
        for row in range(len(questions)):
            score_QI[row] = np.bincount(self._item_N[from_Q[row] : to_Q[row]], minlength=len(total_I)) + tie_I
        return score_QI
