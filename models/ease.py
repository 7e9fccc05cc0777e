"""EASE: a linear model of which titles stand for which, learned in closed form (Steck 2019, arXiv 1905.03375).

What was watched lately counts more in what it is asked, which makes of a set of titles a little of a sequence.
Shapes: Q questions · I items · U users · N interactions.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
from torch import Tensor

from models.data import Floats, Interactions, Questions
from models.errors import DataRefused
from models.ranking import dense

MOST_ITEMS: Final = 40_000
"""Its matrix has a row and a column an item: 6.4 GB here."""
AT_ONCE: Final = 1024


@dataclass(frozen=True)
class EaseParameters:
    """What EASE is told."""

    regularisation: float = 500.0
    """Lambda of equation 4."""
    last: int | None = 30
    """How many of a history's newest items are asked with; None: all."""
    decay: float = 0.85
    """Each item counts so many times what the one after it counts."""


class Ease:
    """Scores an item by the weighted sum of its weights to the items seen; see the module."""

    weight_II: Tensor
    """What a row's item, seen, says for a column's; there once it is fitted."""

    def __init__(self, parameters: EaseParameters | None = None) -> None:
        self.parameters = parameters or EaseParameters()
        self.weight_II = torch.zeros(0, 0)

    @property
    def name(self) -> str:
        """How tables call it."""
        weighted = self.parameters.decay != 1 or self.parameters.last is not None
        return "EASE, recency-weighted" if weighted else "EASE"

    def fit(self, train: Interactions, validation: Questions) -> None:
        """Solve for the weights: B = I - P / diag(P), P = (X'X + lambda I)^-1, diagonal 0 (equations 7 and 8).

        Raises:
            DataRefused: there are more items than its matrix can hold.
        """
        if train.items > MOST_ITEMS:
            raise DataRefused(f"EASE takes {MOST_ITEMS} items at most, not {train.items}")
        gram_II = torch.zeros(train.items, train.items)
        for start in range(0, len(train.histories), AT_ONCE):
            rows = np.arange(start, min(start + AT_ONCE, len(train.histories)))
            seen_UI = torch.from_numpy(dense(train.histories.rows(rows), train.items))
            gram_II.addmm_(seen_UI.T, seen_UI)
        gram_II.diagonal().add_(self.parameters.regularisation)
        inverse_II = torch.cholesky_inverse(torch.linalg.cholesky(gram_II))
        weight_II = inverse_II / -inverse_II.diagonal()
        weight_II.fill_diagonal_(0)
        self.weight_II = weight_II

    def scores(self, questions: Questions) -> Floats:
        """Multiply what was seen, newest most, with the weights.

        Raises:
            DataRefused: it has not learned any.
        """
        if not len(self.weight_II):
            raise DataRefused("EASE has learned nothing")
        seen = questions.seen if self.parameters.last is None else questions.seen.last(self.parameters.last)
        asked_QI = torch.from_numpy(dense(seen, len(self.weight_II), self.parameters.decay ** seen.age_N.astype(np.float64)))
        return np.asarray((asked_QI @ self.weight_II).numpy())
