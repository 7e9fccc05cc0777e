"""Two recommenders as one: what each gives an item, weighed against the other as the validation says.

A linear model of co-views knows rare titles from few views, a sequence model the order: on little data together they know more than either.
Main path: `Mixture.fit` -> both parts learn -> the share with the best NDCG@10 on the validation. Shapes: Q questions · I items.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from models import metrics
from models.data import Floats, Interactions, Questions
from models.evaluate import AT_ONCE
from models.metrics import Doubles
from models.ranking import Recommender, top_k

SHARES: Final = tuple(round(0.1 * tenth, 1) for tenth in range(11))
"""Of the second part, which are tried."""


class Mixture:
    """Scores an item by (1 - share) of the first part's and share of the second part's, each in standard deviations of its question."""

    def __init__(self, first: Recommender, second: Recommender, *, fitted: bool = False) -> None:
        self.first, self.second = first, second
        self.fitted = fitted
        """Whether somebody else trains the parts, before `fit`."""
        self.share = 0.5
        """Of the second part; chosen by `fit`."""

    @property
    def name(self) -> str:
        """How tables call it."""
        return f"{self.first.name} + {self.second.name}"

    def fit(self, train: Interactions, validation: Questions) -> None:
        """Train both parts, then weigh them."""
        if not self.fitted:
            self.first.fit(train, validation)
            self.second.fit(train, validation)
        self.weigh(validation)

    def weigh(self, validation: Questions) -> None:
        """Choose the share by the validation, the lower of equals; both parts are trained already.

        Without questions the share stays as it is.
        """
        if not len(validation):
            return
        found: list[Doubles] = []
        for start in range(0, len(validation), AT_ONCE):
            asked = validation.rows(np.arange(start, min(start + AT_ONCE, len(validation))))
            first_QI, second_QI = _standardised(self.first.scores(asked)), _standardised(self.second.scores(asked))
            ranked = (top_k((1 - share) * first_QI + share * second_QI, asked.seen, 10) for share in SHARES)
            found.append(np.array([metrics.ndcg(metrics.hits(ranked_QK, asked.target), asked.target.length_R) for ranked_QK in ranked]))
        self.share = SHARES[int(np.argmax(np.concatenate(found, axis=1).mean(axis=1)))]

    def scores(self, questions: Questions) -> Floats:
        """Return the weighed scores."""
        first_QI, second_QI = _standardised(self.first.scores(questions)), _standardised(self.second.scores(questions))
        return (1 - self.share) * first_QI + self.share * second_QI


def _standardised(score_QI: Floats) -> Floats:
    mean_Q1, spread_Q1 = score_QI.mean(axis=1, keepdims=True), score_QI.std(axis=1, keepdims=True)
    # Scores that are all the same say nothing: zeros.
    return np.asarray((score_QI - mean_Q1) / np.where(spread_Q1 > 0, spread_Q1, 1), dtype=np.float32)
