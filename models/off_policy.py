"""Judges a policy that was never shown by what another one has shown: how often plays would begin where it had chosen.

Main path: `Shown`, a row a place that was in sight, and the chance that the judged policy shows the same there (of a recommender by
`chances`) -> `weights` -> `judge`.
A place is worth what its own title is worth there, whatever stands beside it: the item-position model of Li et al. 2018 (Offline
Evaluation of Ranking Policies with Click Models), by which a row of K places asks for weights of single places, not of whole rows.
Refuses to know what a play is, and where pages come from. Shapes: N places shown · U users · B resamples.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from models.data import Bools, Interactions, Ints, Questions, Seconds
from models.errors import DataRefused
from models.evaluate import AT_ONCE, CONFIDENCE, RESAMPLES, Figure
from models.metrics import Doubles
from models.ranking import Recommender, top_k

CLIP: Final = 10_000.0
"""The most that one place counts for. What is drawn at 2 % among m candidates weighs 50 m, so less would cut what tells most."""

UNKNOWN: Final = -1
"""A user or an item that is not in the vocabulary."""


@dataclass(frozen=True, eq=False)
class Shown:
    """What the logged policy has shown, to whom, how likely that was, and what came of it.

    Raises:
        DataRefused: there is nothing, columns differ in length, a propensity is not in (0, 1], or a number is not finite.
    """

    user_N: Ints
    """From 0 without gaps, or with: only who is the same counts."""
    propensity_N: Doubles
    reward_N: Doubles

    def __post_init__(self) -> None:
        lengths = {len(self.user_N), len(self.propensity_N), len(self.reward_N)}
        if lengths == {0}:
            raise DataRefused("nothing was shown")
        if len(lengths) > 1:
            raise DataRefused(f"columns of different length: {len(self.user_N)}, {len(self.propensity_N)}, {len(self.reward_N)}")
        if not ((self.propensity_N > 0) & (self.propensity_N <= 1)).all():
            raise DataRefused("a propensity is not above 0 and at most 1")
        if not np.isfinite(self.reward_N).all():
            raise DataRefused("a reward is not a finite number")

    def __len__(self) -> int:
        return len(self.user_N)


@dataclass(frozen=True, eq=False)
class Impressions:
    """Cards that were in sight, each once a page, and the pages that they stood on. Shapes: P pages · N cards of them."""

    profile_ids: tuple[str, ...]
    title_ids: tuple[str, ...]
    profile_P: Ints
    at_s_P: Seconds
    """When the first of its cards was seen."""
    page_N: Ints
    place_N: Ints
    """Which card of the row, from 0."""
    title_N: Ints
    propensity_N: Doubles
    begun_N: Bools
    """Whether a play began there."""
    kind_N: Ints
    """The kind of its row, by its place in row_values.KINDS."""
    row_N: Ints
    """Which row of the page that was, from 0."""

    def __len__(self) -> int:
        return len(self.page_N)

    @property
    def shown(self) -> Shown:
        """What of it the estimators ask for; a play that began is worth 1."""
        return Shown(self.profile_P[self.page_N], self.propensity_N, self.begun_N.astype(np.float64))


@dataclass(frozen=True)
class Judgement:
    """What a policy would be worth a place, with intervals of users; NaN where nothing it would show was shown."""

    places: int
    users: int
    logged: Figure
    """The mean of what was shown: what the logged policy is worth."""
    ips: Figure
    snips: Figure
    weight: Figure
    """The mean weight: 1 where the log could have shown all that the judged policy shows, and nothing was clipped."""
    effective: float
    """As how many places shown by the judged policy itself these count (Kish 1965): (sum of weights)^2 / sum of squares."""
    clipped: float
    """The share of places whose weight was cut."""

    @property
    def covered(self) -> bool:
        """Whether the log tells of all that the judged policy shows: else `ips` leaves out a part, and `snips` judges the other part."""
        return self.weight.low <= 1 <= self.weight.high

    def as_json(self) -> dict[str, Any]:
        """Return all figures, for a file; null where there is no number."""
        figures = {name: {of: _finite(value) for of, value in vars(getattr(self, name)).items()} for name in FIGURES}
        about = {"places": self.places, "users": self.users, "effective": self.effective, "clipped": self.clipped, "covered": self.covered}
        return {**about, **figures}


FIGURES: Final = ("logged", "ips", "snips", "weight")


def chances(recommender: Recommender, watched: Interactions, seen: Impressions) -> Doubles:
    """Return [N]: 1 where a recommender's own ranking for a page has that title at that place, else 0; it is trained already.

    For each page it knows what `watched` has of the profile before the page was shown, and ranks the whole vocabulary without it.
    """
    histories, deepest = watched.histories.first_views(), int(seen.place_N.max(initial=0)) + 1
    user_P = _places(watched.user_ids, seen.profile_ids)[seen.profile_P]
    item_N = _places(watched.item_ids, seen.title_ids)[seen.title_N]
    order_N = np.argsort(seen.page_N, kind="stable")
    start_S = np.searchsorted(seen.page_N[order_N], np.arange(len(user_P) + 1))
    chance_N = np.zeros(len(seen))
    for first in range(0, len(user_P), AT_ONCE):
        last = min(first + AT_ONCE, len(user_P))
        user_Q, at_s_Q = user_P[first:last], seen.at_s_P[first:last]
        before = histories.rows(np.maximum(user_Q, 0))
        before = before.where((before.time_s_N < at_s_Q[before.row_N]) & (user_Q != UNKNOWN)[before.row_N])
        asked = Questions(user_Q, at_s_Q, before, before.where(np.zeros(len(before.item_N), dtype=np.bool_)))
        ranked_QK = top_k(recommender.scores(asked), before, deepest)
        at_N = order_N[start_S[first] : start_S[last]]
        there_N = ranked_QK[seen.page_N[at_N] - first, seen.place_N[at_N]] == item_N[at_N]
        chance_N[at_N] = there_N & (item_N[at_N] != UNKNOWN)
    return chance_N


def weights(shown: Shown, chance_N: Doubles, clip: float = CLIP) -> Doubles:
    """Return min(M, pi(y|x) / p) of each place, the weights of clipped IPS (Swaminathan and Joachims 2015, ICML, section 3).

    Raises:
        DataRefused: a chance is not in [0, 1], their number is another, or `clip` is not above 0.
    """
    if len(chance_N) != len(shown):
        raise DataRefused(f"{len(chance_N)} chances for {len(shown)} places")
    if not ((chance_N >= 0) & (chance_N <= 1)).all():
        raise DataRefused("a chance is not between 0 and 1")
    if not clip > 0:
        raise DataRefused("weights are clipped at a number above 0")
    return np.asarray(np.minimum(clip, chance_N / shown.propensity_N))


def ips(reward_N: Doubles, weight_N: Doubles) -> float:
    """Return 1/n sum of r w: unbiased where the log could show all that the judged policy shows, and nothing was clipped (ibid.)."""
    return float(reward_N @ weight_N) / len(reward_N)


def snips(reward_N: Doubles, weight_N: Doubles) -> float:
    """Return sum of r w / sum of w (Swaminathan and Joachims 2015, NIPS, section 5): within what was rewarded; NaN without weight."""
    total = float(weight_N.sum())
    return float(reward_N @ weight_N) / total if total > 0 else math.nan


def judge(shown: Shown, chance_N: Doubles, *, clip: float = CLIP, seed: int = 0) -> Judgement:
    """Judge the policy that shows each of these with that chance; the same seed gives the same intervals.

    Raises:
        DataRefused: as `weights` does.
    """
    weight_N = weights(shown, chance_N, clip)
    _, user_N = np.unique(shown.user_N, return_inverse=True)
    users = int(user_N.max()) + 1
    # All that a resample of users asks for: of each user places, rewards, weights, and weighted rewards.
    columns = (np.ones(len(shown)), shown.reward_N, weight_N, weight_N * shown.reward_N)
    sum_U4 = np.stack([np.bincount(user_N, column, minlength=users) for column in columns], axis=1)
    random = np.random.default_rng(seed)
    sum_B4 = np.stack([random.multinomial(users, np.full(users, 1 / users)) @ sum_U4 for _ in range(RESAMPLES)])
    squares = float(weight_N @ weight_N)
    return Judgement(
        places=len(shown),
        users=users,
        logged=_figure(float(shown.reward_N.mean()), _ratio(sum_B4[:, 1], sum_B4[:, 0])),
        ips=_figure(ips(shown.reward_N, weight_N), _ratio(sum_B4[:, 3], sum_B4[:, 0])),
        snips=_figure(snips(shown.reward_N, weight_N), _ratio(sum_B4[:, 3], sum_B4[:, 2])),
        weight=_figure(float(weight_N.mean()), _ratio(sum_B4[:, 2], sum_B4[:, 0])),
        effective=float(weight_N.sum()) ** 2 / squares if squares > 0 else 0.0,
        clipped=float((chance_N / shown.propensity_N > clip).mean()),
    )


def table(judged: Mapping[str, Judgement]) -> str:
    """Return a table for people, a line a policy, the logged one first."""
    lines = ["| policy | plays a place, SNIPS | IPS | mean weight | counts as |", "|---|---|---|---|---|"]
    for at, (name, found) in enumerate(judged.items()):
        if at == 0:
            lines.append(f"| what was shown | {found.logged} | {found.logged} | 1 | {found.places} places of {found.users} users |")
        told = "" if found.covered else "; the log does not cover it"
        lines.append(f"| {name} | {found.snips} | {found.ips} | {found.weight} | {found.effective:.0f} places{told} |")
    return "\n".join(lines)


def _places(vocabulary: Sequence[str], ids: Sequence[str]) -> Ints:
    place_of = {name: place for place, name in enumerate(vocabulary)}
    return np.array([place_of.get(name, UNKNOWN) for name in ids], dtype=np.int64)


def _figure(mean: float, mean_B: Doubles) -> Figure:
    # Percentiles of users drawn anew (Efron 1979); users who were shown nothing that counts give no ratio.
    there_B = mean_B[np.isfinite(mean_B)]
    if not len(there_B):
        return Figure(mean, math.nan, math.nan)
    low, high = np.quantile(there_B, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    return Figure(mean, float(low), float(high))


def _ratio(above_B: Doubles, below_B: Doubles) -> Doubles:
    return np.asarray(np.divide(above_B, below_B, out=np.full(len(above_B), math.nan), where=below_B > 0))


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
