"""Two recommenders as one: the validation decides how they are weighed, and nothing else does."""

from __future__ import annotations

import numpy as np
import pytest

from models.data import Floats, Interactions, Questions, leave_one_out
from models.evaluate import evaluate
from models.generate import Oracle, Population, PopulationParameters
from models.mixture import SHARES, Mixture
from models.popularity import Popularity
from models.ranking import Recommender


class Backwards:
    """Ranks what a recommender ranks, worst first, in other units."""

    name = "backwards"

    def __init__(self, of: Recommender) -> None:
        self._of = of

    def fit(self, train: Interactions, validation: Questions) -> None:
        self._of.fit(train, validation)

    def scores(self, questions: Questions) -> Floats:
        return np.asarray(5 - 1000 * self._of.scores(questions))


POPULATION = Population(PopulationParameters(users=60, items=80, seed=3))
SPLIT = leave_one_out(POPULATION.interactions())


def ndcg(of: Recommender, asked: Questions = SPLIT.validation) -> float:
    return float(evaluate(of, SPLIT.train, asked).per_question["NDCG@10"].mean())


def test_a_part_that_misleads_gets_no_share() -> None:
    mixture = Mixture(Oracle(POPULATION), Backwards(Oracle(POPULATION)))
    mixture.fit(SPLIT.train, SPLIT.validation)
    assert mixture.share < 0.5
    assert ndcg(mixture) == pytest.approx(ndcg(Oracle(POPULATION)))
    other = Mixture(Backwards(Oracle(POPULATION)), Oracle(POPULATION))
    other.fit(SPLIT.train, SPLIT.validation)
    assert other.share > 0.5
    assert ndcg(other) == pytest.approx(ndcg(mixture))


def test_no_share_does_better_on_the_validation() -> None:
    mixture = Mixture(Popularity(), Oracle(POPULATION))
    mixture.fit(SPLIT.train, SPLIT.validation)
    chosen = ndcg(mixture)
    for share in SHARES:
        mixture.share = share
        assert ndcg(mixture) <= chosen


def test_a_share_stays_where_nothing_is_asked() -> None:
    mixture = Mixture(Popularity(), Oracle(POPULATION))
    mixture.fit(SPLIT.train, SPLIT.validation)
    mixture.share = 0.3
    mixture.weigh(SPLIT.validation.rows(np.arange(0)))
    assert mixture.share == 0.3


def test_units_and_offsets_do_not_matter() -> None:
    oracle = Oracle(POPULATION)
    mixture = Mixture(oracle, Backwards(Backwards(oracle)))
    mixture.fit(SPLIT.train, SPLIT.validation)
    for share in (0.0, 0.4, 1.0):
        mixture.share = share
        np.testing.assert_allclose(ndcg(mixture), ndcg(oracle), rtol=1e-3)
