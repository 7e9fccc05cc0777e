"""Item-kNN: titles that the same people watched, by cosine (Sarwar et al. 2001; shrinkage as in Bell and Koren 2007).

Shapes: Q questions · I items · K neighbours.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from models.data import Floats, Interactions, Questions
from models.ranking import dense


@dataclass(frozen=True)
class ItemKnnParameters:
    """What item-kNN is told."""

    neighbours: int = 50
    shrinkage: float = 10.0
    """Takes similarity from pairs of which little is known."""
    last: int | None = None
    """How many of a history's newest items are asked with; None: all."""
    decay: float = 1.0
    """Each item counts so many times what the one after it counts."""


class ItemKnn:
    """Scores an item by the weighted sum of its similarity to the items seen, of each only to its nearest."""

    def __init__(self, parameters: ItemKnnParameters | None = None) -> None:
        self.parameters = parameters or ItemKnnParameters()

    @property
    def name(self) -> str:
        """How tables call it."""
        return "item-kNN" if self.parameters.decay == 1 and self.parameters.last is None else "item-kNN, recency-weighted"

    def fit(self, train: Interactions, validation: Questions) -> None:
        """Count who watched both, and keep the nearest of each."""
        seen_UI = torch.from_numpy(dense(train.histories, train.items))
        both_II = seen_UI.T @ seen_UI
        norm_I = both_II.diagonal().sqrt()
        similar_II = both_II / (norm_I[:, None] * norm_I + self.parameters.shrinkage)
        similar_II.fill_diagonal_(0)
        neighbours = min(self.parameters.neighbours, train.items)
        nearest_IK, at_IK = similar_II.topk(neighbours, dim=1)
        self._similar_II = torch.zeros_like(similar_II).scatter_(1, at_IK, nearest_IK)

    def scores(self, questions: Questions) -> Floats:
        """Add up what each item seen is similar to."""
        seen = questions.seen if self.parameters.last is None else questions.seen.last(self.parameters.last)
        asked_QI = torch.from_numpy(dense(seen, len(self._similar_II), self.parameters.decay ** seen.age_N.astype(np.float64)))
        return np.asarray((asked_QI @ self._similar_II).numpy())
