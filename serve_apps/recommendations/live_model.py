"""The live model as a replica of recommendations holds it, in numpy alone: torch is the encoder's.

Main path: a profile's history -> its encoding, from elsewhere, or what EASE says of it here -> scores of all items.
Shapes: I items · D width · K neighbours of an item · H of a history, the oldest first.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from actors.processors.profiles import digest
from models.row_values import RowValues
from serve_apps.recommendations.ranking import Bools, Floats

NEWEST: Final = 30
"""Why a title is picked is looked for among so many of those that were watched last."""


class History(msgspec.Struct, frozen=True):
    """What of the vocabulary a profile has watched, and when first, the oldest first."""

    item_H: Sequence[int]
    time_s_H: Sequence[float]


@dataclass(frozen=True, eq=False)
class LiveModel:
    """What ranks titles without an encoder, and with an encoding of it."""

    bundle_id: str
    item_ids: tuple[str, ...]
    vector_ID: Floats
    """The output's weights of each item."""
    neighbour_IK: NDArray[np.int32]
    weight_IK: Floats
    """What having watched an item says of its neighbours: rows of EASE, cut to the strongest."""
    asked_with: int | None = 30
    decay: float = 0.85
    """EASE is asked with the newest of a history (None: with all), each of which counts so many times what the one after it counts."""
    ease_share: float = 0.0
    """What EASE counts beside an encoding, 0 to 1."""
    row_values: RowValues | None = None
    """By what pages order their rows."""

    @cached_property
    def item_of(self) -> Mapping[str, int]:
        """Items by their titles."""
        return {title_id: item for item, title_id in enumerate(self.item_ids)}

    @cached_property
    def item_of_digest(self) -> Mapping[str, int]:
        """Items by what profile state holds of a title that was seen."""
        return {digest(title_id): item for item, title_id in enumerate(self.item_ids)}

    @cached_property
    def length_I(self) -> Floats:
        """How long each item's vector is, never 0."""
        length_I = np.linalg.norm(self.vector_ID, axis=1)
        return np.asarray(np.where(length_I > 0, length_I, 1), dtype=np.float32)

    def history(self, first_s: Mapping[str, float]) -> History:
        """Return what is known of titles and when they were watched first."""
        known = sorted((first_s[title_id], item) for title_id in first_s if (item := self.item_of.get(title_id)) is not None)
        return History([item for _, item in known], [time_s for time_s, _ in known])

    def only(self, title_ids: Iterable[str]) -> Bools:
        """Return [I]: whether an item is among these titles."""
        among_I = np.zeros(len(self.item_ids), dtype=np.bool_)
        among_I[[item for title_id in title_ids if (item := self.item_of.get(title_id)) is not None]] = True
        return among_I

    def scores(self, encoding_D: Floats, item_H: Sequence[int]) -> Floats:
        """Return [I]: what is wanted next by the encoding of a history and by EASE, weighed as the bundle says (models.mixture.Mixture)."""
        score_I = self.encoded_scores(encoding_D)
        if not self.ease_share:
            return score_I
        return (1 - self.ease_share) * _standardised(score_I) + self.ease_share * _standardised(self.ease_scores(item_H))

    def encoded_scores(self, encoding_D: Floats) -> Floats:
        """Return [I]: the logits of what is next (models.sequence.SequenceModel.logits)."""
        return np.asarray(self.vector_ID @ encoding_D, dtype=np.float32)

    def ease_scores(self, item_H: Sequence[int]) -> Floats:
        """Return [I]: recency-weighted EASE (models.ease.Ease), of the weights that were kept."""
        newest_H = np.asarray(item_H[-(self.asked_with or len(item_H)) :], dtype=np.int64)
        counts_H = self.decay ** np.arange(len(newest_H) - 1, -1, -1, dtype=np.float64)
        told_HK = self.weight_IK[newest_H] * counts_H[:, None]
        scores_I = np.bincount(self.neighbour_IK[newest_H].ravel(), told_HK.ravel(), minlength=len(self.item_ids))
        return scores_I.astype(np.float32)

    def likeness(self, item: int) -> Floats:
        """Return [I]: the cosines of all vectors to an item's."""
        return np.asarray(self.vector_ID @ self.vector_ID[item] / (self.length_I * self.length_I[item]), dtype=np.float32)


def _standardised(score_I: Floats) -> Floats:
    spread = score_I.std()
    return np.asarray((score_I - score_I.mean()) / (spread if spread > 0 else 1), dtype=np.float32)


def most_like(model: LiveModel, item: int, history: History) -> int | None:
    """Return the item of a history's newest that is most like another: why that is recommended."""
    newest_H = np.asarray(history.item_H[-NEWEST:], dtype=np.int64)
    if not len(newest_H):
        return None
    likeness_H = model.vector_ID[newest_H] @ model.vector_ID[item] / model.length_I[newest_H]
    return int(newest_H[int(np.argmax(likeness_H))])


def key_of(history: History) -> bytes:
    """Return what two histories have in common that are encoded alike."""
    items, times_s = np.asarray(history.item_H, dtype=np.int32), np.asarray(history.time_s_H, dtype=np.float64)
    return hashlib.blake2b(items.tobytes() + times_s.tobytes(), digest_size=16).digest()
