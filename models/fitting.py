"""Trains the sequence model, on a processor's cores or on a GPU, until the validation does not get better.

Main path: `SequenceRecommender.fit` -> epochs of length-bucketed batches -> NDCG on the validation -> the best weights kept.
The same seed gives the same weights on one machine. Shapes: Q questions · I items · D width.
"""

from __future__ import annotations

import contextlib
import copy
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import torch

from models.batches import asking_batches, training_batches
from models.data import Floats, Histories, Interactions, Questions
from models.evaluate import evaluate
from models.sequence import SequenceModel, SequenceParameters

AT_ONCE: Final = 16_384
"""Positions that are computed at once where nothing is learned."""


def _multiplies_bf16() -> bool:
    able = torch.cpu.get_capabilities()
    return bool(able.get("avx512_bf16") or able.get("amx_bf16"))


@dataclass(frozen=True)
class FittingParameters:
    """How the model is trained."""

    learning_rate: float = 1e-3
    weight_decay: float = 0.0
    positions: int = 4096
    """How many positions a batch has: rows times their length."""
    averaged: float = 0.99
    """The weights kept are an average over steps: each step counts so many times what the next one counts."""
    horizon: int = 1
    """A position's target is drawn from so many views after it; 1: always the next."""
    most_epochs: int = 100
    patience: int = 10
    """So many epochs without a better validation end it."""
    seed: int = 0
    device: str = "cuda" if torch.cuda.is_available() else "cpu"
    bf16: bool = torch.cuda.is_available() or _multiplies_bf16()
    """Whether products are of bfloat16, sums and weights float32: where the machine has instructions for it that is far quicker."""


@dataclass(frozen=True)
class Epoch:
    """What one pass over the data gave."""

    number: int
    loss: float
    ndcg: float
    """On the validation, at 10."""
    seconds: float
    """Of training alone, all epochs so far."""


class SequenceRecommender:
    """The sequence model as a recommender; `epochs` tells how the last fit went."""

    def __init__(
        self,
        parameters: SequenceParameters | None = None,
        fitting: FittingParameters | None = None,
        tell: Callable[[Epoch], None] = lambda _: None,
    ) -> None:
        self.parameters, self.fitting = parameters or SequenceParameters(), fitting or FittingParameters()
        self.epochs: list[Epoch] = []
        self._tell = tell

    @property
    def name(self) -> str:
        """How tables call it."""
        return "sequence model"

    def fit(self, train: Interactions, validation: Questions) -> None:
        """Train from new weights; keeps those of the epoch with the best validation."""
        with _seeded(self.fitting.seed):
            self._fit(train, validation)

    def scores(self, questions: Questions) -> Floats:
        """Return the logits of what is next after each history."""
        self.model.eval()
        score_QI = np.empty((len(questions), self.model.items), dtype=np.float32)
        with torch.inference_mode():
            for batch in asking_batches(questions.seen, self.parameters.longest, AT_ONCE, self.model.items):
                with _autocast(self.fitting):
                    x_BLD = self.model(batch.item_BL.to(self.fitting.device), batch.time_s_BL.to(self.fitting.device))
                last_BD = x_BLD[torch.arange(len(x_BLD)), batch.last_B].float()
                score_QI[batch.row_B] = self.model.logits(last_BD).cpu().numpy()  # bfloat16 would make ties of near scores
        return score_QI

    def _fit(self, train: Interactions, validation: Questions) -> None:
        fitting = self.fitting
        self.epochs = []
        learner = SequenceModel(self.parameters, train.items).to(fitting.device)
        self.model = copy.deepcopy(learner)
        learning = _Learning(learner, self.model, fitting)
        best, best_weights, seconds = Epoch(0, float("inf"), float("-inf"), 0.0), copy.deepcopy(self.model.state_dict()), 0.0
        for number in range(1, fitting.most_epochs + 1):
            began = time.perf_counter()
            loss = learning.epoch(train.histories, self.parameters.longest)
            seconds += time.perf_counter() - began
            ndcg = float(evaluate(self, train, validation).per_question["NDCG@10"].mean()) if len(validation) else -loss
            self.epochs.append(Epoch(number, loss, ndcg, seconds))
            self._tell(self.epochs[-1])
            if ndcg > best.ndcg:
                best, best_weights = self.epochs[-1], copy.deepcopy(self.model.state_dict())
            elif number - best.number >= fitting.patience:
                break
        self.model.load_state_dict(best_weights)


class _Learning:
    """One training: the weights that learn, and their average."""

    def __init__(self, learner: SequenceModel, average: SequenceModel, fitting: FittingParameters) -> None:
        self._learner, self._average, self._fitting = learner, average, fitting
        self._forward: Any = torch.compile(learner, dynamic=True) if fitting.device == "cuda" else learner
        self._optimiser = torch.optim.AdamW(
            learner.parameters(), lr=fitting.learning_rate, betas=(0.9, 0.98), weight_decay=fitting.weight_decay, fused=True
        )
        self._random, self._drawn = np.random.default_rng(fitting.seed), torch.Generator().manual_seed(fitting.seed)
        self._steps = 0

    def epoch(self, histories: Histories, longest: int) -> float:
        """Learn from every view once; returns the mean loss of a batch."""
        fitting, padding = self._fitting, self._learner.items
        self._learner.train()
        losses: list[float] = []
        for batch in training_batches(histories, longest, fitting.positions, padding, self._random, fitting.horizon):
            self._optimiser.zero_grad(set_to_none=True)
            with _autocast(fitting):
                x_BLD = self._forward(batch.item_BL.to(fitting.device), batch.time_s_BL.to(fitting.device))
                loss = self._learner.loss(x_BLD, batch.target_BL.to(fitting.device), self._drawn)
            loss.backward()  # type: ignore[no-untyped-call]
            self._optimiser.step()
            self._average_weights()
            losses.append(loss.item())
        return sum(losses) / max(len(losses), 1)

    def _average_weights(self) -> None:
        # The first weights are chance: what is averaged begins short.
        self._steps += 1
        share = max(1 - self._fitting.averaged, 1 / self._steps)
        with torch.no_grad():
            torch._foreach_lerp_(list(self._average.parameters()), list(self._learner.parameters()), share)


def _autocast(fitting: FittingParameters) -> contextlib.AbstractContextManager[Any]:
    return torch.autocast(fitting.device, torch.bfloat16, enabled=fitting.bf16)


@contextlib.contextmanager
def _seeded(seed: int) -> Iterator[None]:
    """Weights and dropout come from torch's global generators: set them, and give them back as they were."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        yield
