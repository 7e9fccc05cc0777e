"""Figures of one ranking a question; plain functions of arrays.

Shapes: Q questions · K places · I items · G genres. A ranking's missing places are NOTHING, and never a hit.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from models.data import Bools, Floats, Histories, Ints
from models.ranking import NOTHING

Doubles = NDArray[np.float64]
SMOOTHING: Final = 0.01
"""Alpha of Steck 2018, section 3."""


def hits(ranked_QK: Ints, target: Histories) -> Bools:
    """Return [Q, K]: whether a target stands at that place."""
    span = max(int(ranked_QK.max(initial=0)), int(target.item_N.max(initial=0))) + 1
    asked_QK = ranked_QK + np.arange(len(ranked_QK))[:, None] * span
    return np.asarray(np.isin(asked_QK, target.item_N + target.row_N * span) & (ranked_QK != NOTHING))


def hit_rate(hit_QK: Bools) -> Doubles:
    """Return whether any target was found; with one target that is recall."""
    return np.asarray(hit_QK.any(axis=1), dtype=np.float64)


def ndcg(hit_QK: Bools, targets_Q: Ints) -> Doubles:
    """Return the discounted gain over what the best ranking of as many places has (Järvelin and Kekäläinen 2002, gain 1, log2)."""
    discount_K = 1 / np.log2(np.arange(2, hit_QK.shape[1] + 2))
    best = np.concatenate([[0.0], np.cumsum(discount_K)])
    ideal_Q = best[np.minimum(targets_Q, hit_QK.shape[1])]
    return np.asarray(np.divide(hit_QK @ discount_K, ideal_Q, out=np.zeros(len(hit_QK)), where=ideal_Q > 0))


def reciprocal_rank(hit_QK: Bools) -> Doubles:
    """Return one over the place of the first target found, else 0."""
    return np.where(hit_QK.any(axis=1), 1 / (hit_QK.argmax(axis=1) + 1), 0.0)


def coverage(ranked_QK: Ints, items: int) -> float:
    """Return the share of the catalogue that anybody was recommended."""
    return len(np.unique(ranked_QK[ranked_QK != NOTHING])) / items


def novelty(ranked_QK: Ints, watched_I: Ints, users: int) -> Doubles:
    """Return the mean of -log2 of the share of users who watched what is recommended (Zhou et al. 2010), in bits.

    One user is added to each count: what nobody watched is as new as can be, not infinitely so.
    """
    bits_I = -np.log2((watched_I + 1) / (users + 1))
    there_QK = ranked_QK != NOTHING
    return np.asarray(np.where(there_QK, bits_I[ranked_QK], 0).sum(axis=1) / np.maximum(there_QK.sum(axis=1), 1))


def miscalibration(ranked_QK: Ints, seen: Histories, genre_IG: Floats) -> Doubles:
    """Return KL(p || q~): how far the genres recommended are from those watched, in nats; 0 is the same mixture.

    p is the mean of the genres of what was seen, q of what is recommended, q~ = (1 - alpha) q + alpha p (Steck 2018, section 3).
    """
    share_IG = genre_IG.astype(np.float64) / np.maximum(genre_IG.sum(axis=1, keepdims=True), 1)
    p_QG = np.zeros((len(ranked_QK), genre_IG.shape[1]))
    np.add.at(p_QG, seen.row_N, share_IG[seen.item_N])
    q_QG = np.where((ranked_QK != NOTHING)[:, :, None], share_IG[ranked_QK], 0).sum(axis=1)
    p_QG, q_QG = (of_QG / np.maximum(of_QG.sum(axis=1, keepdims=True), 1e-12) for of_QG in (p_QG, q_QG))
    smooth_QG = (1 - SMOOTHING) * q_QG + SMOOTHING * p_QG
    ratio_QG = np.divide(p_QG, smooth_QG, out=np.ones_like(p_QG), where=p_QG > 0)
    return np.asarray((p_QG * np.log(ratio_QG)).sum(axis=1))
