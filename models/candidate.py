"""A model to be served: trained, made into a bundle, and judged beside popularity and the model that is live.

Main path: `train_bundle` -> the sequence model, EASE and popularity on one split -> the first two as one, weighed by the validation ->
`Bundle` and the gate's `Verdict`. Needs PyTorch alone: a caller that has several workers says how they train (`fit`).
Shapes: Q questions · I items · N interactions.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
import torch

from models import gate
from models.about import ContentFit, MeanLowHigh, Verdict
from models.bundle import Bundle, about_of, bundle_of, sequence_model
from models.content import ContentWeights, learn
from models.data import Floats, Histories, Interactions, Questions, Split
from models.ease import Ease, EaseParameters
from models.errors import DataRefused
from models.evaluate import Evaluation, evaluate
from models.features import Content
from models.fitting import FittingParameters, SequenceRecommender
from models.mixture import Mixture
from models.neighbours import KeptEase, NeighbourWeights
from models.popularity import Popularity
from models.ranking import Recommender
from models.row_values import RowValues
from models.sequence import SequenceParameters

Fit = Callable[[Split, SequenceParameters, FittingParameters], SequenceRecommender]


@dataclass(frozen=True)
class Making:
    """What only the caller knows of a model."""

    bundle_id: str
    made_at_s: float
    code_version: str
    row_values: RowValues | None = None
    """What pages have shown of rows, where they have."""
    contents: Mapping[str, Content] = field(default_factory=dict)
    """Of the catalogue's titles, as far as they are known."""
    line: Callable[[str], None] = lambda _: None
    """Hears what is left out."""
    mixed: bool | None = None
    """Whether EASE has a share in what is served, as the validation says; else it only stands in for an encoder that is away.
    None: as in the live model, and where none is, yes."""


def fit_here(split: Split, parameters: SequenceParameters, fitting: FittingParameters) -> SequenceRecommender:
    """Train in this process."""
    recommender = SequenceRecommender(parameters, fitting)
    recommender.fit(split.train, split.validation)
    return recommender


def train_bundle(
    split: Split,
    parameters: SequenceParameters,
    fitting: FittingParameters,
    making: Making,
    *,
    live: Bundle | None = None,
    fit: Fit = fit_here,
) -> tuple[Bundle, Verdict]:
    """Make a candidate, and say whether it may be served: by the split's validation, on which the live model is judged too.

    The figures that the bundle keeps are of the test.

    Raises:
        DataRefused: the split asks nothing.
    """
    if not len(split.validation) or not len(split.test):
        raise DataRefused(f"there are no questions to judge a model by: {split}")
    sequence, popularity, ease = fit(split, parameters, fitting), Popularity(), _ease(split)
    popularity.fit(split.train, split.validation)
    served: Recommender = sequence
    judged: list[Recommender] = [sequence, popularity]
    share = 0.0
    mixed = making.mixed if making.mixed is not None else live is None or live.about.mixed
    if ease is not None:
        kept = KeptEase(NeighbourWeights.of(ease))
        judged.append(kept)
        if mixed:
            mixture = served = Mixture(sequence, kept, fitted=True)
            mixture.weigh(split.validation)
            share = mixture.share
            judged = [mixture, *judged]
    metrics = {each.name: _figures(evaluate(each, split.train, split.test)) for each in judged}
    name = (split.name, split.hash)
    told = (parameters, fitting, ease.parameters if ease is not None else EaseParameters())
    content, fit_of = _content(making, split.train.item_ids, sequence.model.item.weight.detach())
    about = about_of(
        making.bundle_id, making.made_at_s, making.code_version, name, split.train, told, metrics, share, making.row_values, fit_of, mixed
    )
    popular_I = torch.from_numpy(_popular_of_late(popularity, split.train))
    bundle = bundle_of(about, split.train.item_ids, sequence.model, ease, popular_I, content)
    verdict = gate.verdict(
        _ndcg(served, split),
        None if live is None else _ndcg(Standing(live, split.train.item_ids), split),
        _ndcg(popularity, split),
        against_bundle_id=None if live is None else live.about.bundle_id,
    )
    return bundle, verdict


def served_by(bundle: Bundle) -> Recommender:
    """Return what a bundle ranks with, over its own vocabulary, as its replicas do."""
    sequence = SequenceRecommender(SequenceParameters(**bundle.about.parameters))
    sequence.model = sequence_model(bundle).to(sequence.fitting.device)
    if not bundle.about.ease_share:
        return sequence
    mixture = Mixture(sequence, KeptEase(bundle.ease), fitted=True)
    mixture.share = bundle.about.ease_share
    return mixture


class Standing:
    """A bundle as a recommender over another vocabulary: what it does not know it neither reads nor recommends."""

    name = "live model"

    def __init__(self, bundle: Bundle, item_ids: tuple[str, ...]) -> None:
        self._recommender = served_by(bundle)
        known: Mapping[str, int] = {item: at for at, item in enumerate(bundle.item_ids)}
        self._place_I = np.array([known.get(item, -1) for item in item_ids], dtype=np.int64)

    def fit(self, train: Interactions, validation: Questions) -> None:
        """It is trained already."""

    def scores(self, questions: Questions) -> Floats:
        """Return [Q, I] over this vocabulary; minus infinity, which is never recommended, for what it does not know."""
        there_I = self._place_I >= 0
        known = questions.seen.where(there_I[questions.seen.item_N])
        seen = Histories(known.start_S, self._place_I[known.item_N], known.time_s_N, known.weight_N)
        own_QJ = self._recommender.scores(Questions(questions.user_Q, questions.asked_at_s_Q, seen, questions.target))
        score_QI = np.full((len(questions), len(self._place_I)), -np.inf, dtype=np.float32)
        score_QI[:, there_I] = own_QJ[:, self._place_I[there_I]]
        return score_QI


def _content(making: Making, item_ids: tuple[str, ...], vector_ID: torch.Tensor) -> tuple[ContentWeights | None, ContentFit | None]:
    """Return what contents tell of the vectors; nothing, and why, where they do not."""
    try:
        return learn(making.contents, item_ids, vector_ID)
    except DataRefused as error:
        making.line(f"titles that nobody has watched stay unknown to it: {error}")
        return None, None


def _ease(split: Split) -> Ease | None:
    """Return EASE, fitted; None where there are too many items for its matrix."""
    ease = Ease()
    try:
        ease.fit(split.train, split.validation)
    except DataRefused:
        return None
    return ease


def _ndcg(recommender: Recommender, split: Split) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    return evaluate(recommender, split.train, split.validation).per_question[gate.METRIC]


def _figures(found: Evaluation) -> dict[str, MeanLowHigh]:
    figures = {metric: found.figure(metric) for metric in found.per_question}
    return {metric: (figure.mean, figure.low, figure.high) for metric, figure in figures.items()}


def _popular_of_late(popularity: Popularity, train: Interactions) -> Floats:
    """Return how much was watched in the last days of the data."""
    nothing = Histories.of(np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0, np.float64), np.zeros(0, np.float32), 1)
    until_s = float(train.histories.time_s_N.max()) + 1
    score_I: Floats = popularity.scores(Questions(np.zeros(1, np.int64), np.array([until_s]), nothing, nothing))[0]
    return score_I
