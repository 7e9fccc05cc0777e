"""What the live model says of a profile and of a title, among what a caller sees: numpy, and one question to the encoder. Knows no store.

Main path: history -> encoding, else recency EASE -> `top_picks` among the titles that may be shown -> Picks. Where nothing is known, none.
Shapes: I items · K places.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Final
from weakref import WeakKeyDictionary

from serve_apps.recommendations import policy
from serve_apps.recommendations.cold import ColdTitles
from serve_apps.recommendations.encoding import Encodings
from serve_apps.recommendations.live_model import History, LiveModel, most_like
from serve_apps.recommendations.ranking import Bools, best, top_picks
from serve_apps.recommendations.schemas import Fallback
from serve_apps.recommendations.sources import Picks, Sources
from serve_apps.recommendations.stock import Known, Stock

ALIKE: Final = 100
"""How many titles each source names that are like one."""
EMBEDDED: Final = 0.4
WATCHED_TOGETHER: Final = 0.3
SHARED: Final = 0.3
"""What being alike counts: by the cosine of embeddings, by EASE, by people and genres; each stretched to its best."""
REMEMBERED: Final = 500
"""Of so many titles it is remembered what is like them."""


@dataclass(frozen=True, eq=False)
class _Known:
    """What is known of a caller's titles by a model."""

    model: LiveModel
    grown: LiveModel
    """The same, with those of the titles that it has not learned of."""
    shown_I: Bools
    """Whether a caller who sees these titles may be shown an item."""
    alike: OrderedDict[str, Sequence[Known]] = field(default_factory=OrderedDict)
    """What is like a title, by its id; those last that were asked for last."""


class Picking:
    """Remembers what each caller's titles are to the model, and what is like them, as long as both stay."""

    def __init__(self, encodings: Encodings) -> None:
        self._encodings, self._cold = encodings, ColdTitles()
        self._known: WeakKeyDictionary[Stock, _Known] = WeakKeyDictionary()

    async def picks(self, model: LiveModel, stock: Stock, sources: Sources, now_s: float) -> Picks:
        """Return what the model picks of the titles; always something typed, never an error."""
        alike = partial(self.alike, model, stock)
        known = self._of(model, stock)
        model = known.grown
        # Of who has watched nothing the list and ratings tell something; their times are made up, and the same each time.
        history = model.history(sources.first_s(now_s))
        if not history.item_H:
            history = model.history({title_id: float(at) for at, title_id in enumerate(sources.liked)})
        if not history.item_H:
            return Picks(model_version=model.bundle_id, alike=alike)
        encoding_D = await self._encodings.encoding(model, history)
        fallback: Fallback = "none"
        if encoding_D is not None:
            score_I = model.scores(encoding_D, history.item_H)
        else:
            fallback, score_I = "ease", model.ease_scores(history.item_H)
        allowed_I = known.shown_I & ~_not_for(model, sources, history)
        if fallback == "ease":
            allowed_I &= score_I > 0  # of others it says nothing
        item_K = top_picks(score_I, allowed_I, model.vector_ID, policy.ROW_LIMIT)
        if not len(item_K):
            return Picks(model_version=model.bundle_id, alike=alike)
        because = {model.item_ids[item]: model.item_ids[like] for item in item_K if (like := most_like(model, item, history)) is not None}
        return Picks([model.item_ids[item] for item in item_K], because, model.bundle_id, fallback, alike)

    def alike(self, model: LiveModel, stock: Stock, title: Known) -> Sequence[Known]:
        """Return the titles that are like one: by what they share, by their embeddings, and by who watches both."""
        remembered = self._of(model, stock).alike
        if title.title_id not in remembered:
            remembered[title.title_id] = self._alike(model, stock, title)
            if len(remembered) > REMEMBERED:
                remembered.popitem(last=False)
        remembered.move_to_end(title.title_id)
        return remembered[title.title_id]

    def _alike(self, model: LiveModel, stock: Stock, title: Known) -> Sequence[Known]:
        known = self._of(model, stock)
        model = known.grown
        item = model.item_of.get(title.title_id)
        if item is None:
            return policy.similar(stock, title)  # newer than the model, which knows nothing of contents
        contents = policy.likenesses(stock, title)
        shown_I = known.shown_I.copy()
        shown_I[item] = False
        score_of = {other.title_id: SHARED * like / contents[0][0] for like, other in contents}
        for weight, like_I in ((EMBEDDED, model.likeness(item)), (WATCHED_TOGETHER, model.ease_scores([item]))):
            found_K = best(like_I, shown_I & (like_I > 0), ALIKE)
            for found in found_K:
                title_id = model.item_ids[found]
                score_of[title_id] = score_of.get(title_id, 0.0) + weight * float(like_I[found] / like_I[found_K[0]])
        return [stock.by_id[title_id] for title_id in sorted(score_of, key=lambda title_id: -score_of[title_id])]

    def _of(self, model: LiveModel, stock: Stock) -> _Known:
        known = self._known.get(stock)
        if known is None or known.model is not model:
            grown = self._cold.grown(model, stock)
            known = self._known[stock] = _Known(model, grown, grown.only(title.title_id for title in stock.playable))
        return known


def _not_for(model: LiveModel, sources: Sources, history: History) -> Bools:
    seen_I = model.only(sources.places)
    seen_I[list(history.item_H)] = True
    seen_I |= model.only(sources.disliked)
    digests = sources.state.digests if sources.state is not None else ()
    seen_I[[item for digest in digests if (item := model.item_of_digest.get(digest)) is not None]] = True
    return seen_I
