"""Where titles stand that the live model has not learned of: by their contents, in numpy.

Main path: a catalogue's titles that are not in the vocabulary -> `ContentVectors.vector` of each, once -> the model grown by them.
Shapes: F buckets · D width · C cold titles.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from models.features import Content, features
from serve_apps.recommendations.ranking import Floats
from serve_apps.recommendations.stock import Known, Stock

if TYPE_CHECKING:
    from serve_apps.recommendations.live_model import LiveModel

COLD_LIMIT: Final = 2000
"""Of titles that nobody has watched so many are ranked, the newest: of a catalogue that is new as a whole, a model knows nothing."""


@dataclass(frozen=True, eq=False)
class ContentVectors:
    """What contents say of a title's vector (models.content.ContentWeights)."""

    weight_FD: NDArray[np.float16]
    mean_D: Floats

    def vector(self, content: Content) -> Floats:
        """Return [D]: where a title of this content stands."""
        found = features(content)
        told_D = found.value_N @ self.weight_FD[found.bucket_N].astype(np.float32)
        return np.asarray(self.mean_D + told_D, dtype=np.float32)


def content_of(title: Known) -> Content:
    """Return a title's content; a training makes the same of it (cluster.launch.training.contents)."""
    card = title.card
    return Content.of(
        kind=card.kind,
        genres=title.genres,
        people=title.people,
        year=card.year,
        maturity=card.maturity,
        name=card.name,
        synopsis=title.synopsis,
    )


class ColdTitles:
    """Grows models by the titles of a stock; a title's vector is made once, until the title or the model is another."""

    def __init__(self) -> None:
        self._of: ContentVectors | None = None
        self._vectors: dict[str, tuple[Known, Floats]] = {}

    def grown(self, model: LiveModel, stock: Stock) -> LiveModel:
        """Return the model with those of these titles that it has not learned of; itself, where there are none, or it knows no contents."""
        if model.content is None:
            return model
        if self._of is not model.content:
            self._of, self._vectors = model.content, {}
        cold = [title for title in stock.playable if title.title_id not in model.item_of][:COLD_LIMIT]
        if not cold:
            return model
        if len(self._vectors) > 2 * COLD_LIMIT:  # of titles that are gone, or have been watched
            self._vectors = {}
        return model.grown([title.title_id for title in cold], np.stack([self._vector(model.content, title) for title in cold]))

    def _vector(self, told: ContentVectors, title: Known) -> Floats:
        known = self._vectors.get(title.title_id)
        if known is None or known[0] is not title:
            known = self._vectors[title.title_id] = title, told.vector(content_of(title))
        return known[1]
