"""What is known of a trained model beside its weights: how it was made, how it did, and whether it may be served.

Knows neither torch nor numpy: whoever only lists models reads it at once.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from models.row_values import RowValues

MeanLowHigh = tuple[float, float, float]
"""A figure with its interval, as evaluate.Figure has it."""


@dataclass(frozen=True)
class ContentFit:
    """How contents were learned to tell where titles stand (models.content)."""

    features: int
    """The version of models.features that it is of."""
    strength: float
    """Of the ridge."""
    cosine: MeanLowHigh
    """Between where contents put titles that were held back, and where they are, both seen from the mean."""


@dataclass(frozen=True, kw_only=True)
class About:
    """How a model came to be. Times are seconds since 1970."""

    bundle_id: str
    """32 hex digits; later ones sort later."""
    kind: Literal["sequence"] = "sequence"
    made_at_s: float
    code_version: str
    split: str
    split_hash: str
    data_from_s: float
    """When the oldest view was that it learned from."""
    data_to_s: float
    users: int
    items: int
    interactions: int
    parameters: dict[str, Any]
    """Those of sequence.SequenceParameters."""
    fitting: dict[str, Any]
    """Those of fitting.FittingParameters."""
    ease: dict[str, Any]
    """Those of ease.EaseParameters."""
    metrics: dict[str, dict[str, MeanLowHigh]]
    """By the recommender's name, then the metric's, on the same questions: what is served is the first."""
    ease_share: float = 0.0
    """What recent views by EASE count in what is served, 0 to 1; the rest is the sequence model's (mixture.Mixture)."""
    mixed: bool = True
    """Whether EASE might have a share; a model that is made to replace this one is made the same way, unless somebody says otherwise."""
    content: ContentFit | None = None
    """None: it knows no title that nobody has watched."""
    row_values: RowValues | None = None
    """By what a page's rows are ordered; None: by rules."""


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What the gate said of a model."""

    accepted: bool
    reason: str
    """One sentence."""
    metric: str
    differences: dict[str, MeanLowHigh]
    """By how much it is above "live" and "popularity", user by user; what there was of the two."""
    against_bundle_id: str | None
    """The model that was live then; None: there was none."""
