"""EASE without most of its matrix: of each item the items that weigh most with it, which is what is served while the model is away.

Shapes: R rows · I items · K neighbours · N interactions.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Self

import numpy as np
import torch
from torch import Tensor

from models.data import Floats, Histories, Interactions, Questions
from models.ease import Ease, EaseParameters

NEIGHBOURS: Final = 100
"""Of 27,000 items it is 16 MB instead of 2.9 GB. On MovieLens 100K it costs .0012 of an NDCG@10 of .1057 (docs/models.md)."""


@dataclass(frozen=True, eq=False)
class NeighbourWeights:
    """The strongest weights of each item, and how histories are asked."""

    neighbour_IK: Tensor
    """int32."""
    weight_IK: Tensor
    """float16."""
    parameters: EaseParameters

    @classmethod
    def of(cls, ease: Ease, neighbours: int = NEIGHBOURS) -> Self:
        """Keep of a fitted EASE the weights that are largest, in either direction."""
        weight_II = ease.weight_II
        neighbour_IK = weight_II.abs().topk(min(neighbours, len(weight_II) - 1), dim=1).indices
        return cls(neighbour_IK.to(torch.int32), weight_II.gather(1, neighbour_IK).to(torch.float16), ease.parameters)

    @classmethod
    def none(cls, items: int) -> Self:
        """Return those of a catalogue that is too large for EASE: no item has any."""
        return cls(torch.zeros(items, 0, dtype=torch.int32), torch.zeros(items, 0, dtype=torch.float16), EaseParameters())

    def scores(self, seen: Histories) -> Floats:
        """Return [R, I]: what was seen, newest most, times the weights."""
        if self.parameters.last is not None:
            seen = seen.last(self.parameters.last)
        score_RI = np.zeros((len(seen), len(self.neighbour_IK)), dtype=np.float32)
        asked_N = (self.parameters.decay ** seen.age_N.astype(np.float64)).astype(np.float32)
        item_N = torch.from_numpy(seen.item_N)
        neighbour_NK = self.neighbour_IK[item_N].numpy()
        added_NK = self.weight_IK[item_N].float().numpy() * asked_N[:, None]
        np.add.at(score_RI, (seen.row_N[:, None], neighbour_NK), added_NK)
        return score_RI


class KeptEase:
    """The neighbours as a recommender, so that they are judged as they are served."""

    def __init__(self, neighbours: NeighbourWeights) -> None:
        self._neighbours = neighbours

    @property
    def name(self) -> str:
        """How tables call it."""
        return f"EASE, {self._neighbours.neighbour_IK.shape[1]} neighbours an item"

    def fit(self, train: Interactions, validation: Questions) -> None:
        """They are of an EASE that has learned."""

    def scores(self, questions: Questions) -> Floats:
        """See `NeighbourWeights.scores`."""
        return self._neighbours.scores(questions.seen)
