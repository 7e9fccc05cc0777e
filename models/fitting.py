"""Trains the sequence model, on a processor's cores or on a GPU, until the validation does not get better.

Main path: `SequenceRecommender.fit` -> epochs of length-bucketed batches -> NDCG on the validation -> the best weights kept.
The same seed gives the same weights on one machine. Shapes: Q questions · I items · D width.
"""

from __future__ import annotations

import contextlib
import copy
import math
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import torch

from models.batches import asking_batches
from models.data import Floats, Interactions, Questions
from models.evaluate import evaluate
from models.factors import item_factors
from models.learning import ALONE, Checkpoint, Course, Learning, Worker, autocast
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
    start_from_factors: bool = False
    """Whether item embeddings begin as factors of who watched what, not by chance: on little data better and in far fewer epochs."""
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
    """Of training alone, all epochs so far and what embeddings begin as."""


class SequenceRecommender:
    """The sequence model as a recommender; `epochs` tells how the last fit went."""

    def __init__(
        self,
        parameters: SequenceParameters | None = None,
        fitting: FittingParameters | None = None,
        tell: Callable[[Epoch], None] = lambda _: None,
        begin: Mapping[str, torch.Tensor] | None = None,
    ) -> None:
        self.parameters, self.fitting = parameters or SequenceParameters(), fitting or FittingParameters()
        self.epochs: list[Epoch] = []
        self._tell, self._begin = tell, begin

    @property
    def name(self) -> str:
        """How tables call it."""
        return "sequence model"

    def fit(self, train: Interactions, validation: Questions) -> None:
        """Train from new weights, or from those given to `begin` with; keeps those of the epoch with the best validation."""
        with _seeded(self.fitting.seed):
            self.fit_together(train, validation, ALONE)

    def fit_together(
        self,
        train: Interactions,
        validation: Questions,
        worker: Worker,
        resumed: Checkpoint | None = None,
        keep: Callable[[Callable[[], Checkpoint]], None] = lambda _: None,
    ) -> None:
        """Train as one of several workers, each with the rows of its own users; all end with the same weights.

        The first worker's validation decides for all. After each epoch `keep` is given what makes a checkpoint, with which another
        training goes on as if this one had never ended. Torch's global generators are left seeded.
        """
        fitting = self.fitting
        torch.manual_seed(fitting.seed)
        began_s = time.perf_counter()
        learner = SequenceModel(self.parameters, train.items)
        if fitting.start_from_factors:  # of the first worker's users, whose weights all take
            with torch.no_grad():
                learner.item.weight[: train.items] = item_factors(train, self.parameters.width)
        if self._begin is not None:
            learner.load_state_dict(self._begin)
        begun_s = time.perf_counter() - began_s
        learner = learner.to(fitting.device)
        worker.take_over(learner)
        self.model = copy.deepcopy(learner)
        learning = Learning(learner, self.model, fitting, worker)
        course = Course([], 0, copy.deepcopy(self.model.state_dict())) if resumed is None else resumed.course
        if resumed is not None:
            learning.load(resumed)
        self.epochs = course.epochs
        while not course.is_over(fitting):
            number, before_s = len(course.epochs) + 1, course.epochs[-1].seconds if course.epochs else begun_s
            began_s = time.perf_counter()
            loss = learning.epoch(number, train.histories, self.parameters.longest)
            seconds = before_s + time.perf_counter() - began_s
            ndcg = worker.first_says(self._validated(train, validation) if worker.rank == 0 else 0.0, fitting.device)
            ndcg = -loss if math.isnan(ndcg) else ndcg
            course.add(Epoch(number, loss, ndcg, seconds), self.model)
            self._tell(course.epochs[-1])
            keep(lambda: learning.checkpoint(course))
        self.model.load_state_dict(course.best_weights)

    def load(self, items: int, checkpoint: Checkpoint) -> None:
        """Take the best weights of a training."""
        self.model = SequenceModel(self.parameters, items).to(self.fitting.device)
        self.model.load_state_dict(checkpoint.course.best_weights)
        self.epochs = checkpoint.course.epochs

    def scores(self, questions: Questions) -> Floats:
        """Return the logits of what is next after each history."""
        self.model.eval()
        score_QI = np.empty((len(questions), self.model.items), dtype=np.float32)
        with torch.inference_mode():
            for batch in asking_batches(questions.seen, self.parameters.longest, AT_ONCE, self.model.items):
                with autocast(self.fitting):
                    x_BLD = self.model(batch.item_BL.to(self.fitting.device), batch.time_s_BL.to(self.fitting.device))
                last_BD = x_BLD[torch.arange(len(x_BLD)), batch.last_B].float()
                score_QI[batch.row_B] = self.model.logits(last_BD).cpu().numpy()  # bfloat16 would make ties of near scores
        return score_QI

    def _validated(self, train: Interactions, validation: Questions) -> float:
        """Return NDCG@10, not a number where nothing is asked."""
        return float(evaluate(self, train, validation).per_question["NDCG@10"].mean()) if len(validation) else math.nan


@contextlib.contextmanager
def _seeded(seed: int) -> Iterator[None]:
    """Weights and dropout come from torch's global generators: set them, and give them back as they were."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        yield
