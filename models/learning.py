"""Steps of gradient descent, alone or as one of several workers that take every step together.

Main path: `Learning.epoch` -> batches of the own users -> gradients, added up over the workers -> the same step everywhere -> weights
averaged over steps. `Course` says which epoch was the best and when to end; `Checkpoint` is all that another process needs to go on.
Shapes: B rows · L positions · D width · P weights, all of the model and what is told with them.
"""

from __future__ import annotations

import contextlib
import copy
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import torch
from torch import Tensor

from models.batches import Batch, training_batches
from models.data import Histories
from models.sequence import NO_TARGET, SequenceModel

if TYPE_CHECKING:
    from models.fitting import Epoch, FittingParameters


@dataclass(frozen=True)
class Worker:
    """Which of the workers this is, and what adds a tensor up over all of them, in place (None: there are no others)."""

    rank: int
    of: int
    add: Callable[[Tensor], object] | None

    def take_over(self, model: SequenceModel) -> None:
        """Give every worker the first one's weights."""
        if self.add is None:
            return
        with torch.no_grad():
            for weights in model.parameters():
                told = weights if self.rank == 0 else torch.zeros_like(weights)
                self.add(told)
                weights.copy_(told)

    def first_says(self, value: float, device: str) -> float:
        """Return the value of the first worker, on every one."""
        if self.add is None:
            return value
        # Added to zeros in double precision it stays what it is, not a number too.
        told = torch.tensor([value if self.rank == 0 else 0.0], dtype=torch.float64, device=device)
        self.add(told)
        return float(told.item())


ALONE: Final = Worker(0, 1, None)


@dataclass
class Course:
    """How a training went so far, and the weights of its best epoch."""

    epochs: list[Epoch]
    best: int
    """The number of the best epoch; 0: none yet."""
    best_weights: dict[str, Tensor]

    def add(self, epoch: Epoch, model: SequenceModel) -> None:
        """Take an epoch, and its weights if it is the best."""
        best_ndcg = self.epochs[self.best - 1].ndcg if self.best else float("-inf")
        self.epochs.append(epoch)
        if epoch.ndcg > best_ndcg:
            self.best, self.best_weights = epoch.number, copy.deepcopy(model.state_dict())

    def is_over(self, fitting: FittingParameters) -> bool:
        """Say whether the validation got no better for too long, or there were enough epochs."""
        number = len(self.epochs)
        return number >= fitting.most_epochs or (number > self.best and number - self.best >= fitting.patience)


@dataclass(frozen=True)
class Checkpoint:
    """A training after an epoch."""

    course: Course
    steps: int
    tensors: Mapping[str, Tensor]
    """Of the weights that learn (`learner.`), their average (`average.`) and the optimiser (`optimiser.<parameter>.`)."""


class Learning:
    """One training: the weights that learn, and their average."""

    def __init__(self, learner: SequenceModel, average: SequenceModel, fitting: FittingParameters, worker: Worker) -> None:
        self._learner, self._average, self._fitting, self._worker = learner, average, fitting, worker
        self._forward: Any = torch.compile(learner, dynamic=True) if fitting.device == "cuda" else learner
        self._optimiser = torch.optim.AdamW(
            learner.parameters(), lr=fitting.learning_rate, betas=(0.9, 0.98), weight_decay=fitting.weight_decay, fused=True
        )
        self._random, self._drawn = np.random.default_rng(fitting.seed), torch.Generator().manual_seed(fitting.seed)
        self._steps = 0

    def epoch(self, number: int, histories: Histories, longest: int) -> float:
        """Learn from every view once, those of the other workers' users with them; returns the mean loss of a batch."""
        if self._worker.add is not None:
            self._seed(number)
        self._learner.train()
        positions = max(1, self._fitting.positions // self._worker.of)
        batches = training_batches(histories, longest, positions, self._learner.items, self._random, self._fitting.horizon)
        losses: list[float] = []
        while (loss := self._step(next(batches, None))) is not None:
            losses.append(loss)
        return sum(losses) / max(len(losses), 1)

    def checkpoint(self, course: Course) -> Checkpoint:
        """Return what to go on with; the tensors are those in use, so write them before the next step."""
        tensors = {f"learner.{name}": weights for name, weights in self._learner.state_dict().items()}
        tensors |= {f"average.{name}": weights for name, weights in self._average.state_dict().items()}
        for at, state in self._optimiser.state_dict()["state"].items():
            tensors |= {f"optimiser.{at}.{name}": value for name, value in state.items()}
        return Checkpoint(course, self._steps, tensors)

    def load(self, checkpoint: Checkpoint) -> None:
        """Go on from there."""
        self._learner.load_state_dict(_under("learner.", checkpoint.tensors))
        self._average.load_state_dict(_under("average.", checkpoint.tensors))
        states: dict[int, dict[str, Tensor]] = {}
        for name, value in _under("optimiser.", checkpoint.tensors).items():
            at, _, key = name.partition(".")
            states.setdefault(int(at), {})[key] = value
        self._optimiser.load_state_dict({**self._optimiser.state_dict(), "state": states})
        self._steps = checkpoint.steps

    def _seed(self, number: int) -> None:
        # Anew for each epoch: whoever goes on from a checkpoint draws what would have been drawn.
        mixed = np.random.SeedSequence([self._fitting.seed, self._worker.rank, number])
        self._random = np.random.default_rng(mixed)
        seed = int(mixed.generate_state(1)[0])
        torch.manual_seed(seed)
        self._drawn.manual_seed(seed)

    def _step(self, batch: Batch | None) -> float | None:
        """Take a step by this batch and those of the others; None where nobody has one left."""
        fitting = self._fitting
        if batch is None and self._worker.add is None:
            return None
        self._optimiser.zero_grad(set_to_none=True)
        loss = torch.zeros(())
        if batch is not None:
            with autocast(fitting):
                x_BLD = self._forward(batch.item_BL.to(fitting.device), batch.time_s_BL.to(fitting.device))
                loss = self._learner.loss(x_BLD, batch.target_BL.to(fitting.device), self._drawn)
            loss.backward()  # type: ignore[no-untyped-call]
        value: float | None = loss.item()
        if self._worker.add is not None:
            value = self._averaged(self._worker.add, loss.item(), 0 if batch is None else int((batch.target_BL != NO_TARGET).sum()))
            if value is None:
                return None
        self._optimiser.step()
        self._average_weights()
        return value

    def _averaged(self, add: Callable[[Tensor], object], loss: float, targets: int) -> float | None:
        """Make the gradients those of all targets of all workers' batches; returns their mean loss, None where there is no target."""
        parameters = list(self._learner.parameters())
        gradients = [torch.zeros_like(each) if each.grad is None else each.grad for each in parameters]
        told = torch.tensor([loss, 1.0], device=gradients[0].device)
        sum_P = torch.cat([*(each.flatten() for each in gradients), told]) * targets
        add(sum_P)
        total = float(sum_P[-1])
        if not total:
            return None
        sum_P /= total
        for each, mean_P in zip(parameters, torch.split(sum_P[:-2], [each.numel() for each in parameters]), strict=True):
            each.grad = mean_P.view_as(each)
        return float(sum_P[-2])

    def _average_weights(self) -> None:
        # The first weights are chance: what is averaged begins short.
        self._steps += 1
        share = max(1 - self._fitting.averaged, 1 / self._steps)
        with torch.no_grad():
            torch._foreach_lerp_(list(self._average.parameters()), list(self._learner.parameters()), share)


def autocast(fitting: FittingParameters) -> contextlib.AbstractContextManager[Any]:
    """Multiply in bfloat16 where that is wanted."""
    return torch.autocast(fitting.device, torch.bfloat16, enabled=fitting.bf16)


def _under(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}
