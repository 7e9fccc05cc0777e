"""What the live model says of a profile and of a title, among what a caller sees: numpy, and one question to the encoder. Knows no store.

Main path: history -> encoding, else recency EASE -> `top_picks` among the titles that may be shown -> Picks. Where nothing is known, none.
Shapes: I items · K places.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Final
from weakref import WeakKeyDictionary

from serve_apps.recommendations import policy
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


class Picking:
    """Remembers which items each caller's titles are, as long as the titles and the model stay."""

    def __init__(self, encodings: Encodings) -> None:
        self._encodings = encodings
        self._shown: WeakKeyDictionary[Stock, tuple[LiveModel, Bools]] = WeakKeyDictionary()

    async def picks(self, model: LiveModel, stock: Stock, sources: Sources, now_s: float) -> Picks:
        """Return what the model picks of the titles; always something typed, never an error."""
        # Of who has watched nothing the list tells something; its times are made up, and the same each time.
        history = model.history(sources.first_s(now_s))
        if not history.item_H:
            history = model.history({title_id: float(at) for at, title_id in enumerate(reversed(sources.listed or ()))})
        alike = partial(self.alike, model, stock)
        if not history.item_H:
            return Picks(model_version=model.bundle_id, alike=alike)
        encoding_D = await self._encodings.encoding(model, history)
        fallback: Fallback = "none"
        if encoding_D is not None:
            score_I = model.scores(encoding_D, history.item_H)
        else:
            fallback, score_I = "ease", model.ease_scores(history.item_H)
        allowed_I = self.shown(model, stock) & ~_seen(model, sources, history)
        if fallback == "ease":
            allowed_I &= score_I > 0  # of others it says nothing
        item_K = top_picks(score_I, allowed_I, model.vector_ID, policy.ROW_LIMIT)
        if not len(item_K):
            return Picks(model_version=model.bundle_id, alike=alike)
        because = {model.item_ids[item]: model.item_ids[like] for item in item_K if (like := most_like(model, item, history)) is not None}
        return Picks([model.item_ids[item] for item in item_K], because, model.bundle_id, fallback, alike)

    def alike(self, model: LiveModel, stock: Stock, title: Known) -> Sequence[Known]:
        """Return the titles that are like one: by what they share, by their embeddings, and by who watches both."""
        contents = policy.likenesses(stock, title)
        item = model.item_of.get(title.title_id)
        if item is None:
            return policy.similar(stock, title)  # newer than the model
        shown_I = self.shown(model, stock).copy()
        shown_I[item] = False
        score_of = {other.title_id: SHARED * like / contents[0][0] for like, other in contents}
        for weight, like_I in ((EMBEDDED, model.likeness(item)), (WATCHED_TOGETHER, model.ease_scores([item]))):
            found_K = best(like_I, shown_I & (like_I > 0), ALIKE)
            for found in found_K:
                title_id = model.item_ids[found]
                score_of[title_id] = score_of.get(title_id, 0.0) + weight * float(like_I[found] / like_I[found_K[0]])
        return [stock.by_id[title_id] for title_id in sorted(score_of, key=lambda title_id: -score_of[title_id])]

    def shown(self, model: LiveModel, stock: Stock) -> Bools:
        """Return [I]: whether a caller who sees these titles may be shown an item."""
        known = self._shown.get(stock)
        if known is None or known[0] is not model:
            known = self._shown[stock] = model, model.only(title.title_id for title in stock.playable)
        return known[1]


def _seen(model: LiveModel, sources: Sources, history: History) -> Bools:
    seen_I = model.only(sources.places)
    seen_I[list(history.item_H)] = True
    digests = sources.state.digests if sources.state is not None else ()
    seen_I[[item for digest in digests if (item := model.item_of_digest.get(digest)) is not None]] = True
    return seen_I
