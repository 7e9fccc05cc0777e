"""Learns what the rows of a page are worth from what pages have shown: the value model of the page's builder.

Main path: `learn` -> a logistic regression on the older pages, held against one that knows places only, on the newer -> `RowValues`.
A card counts once it was in sight, so that nobody's not scrolling there is taken for nobody's wanting it; how far down and how far right
it stood has weights of its own, and does not count for the row (the examination hypothesis, Craswell et al. 2008, section 3).
Shapes: P pages · N cards · C cells of like cards · F features · U users.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from models.data import Bools, Interactions, Ints
from models.errors import DataRefused
from models.evaluate import Figure, bootstrap
from models.metrics import Doubles
from models.off_policy import Impressions
from models.row_values import GROUPS, KINDS, RowValues, group_of

LEAST_PLAYS: Final = 100
"""Of fewer plays that began at cards nothing is learned."""
JUDGED_FROM: Final = 0.8
"""From this share of the pages on, by time, they are held back to judge by."""
_PLACES: Final = 3
"""The features that know nothing of the row: one of all cards, and its places down and across."""
_RIDGE: Final = 1.0
_MOST_STEPS: Final = 50


def learn(watched: Interactions, seen: Impressions, seed: int = 0) -> tuple[RowValues, Figure]:
    """Return what rows are worth, and how much likelier that makes what a user did, in log likelihood.

    Raises:
        DataRefused: too few plays began at cards, or to tell rows apart makes what was done later no likelier for certain.
    """
    plays = int(seen.begun_N.sum())
    if plays < LEAST_PLAYS:
        raise DataRefused(f"{plays} plays began at cards of the pages, and {LEAST_PLAYS} is the least")
    cell_C3, cell_N = np.unique(np.stack([_cell(watched, seen), seen.row_N, seen.place_N], axis=1), axis=0, return_inverse=True)
    cell_N = cell_N.reshape(-1)
    feature_CF = _features(cell_C3)
    later_N = (seen.at_s_P > np.quantile(seen.at_s_P, JUDGED_FROM))[seen.page_N]
    if not later_N.any():
        raise DataRefused("no pages were shown later than others, to judge by")
    gain = _gain(feature_CF, cell_N, seen, later_N, seed)
    if not gain.low > 0:
        raise DataRefused(f"what rows hold tells no more than where they stand, for certain: log likelihood a user {gain}")
    weight_F = _fit(feature_CF, *_counts(cell_N, seen.begun_N, len(cell_C3)))
    first_KG = weight_F[0] + weight_F[_PLACES : _PLACES + len(KINDS), None] + weight_F[_PLACES + len(KINDS) :].reshape(len(KINDS), GROUPS)
    first_card = {kind: (float(none), float(some), float(many)) for kind, (none, some, many) in zip(KINDS, first_KG, strict=True)}
    return RowValues(first_card, float(weight_F[2])), gain


def _cell(watched: Interactions, seen: Impressions) -> Ints:
    """Return [N]: of which kind of row a card is, and of which group its profile was then."""
    histories, row_of = watched.histories.first_views(), {name: row for row, name in enumerate(watched.user_ids)}
    user_P = np.array([row_of.get(name, -1) for name in seen.profile_ids], dtype=np.int64)[seen.profile_P]
    start_P, end_P = histories.start_S[:-1][user_P], histories.start_S[1:][user_P]
    watched_P = [
        int(np.searchsorted(histories.time_s_N[start:end], at_s)) if user >= 0 else 0
        for user, start, end, at_s in zip(user_P, start_P, end_P, seen.at_s_P, strict=True)
    ]
    group_P = np.array([group_of(titles) for titles in watched_P], dtype=np.int64)
    return np.asarray(seen.kind_N * GROUPS + group_P[seen.page_N])


def _features(cell_C3: Ints) -> Doubles:
    kind_C, group_C = np.divmod(cell_C3[:, 0], GROUPS)
    feature_CF = np.zeros((len(cell_C3), _PLACES + len(KINDS) * (1 + GROUPS)))
    feature_CF[:, 0] = 1
    feature_CF[:, 1:_PLACES] = np.log2(1 + cell_C3[:, 1:])
    row_C = np.arange(len(cell_C3))
    feature_CF[row_C, _PLACES + kind_C] = 1
    feature_CF[row_C, _PLACES + len(KINDS) + kind_C * GROUPS + group_C] = 1
    return feature_CF


def _gain(feature_CF: Doubles, cell_N: Ints, seen: Impressions, later_N: Bools, seed: int) -> Figure:
    """Return by how much a user's later cards are likelier to one that tells rows apart than to one that does not."""
    counts = _counts(cell_N[~later_N], seen.begun_N[~later_N], len(feature_CF))
    whole_C, plain_C = feature_CF @ _fit(feature_CF, *counts), feature_CF[:, :_PLACES] @ _fit(feature_CF[:, :_PLACES], *counts)
    begun_N, at_N = seen.begun_N[later_N], cell_N[later_N]
    gain_N = _log_likelihood(whole_C[at_N], begun_N) - _log_likelihood(plain_C[at_N], begun_N)
    _, user_N = np.unique(seen.profile_P[seen.page_N[later_N]], return_inverse=True)
    return bootstrap(np.bincount(user_N.reshape(-1), gain_N).astype(np.float64), seed)


def _counts(cell_N: Ints, begun_N: Bools, cells: int) -> tuple[Doubles, Doubles]:
    """Return how often cards of each cell were in sight, and how often they were played."""
    return np.bincount(cell_N, minlength=cells).astype(np.float64), np.bincount(cell_N, begun_N, minlength=cells).astype(np.float64)


def _fit(feature_CF: Doubles, seen_C: Doubles, begun_C: Doubles) -> Doubles:
    """Return the weights that make it likeliest, by Newton's steps; all but those of places are held near 0."""
    ridge_F = np.full(feature_CF.shape[1], _RIDGE)
    ridge_F[:_PLACES] = 1e-6
    weight_F = np.zeros(feature_CF.shape[1])
    rate = (begun_C.sum() + 0.5) / (seen_C.sum() + 1)
    weight_F[0] = np.log(rate / (1 - rate))
    for _ in range(_MOST_STEPS):
        chance_C = _chance(feature_CF @ weight_F)
        slope_F = feature_CF.T @ (begun_C - seen_C * chance_C) - ridge_F * weight_F
        bend_FF = (feature_CF.T * (seen_C * chance_C * (1 - chance_C))) @ feature_CF + np.diag(ridge_F)
        step_F = np.linalg.solve(bend_FF, slope_F)
        weight_F = weight_F + step_F
        if np.abs(step_F).max() < 1e-9:
            break
    return weight_F


def _log_likelihood(log_odds_N: Doubles, begun_N: Bools) -> Doubles:
    return np.asarray(-np.logaddexp(0, np.where(begun_N, -log_odds_N, log_odds_N)))


def _chance(log_odds_C: Doubles) -> Doubles:
    return np.asarray(0.5 * (1 + np.tanh(log_odds_C / 2)))
