"""A population plays as its chances say, and nobody ranks better than who knows them."""

from __future__ import annotations

import numpy as np
import pytest

from models.data import Histories, leave_one_out
from models.ease import Ease, EaseParameters
from models.evaluate import difference, evaluate
from models.generate import BEGINS_S, DAY_S, NOBODY, Oracle, Population, PopulationParameters
from models.popularity import Popularity
from models.ranking import Recommender

SMALL = PopulationParameters(users=400, items=120, genres=6, seed=3)


def test_the_same_seed_plays_the_same_and_another_does_not() -> None:
    population = Population(SMALL)
    once, again = leave_one_out(population.interactions()), leave_one_out(population.interactions())
    assert once.hash == again.hash == leave_one_out(Population(SMALL).interactions()).hash
    assert once.hash != leave_one_out(Population(PopulationParameters(users=400, items=120, genres=6, seed=4)).interactions()).hash


def test_everybody_watches_within_the_days_and_nothing_twice() -> None:
    played = Population(SMALL).interactions()
    assert len(played.user_ids) == 400 and len(played.item_ids) == 120
    histories = played.histories
    assert histories.length_R.min() >= SMALL.fewest_views and histories.length_R.max() <= SMALL.most_views
    assert np.array_equal(histories.first_views().item_N, histories.item_N)
    assert (histories.time_s_N >= BEGINS_S).all() and (histories.time_s_N < BEGINS_S + SMALL.days * DAY_S).all()


def walked(population: Population, histories: Histories, view: int) -> tuple[np.ndarray, np.ndarray]:
    """The chances at everybody's view of this number, and what was watched then."""
    at_U = histories.start_S[:-1] + view
    seen_UI = np.zeros((len(histories), population.parameters.items), dtype=np.bool_)
    for user in range(len(histories)):
        seen_UI[user, histories.items(user)[:view]] = True
    previous_U = histories.item_N[at_U - 1] if view else np.full(len(histories), NOBODY)
    return population.chances(np.arange(len(histories)), histories.time_s_N[at_U], previous_U, seen_UI), histories.item_N[at_U]


def test_views_come_as_often_as_their_chances_say() -> None:
    population = Population(SMALL)
    histories = population.interactions().histories
    certain, came, spread = 0.0, 0, 0.0
    for view in range(SMALL.fewest_views):
        chance_UI, item_U = walked(population, histories, view)
        assert chance_UI.sum(axis=1) == pytest.approx(np.ones(400), abs=1e-4)
        likeliest_U = chance_UI.max(axis=1)
        certain += likeliest_U.sum()
        came += int((chance_UI.argmax(axis=1) == item_U).sum())
        spread += (likeliest_U * (1 - likeliest_U)).sum()
        assert (chance_UI[np.arange(400), item_U] > 0).all()
    assert abs(came - certain) < 4 * spread**0.5


def test_nobody_beats_the_oracle_and_order_matters_to_who_comes_next() -> None:
    population = Population(SMALL)
    split = leave_one_out(population.interactions())
    models: list[Recommender] = [Oracle(population), Popularity(), Ease(EaseParameters(100, None, 1)), Ease(EaseParameters(100, 5, 0.5))]
    for model in models:
        model.fit(split.train, split.validation)
    oracle, *others = (evaluate(model, split.train, split.test, genre_IG=population.genre_IG) for model in models)
    for other in others:
        assert difference(oracle, other, "NDCG@10").low > 0
    popularity, unordered, lately = others
    assert difference(unordered, popularity, "NDCG@10").mean > 0
    assert difference(lately, unordered, "NDCG@10").low > 0
    assert popularity.figure("NDCG@10").mean < oracle.figure("NDCG@10").mean / 4


def test_the_oracle_knows_the_time_of_day_and_the_fashion() -> None:
    population = Population(PopulationParameters(users=5, items=30, genres=4, drift=1, time_of_day=1))
    nothing = np.zeros((2, 30), dtype=np.bool_)
    first = np.zeros(2, dtype=np.int64)
    noon_s = BEGINS_S + DAY_S / 2
    same, evening = population.chances(first, np.array([noon_s, noon_s + DAY_S / 4]), first + NOBODY, nothing)
    same_again, later = population.chances(first, np.array([noon_s, noon_s + 60 * DAY_S]), first + NOBODY, nothing)
    assert np.array_equal(same, same_again)
    assert np.abs(same - evening).max() > 0.01
    assert np.abs(same - later).max() > 0.01
