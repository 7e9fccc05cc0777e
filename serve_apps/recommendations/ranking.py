"""Ranks titles for a profile: exactly, among those alone that it may see and has not seen, then varied within the row. Pure.

Main path: scores of all items -> `best` of the allowed ones -> `varied` (MMR). Refuses to know where scores come from, or what a title is.
Shapes: I items · D width · K places · C candidates · G groups.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Places = NDArray[np.int64]
Bools = NDArray[np.bool_]

RELEVANCE: Final = 0.7
"""Lambda of MMR: what being wanted counts, beside being unlike what already stands in the row."""
CANDIDATES: Final = 5
"""A row is chosen among so many times its length."""
GROUP: Final = 16
"""Items of which only the best is looked at to find where the best of all begin."""

LEAST: Final = float(np.finfo(np.float32).min)


def top_picks(score_I: Floats, allowed_I: Bools, vector_ID: Floats, k: int) -> Places:
    """Return at most K of the allowed items, the most wanted first, as `best` and `varied` choose them."""
    candidate_C = best(score_I, allowed_I, CANDIDATES * k)
    return varied(candidate_C, score_I[candidate_C], vector_ID[candidate_C], k)


def best(score_I: Floats, allowed_I: Bools, k: int) -> Places:
    """Return the K best of the allowed items, best first; ties go to the lower item.

    Items that are not allowed are never ranked at all, nor is what has no finite score. Exact: below a million titles nothing
    approximate is as quick.
    """
    # Most of a catalogue is allowed as a rule: of twice as many of all items, K are. Only where they are not, each item is asked.
    item_C = (score_I >= _bar(score_I, 2 * k)).nonzero()[0]
    item_C = item_C[allowed_I[item_C]]
    score_C = score_I[item_C]
    if len(item_C) < k or score_C.max(initial=0.0) == np.inf:
        score_I = np.where(allowed_I & np.isfinite(score_I), score_I, -np.inf)
        item_C = (score_I >= _bar(score_I, k)).nonzero()[0]
        score_C = score_I[item_C]
    return item_C[(-score_C).argsort(kind="stable")[:k]]


def _bar(ranked_I: Floats, k: int) -> float:
    """Return a finite score that at least K items reach, if so many have one at all, and few more; where there are NaN, fewer may."""
    groups = len(ranked_I) // GROUP
    if k <= 0 or groups <= k:
        return LEAST
    # Each of the K best groups has an item as good as the worst of these groups' best.
    best_G = ranked_I[: groups * GROUP].reshape(GROUP, groups).max(axis=0)
    best_G.partition(groups - k)
    return max(LEAST, float(best_G[groups - k]))


def varied(candidate_C: Places, score_C: Floats, vector_CD: Floats, k: int, relevance: float = RELEVANCE) -> Places:
    """Return K of the candidates, one after the other that which is wanted most and least like those before it.

    Maximal marginal relevance (Carbonell and Goldstein 1998): lambda times the score, stretched to 0..1, less (1 - lambda) times the
    greatest cosine to what was taken. Takes each candidate once; the first is the best.
    """
    if not len(candidate_C):
        return candidate_C
    low, high = float(score_C.min()), float(score_C.max())
    wanted_C = relevance * (score_C - low) / (high - low if high > low else 1.0)
    unit_CD = unit(vector_CD)
    likeness_C = np.zeros(len(candidate_C), dtype=np.float32)
    left_C = np.ones(len(candidate_C), dtype=np.bool_)
    taken: list[int] = []
    while len(taken) < min(k, len(candidate_C)):
        at = int(np.argmax(np.where(left_C, wanted_C - (1 - relevance) * likeness_C, -np.inf)))
        left_C[at] = False
        likeness_C = unit_CD @ unit_CD[at] if not taken else np.maximum(likeness_C, unit_CD @ unit_CD[at])
        taken.append(at)
    return candidate_C[taken]


def unit(vector_CD: Floats) -> Floats:
    """Return vectors of length 1; one without a direction stays 0."""
    length_C1 = np.linalg.norm(vector_CD, axis=-1, keepdims=True)
    return np.asarray(vector_CD / np.where(length_C1 > 0, length_C1, 1), dtype=np.float32)
