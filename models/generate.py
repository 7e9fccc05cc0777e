"""A population whose tastes are known, so that the best ranking anybody could give is known too.

A view either follows from the one before it (a sequel, a title that is talked of beside it) or comes from taste, what is in fashion, and
the time of day. `Population.interactions` plays it; `Oracle` ranks by the very chances that it was played with.
Shapes: U users · I items · G genres · R rows · F followers of an item · P parts of a day · N views.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from models.data import Bools, Floats, Histories, Interactions, Ints, Questions, Seconds

BEGINS_S: Final = 1_767_225_600.0
"""The first of January 2026."""
HOUR_S: Final = 3600
DAY_S: Final = 24 * HOUR_S
PARTS: Final = 4
"""Night, morning, afternoon, evening; and how much is watched in each."""
WATCHED_IN: Final = (0.1, 0.15, 0.25, 0.5)
NOBODY: Final = -1


@dataclass(frozen=True)
class PopulationParameters:
    """How large it is, and how strong each effect; strengths are standard deviations of logarithms of chances."""

    users: int = 2000
    items: int = 400
    genres: int = 8
    fewest_views: int = 20
    most_views: int = 60
    days: int = 90
    follows: float = 0.5
    """How often a view follows from the one before it."""
    followed_by: tuple[float, ...] = (0.5, 0.3, 0.2)
    """With what chance it is the first follower of that title, the second, and so on."""
    taste: float = 1.5
    appeal: float = 0.5
    drift: float = 0.5
    """By how much a title is more, or less, in fashion at the end than at the beginning."""
    time_of_day: float = 0.3
    seed: int = 0


class Population:
    """Users with tastes, titles with genres, and what leads from title to title.

    Genres are drawn, unless there are titles that have some: `genre_IG` then says which, at least one each.
    """

    def __init__(self, parameters: PopulationParameters | None = None, genre_IG: Floats | None = None) -> None:
        self.parameters = made = parameters or PopulationParameters()
        random = np.random.default_rng(made.seed)
        main_I, other_I = random.integers(made.genres, size=(2, made.items))
        drawn_IG: Floats = np.maximum(np.eye(made.genres)[main_I], np.eye(made.genres)[other_I]).astype(np.float32)
        self.genre_IG = drawn_IG if genre_IG is None else genre_IG
        self._share_IG = self.genre_IG / self.genre_IG.sum(axis=1, keepdims=True)
        self._taste_UG = random.normal(0, made.taste, (made.users, made.genres)).astype(np.float32)
        self._part_PG = random.normal(0, made.time_of_day, (PARTS, made.genres)).astype(np.float32)
        self._appeal_I = random.normal(0, made.appeal, made.items).astype(np.float32)
        self._drift_I = random.normal(0, made.drift, made.items).astype(np.float32)
        self._follower_IF = random.integers(made.items, size=(made.items, len(made.followed_by)))

    def interactions(self) -> Interactions:
        """Play it through from the seed; the same at every call."""
        made, random = self.parameters, np.random.default_rng(self.parameters.seed + 1)
        views_U = random.integers(made.fewest_views, made.most_views + 1, made.users)
        seen_UI = np.zeros((made.users, made.items), dtype=np.bool_)
        previous_U = np.full(made.users, NOBODY)
        row_N, time_s_N = self._times(views_U, random)
        at_U = np.concatenate([[0], np.cumsum(views_U)[:-1]])
        item_N = np.empty(len(row_N), dtype=np.int64)
        for view in range(made.most_views):
            user_R = np.flatnonzero(views_U > view)
            chance_RI = self.chances(user_R, time_s_N[at_U[user_R] + view], previous_U[user_R], seen_UI[user_R])
            drawn_R1 = random.random((len(user_R), 1))
            item_R = np.minimum((np.cumsum(chance_RI, axis=1) < drawn_R1).sum(axis=1), made.items - 1)
            item_N[at_U[user_R] + view] = previous_U[user_R] = item_R
            seen_UI[user_R, item_R] = True
        histories = Histories.of(row_N, item_N, time_s_N, np.ones(len(row_N), dtype=np.float32), made.users)
        return Interactions(histories, _ids("user", made.users), _ids("title", made.items))

    def chances(self, user_R: Ints, time_s_R: Seconds, previous_R: Ints, seen_RI: Bools) -> Floats:
        """Return [R, I]: how likely each title is the next view; nobody watches a title twice."""
        made = self.parameters
        part_R = ((time_s_R // (DAY_S / PARTS)) % PARTS).astype(np.int64)
        through_R1 = ((time_s_R - BEGINS_S) / (made.days * DAY_S))[:, None].astype(np.float32)
        liked_RI = (self._taste_UG[user_R] + self._part_PG[part_R]) @ self._share_IG.T
        free_RI = np.where(seen_RI, 0, np.exp(liked_RI + self._appeal_I + self._drift_I * through_R1))
        led_RI = np.zeros_like(free_RI)
        led_R = np.flatnonzero(previous_R != NOBODY)
        np.add.at(led_RI, (led_R[:, None], self._follower_IF[previous_R[led_R]]), np.asarray(made.followed_by, dtype=np.float32))
        led_RI[seen_RI] = 0
        led_R1 = led_RI.sum(axis=1, keepdims=True)
        # Where all that would follow was seen, taste alone decides.
        follows_R1 = np.where(led_R1 > 0, made.follows, 0)
        chance_RI: Floats = follows_R1 * led_RI / np.maximum(led_R1, 1e-9) + (1 - follows_R1) * free_RI / free_RI.sum(axis=1, keepdims=True)
        return chance_RI

    def _times(self, views_U: Ints, random: np.random.Generator) -> tuple[Ints, Seconds]:
        """Return each view's user and time, by user and time."""
        row_N = np.repeat(np.arange(len(views_U)), views_U)
        day_N = random.integers(self.parameters.days, size=len(row_N))
        part_N = random.choice(PARTS, size=len(row_N), p=WATCHED_IN)
        time_s_N = BEGINS_S + day_N * DAY_S + (part_N + random.random(len(row_N))) * (DAY_S / PARTS)
        order_N = np.lexsort((time_s_N, row_N))
        return row_N, time_s_N[order_N]


class Oracle:
    """Ranks by the true chances: on average nothing that answers the same questions ranks better."""

    name = "oracle"

    def __init__(self, population: Population) -> None:
        self._population = population

    def fit(self, train: Interactions, validation: Questions) -> None:
        """It knows already."""

    def scores(self, questions: Questions) -> Floats:
        """Return the chances of each title at the time of each question."""
        seen = questions.seen
        seen_QI = np.zeros((len(questions), self._population.parameters.items), dtype=np.bool_)
        seen_QI[seen.row_N, seen.item_N] = True
        previous_Q = np.full(len(questions), NOBODY)
        some_Q = seen.length_R > 0
        previous_Q[some_Q] = seen.item_N[seen.start_S[1:][some_Q] - 1]
        return self._population.chances(questions.user_Q, questions.asked_at_s_Q, previous_Q, seen_QI)


def _ids(kind: str, count: int) -> tuple[str, ...]:
    return tuple(f"{kind}-{at:06}" for at in range(count))
