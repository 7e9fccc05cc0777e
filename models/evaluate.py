"""Judges recommenders: the whole catalogue ranked, seen items left out, every figure with an interval.

Main path: `evaluate` -> scores in blocks -> `top_k` -> metrics a question -> `Evaluation`; `difference` compares two on the same questions.
Shapes: Q questions · K places · I items · G genres · B resamples.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from models import metrics
from models.data import Floats, Interactions, Questions
from models.metrics import Doubles
from models.ranking import Recommender, top_k

AT_ONCE: Final = 512
RESAMPLES: Final = 1000
CONFIDENCE: Final = 0.95


@dataclass(frozen=True)
class Figure:
    """A mean over users, and where it would lie for 95 of 100 samples of users as large (percentile bootstrap)."""

    mean: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.mean:.4f} [{self.low:.4f}, {self.high:.4f}]"


@dataclass(frozen=True, eq=False)
class Evaluation:
    """How one recommender did on some questions."""

    name: str
    k: int
    seed: int
    per_question: dict[str, Doubles]
    """Of each question: HR, NDCG and MRR at k, novelty, and miscalibration where genres are known."""
    coverage: float
    users: int

    def figure(self, metric: str) -> Figure:
        """Return a metric's mean with its interval; the same seed gives the same interval."""
        return bootstrap(self.per_question[metric], self.seed)

    def as_json(self) -> dict[str, Any]:
        """Return all figures, for a file."""
        figures = {metric: vars(self.figure(metric)) for metric in self.per_question}
        return {"name": self.name, "k": self.k, "users": self.users, "seed": self.seed, "coverage": self.coverage, **figures}


def evaluate(
    recommender: Recommender, train: Interactions, questions: Questions, *, k: int = 10, genre_IG: Floats | None = None, seed: int = 0
) -> Evaluation:
    """Rank the whole catalogue for every question, and judge the first K places; it is trained already."""
    found: dict[str, list[Doubles]] = {}
    ranked: list[np.ndarray[Any, Any]] = []
    watched_I = np.bincount(train.histories.item_N, minlength=train.items)
    users = int((train.histories.length_R > 0).sum())
    for start in range(0, len(questions), AT_ONCE):
        asked = questions.rows(np.arange(start, min(start + AT_ONCE, len(questions))))
        ranked_QK = top_k(recommender.scores(asked), asked.seen, k)
        hit_QK = metrics.hits(ranked_QK, asked.target)
        block = {
            f"HR@{k}": metrics.hit_rate(hit_QK),
            f"NDCG@{k}": metrics.ndcg(hit_QK, asked.target.length_R),
            f"MRR@{k}": metrics.reciprocal_rank(hit_QK),
            "novelty": metrics.novelty(ranked_QK, watched_I, users),
        }
        if genre_IG is not None:
            block["miscalibration"] = metrics.miscalibration(ranked_QK, asked.seen, genre_IG)
        for metric, value_Q in block.items():
            found.setdefault(metric, []).append(value_Q)
        ranked.append(ranked_QK)
    covered = metrics.coverage(np.concatenate(ranked), train.items) if ranked else 0.0
    joined = {metric: np.concatenate(blocks) for metric, blocks in found.items()}
    return Evaluation(recommender.name, k, seed, joined, covered, len(questions))


def bootstrap(value_Q: Doubles, seed: int) -> Figure:
    """Return the mean with its interval over resampled users (Efron 1979)."""
    mean_B = _resampled(value_Q, seed)
    low, high = np.quantile(mean_B, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    return Figure(float(value_Q.mean()), float(low), float(high))


def difference(one: Evaluation, other: Evaluation, metric: str) -> Figure:
    """Return by how much one is above the other, user by user: above for certain where the whole interval is above 0."""
    return bootstrap(one.per_question[metric] - other.per_question[metric], one.seed)


@dataclass(frozen=True)
class Comparison:
    """By how much one recommender is above another in a metric, user by user."""

    one: str
    other: str
    metric: str
    gained: Figure

    @property
    def judgement(self) -> str:
        """Say whether it is above for certain, below for certain, or neither."""
        return "above" if self.gained.low > 0 else "below" if self.gained.high < 0 else "not told apart from"

    def __str__(self) -> str:
        return f"{self.one}: {self.judgement} {self.other}, by {self.gained} {self.metric}"

    def as_json(self) -> dict[str, Any]:
        """Return it, for a file."""
        return {"model": self.one, "other": self.other, "metric": self.metric, "judgement": self.judgement, **vars(self.gained)}


def comparisons(ours: Sequence[Evaluation], others: Sequence[Evaluation], by: Sequence[str]) -> list[Comparison]:
    """Compare each of ours with each of the others."""
    return [
        Comparison(one.name, other.name, metric, difference(one, other, metric))
        for one, other, metric in itertools.product(ours, others, by)
    ]


def not_above(compared: Sequence[Comparison]) -> list[str]:
    """Say in a line for each of ours what it is not above for certain, and in which metric."""
    lines = []
    for name in dict.fromkeys(each.one for each in compared):
        found = [each for each in compared if each.one == name]
        why: dict[str, dict[str, list[str]]] = {}
        for each in found:
            if each.judgement != "above":
                why.setdefault(each.other, {}).setdefault(each.judgement.removesuffix(" from"), []).append(each.metric)
        others = [f"{other} ({', '.join(f'{said} in {_and(where)}' for said, where in of.items())})" for other, of in why.items()]
        all_metrics = _and(list(dict.fromkeys(each.metric for each in found)))
        lines.append(f"{name} is NOT above {'; '.join(others)}" if others else f"{name} is above all others in {all_metrics}")
    return lines


def table(evaluations: Sequence[Evaluation]) -> str:
    """Return a table for people, a line a recommender."""
    if not evaluations:
        return ""
    columns = [*evaluations[0].per_question]
    accurate = [metric for metric in columns if "@" in metric]
    others = [metric for metric in columns if "@" not in metric]
    lines = ["| model | " + " | ".join([*accurate, "coverage", *others]) + " |", "|---" * (len(columns) + 2) + "|"]
    for found in evaluations:
        cells = [str(found.figure(metric)) for metric in accurate]
        cells += [f"{found.coverage:.3f}", *(f"{found.figure(metric).mean:.3f}" for metric in others)]
        lines.append(f"| {found.name} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _and(names: Sequence[str]) -> str:
    return " and ".join(names)


def _resampled(value_Q: Doubles, seed: int) -> Doubles:
    random = np.random.default_rng(seed)
    users = len(value_Q)
    # How often each user is drawn, some resamples at a time: [B, Q] whole would be gigabytes for many users.
    means = [random.multinomial(users, np.full(users, 1 / users)) @ value_Q / users for _ in range(RESAMPLES)]
    return np.asarray(means)
