"""Training: the same seed gives the same, the best weights are kept, and what can be learned is."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from models.data import Questions, leave_one_out
from models.evaluate import evaluate
from models.fitting import Epoch, FittingParameters, SequenceRecommender
from models.generate import Oracle, Population, PopulationParameters
from models.popularity import Popularity
from models.ranking import Recommender
from models.sequence import SequenceParameters
from tests.models.made import interactions

# Everybody goes round the same circle, from anywhere.
CIRCLE = leave_one_out(
    interactions([(f"u{user}", f"t{(user + step) % 12:02}", step) for user in range(48) for step in range(5 + user % 5)])
)
TINY = SequenceParameters(width=16, blocks=1, longest=16, dropout=0.1)
QUICK = FittingParameters(learning_rate=5e-3, positions=128, most_epochs=20, patience=20, device="cpu")


def fitted(parameters: SequenceParameters = TINY, fitting: FittingParameters = QUICK) -> SequenceRecommender:
    made = SequenceRecommender(parameters, fitting)
    made.fit(CIRCLE.train, CIRCLE.validation)
    return made


@pytest.mark.parametrize("start_from_factors", [False, True])
def test_the_same_seed_gives_the_same_weights_whatever_ran_before(start_from_factors: bool) -> None:
    short = replace(QUICK, most_epochs=2, start_from_factors=start_from_factors)
    one = fitted(fitting=short)
    torch.rand(7)
    state = torch.random.get_rng_state()
    two = fitted(fitting=short)
    assert torch.equal(torch.random.get_rng_state(), state)
    for name, weights in one.model.state_dict().items():
        assert torch.equal(weights, two.model.state_dict()[name]), name
    assert [replace(epoch, seconds=0) for epoch in one.epochs] == [replace(epoch, seconds=0) for epoch in two.epochs]
    other = fitted(fitting=replace(short, seed=1))
    assert not torch.equal(one.model.item.weight, other.model.item.weight)


def test_it_stops_when_the_validation_gets_no_better_and_keeps_the_best() -> None:
    told: list[Epoch] = []
    made = SequenceRecommender(TINY, replace(QUICK, most_epochs=60, patience=3), told.append)
    made.fit(CIRCLE.train, CIRCLE.validation)
    assert made.epochs == told
    best = max(told, key=lambda epoch: epoch.ndcg)
    assert len(told) == min(best.number + 3, 60)
    assert evaluate(made, CIRCLE.train, CIRCLE.validation).figure("NDCG@10").mean == pytest.approx(best.ndcg)


def test_embeddings_that_begin_as_factors_rank_sooner() -> None:
    population = Population(PopulationParameters(users=200, items=120, follows=0.1, seed=2))
    split = leave_one_out(population.interactions())
    reached = []
    for start_from_factors in (False, True):
        model = SequenceRecommender(TINY, replace(QUICK, learning_rate=5e-4, most_epochs=3, start_from_factors=start_from_factors))
        model.fit(split.train, split.validation)
        reached.append(model.epochs[-1].ndcg)
    assert reached[1] > reached[0]


def test_without_a_validation_it_trains_to_the_end() -> None:
    made = SequenceRecommender(TINY, replace(QUICK, most_epochs=8, patience=8))
    made.fit(CIRCLE.train, CIRCLE.validation.rows(np.array([], dtype=np.int64)))
    assert len(made.epochs) == 8
    assert made.epochs[-1].loss < made.epochs[0].loss


def test_it_comes_near_the_best_that_anybody_could_rank() -> None:
    population = Population(PopulationParameters(users=800, items=150, genres=6))
    split = leave_one_out(population.interactions())
    sequence = SequenceRecommender(
        SequenceParameters(dropout=0.2, longest=64), FittingParameters(4e-3, positions=1024, most_epochs=5, device="cpu")
    )
    models: list[Recommender] = [sequence, Popularity(), Oracle(population)]
    for model in models:
        model.fit(split.train, split.validation)
    found, popular, best = (evaluate(model, split.train, split.test).figure("NDCG@10").mean for model in models)
    assert found > 0.85 * best
    assert popular < found / 2


def test_bfloat16_learns_as_well_as_float32() -> None:
    for bf16 in (False, True):
        assert evaluate(fitted(fitting=replace(QUICK, bf16=bf16)), CIRCLE.train, CIRCLE.test, k=1).figure("HR@1").mean > 0.95


def test_scores_do_not_depend_on_who_else_is_asked() -> None:
    made = fitted(fitting=replace(QUICK, most_epochs=2))
    together = made.scores(CIRCLE.test)
    for row in (0, 17, 47):
        assert made.scores(CIRCLE.test.rows(np.array([row])))[0] == pytest.approx(together[row], abs=1e-4)


def test_who_has_watched_nothing_gets_scores_too() -> None:
    made = fitted(fitting=replace(QUICK, most_epochs=1))
    nothing = CIRCLE.test.seen.where(np.zeros(len(CIRCLE.test.seen.item_N), dtype=np.bool_))
    assert np.isfinite(made.scores(Questions(CIRCLE.test.user_Q, CIRCLE.test.asked_at_s_Q, nothing, CIRCLE.test.target))).all()


@pytest.mark.gpu
def test_on_a_gpu_it_learns_the_same() -> None:
    if not torch.cuda.is_available():
        pytest.skip("no GPU")
    assert evaluate(fitted(fitting=replace(QUICK, device="cuda")), CIRCLE.train, CIRCLE.test, k=1).figure("HR@1").mean > 0.95
