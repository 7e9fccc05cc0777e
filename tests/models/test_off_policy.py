"""Estimates from a log whose policies and chances are made, so that what the judged policy is worth is known."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from models.errors import DataRefused
from models.off_policy import CLIP, Shown, ips, judge, snips, table, weights

Doubles = NDArray[np.float64]
CONTEXTS, TITLES, USERS = 4, 6, 40


@dataclass(frozen=True)
class World:
    """Who comes, what two policies show, and what is played: all known."""

    context_C: Doubles
    logged_CI: Doubles
    judged_CI: Doubles
    played_CI: Doubles

    def worth(self, policy_CI: Doubles) -> float:
        return float(self.context_C @ (policy_CI * self.played_CI).sum(axis=1))

    def clipped_worth(self, clip: float) -> float:
        """What clipped IPS comes to on average: sum of p min(M, pi / p) r."""
        return self.worth(np.minimum(clip * self.logged_CI, self.judged_CI))

    def log(self, places: int, seed: int) -> tuple[Shown, Doubles]:
        """Return what was shown, and how likely the judged policy is to show it."""
        random = np.random.default_rng(seed)
        context_N = random.choice(CONTEXTS, places, p=self.context_C)
        item_N = (random.random(places)[:, None] > self.logged_CI.cumsum(axis=1)[context_N]).sum(axis=1).clip(max=TITLES - 1)
        reward_N = (random.random(places) < self.played_CI[context_N, item_N]).astype(np.float64)
        shown = Shown(random.integers(0, USERS, places), self.logged_CI[context_N, item_N], reward_N)
        return shown, self.judged_CI[context_N, item_N]


@pytest.fixture(scope="module")
def world() -> World:
    random = np.random.default_rng(7)
    logged_CI = random.dirichlet(np.ones(TITLES), CONTEXTS) * 0.7 + 0.3 / TITLES  # at least a twentieth for each
    return World(
        random.dirichlet(np.ones(CONTEXTS)), logged_CI, random.dirichlet(np.ones(TITLES), CONTEXTS), random.random((CONTEXTS, TITLES))
    )


def test_ips_is_right_on_average(world: World) -> None:
    estimates = [
        ips(shown.reward_N, weights(shown, chance_N, math.inf)) for shown, chance_N in (world.log(300, seed) for seed in range(600))
    ]
    error = np.std(estimates) / math.sqrt(len(estimates))
    assert error < 0.005  # so the bound below says something
    assert abs(np.mean(estimates) - world.worth(world.judged_CI)) < 4 * error
    assert abs(world.worth(world.judged_CI) - world.worth(world.logged_CI)) > 10 * error  # what a naive mean would say is far off


def test_clipped_ips_is_off_by_what_is_cut(world: World) -> None:
    estimates = [ips(shown.reward_N, weights(shown, chance_N, 1.5)) for shown, chance_N in (world.log(300, seed) for seed in range(600))]
    error = np.std(estimates) / math.sqrt(len(estimates))
    assert abs(np.mean(estimates) - world.clipped_worth(1.5)) < 4 * error
    assert world.worth(world.judged_CI) - world.clipped_worth(1.5) > 10 * error


def test_both_come_to_the_truth_with_much_data(world: World) -> None:
    shown, chance_N = world.log(200_000, 1)
    found = judge(shown, chance_N)
    assert found.snips.mean == pytest.approx(world.worth(world.judged_CI), abs=0.006)
    assert found.ips.mean == pytest.approx(world.worth(world.judged_CI), abs=0.01)
    assert found.logged.mean == pytest.approx(world.worth(world.logged_CI), abs=0.006)
    assert found.covered
    assert 0 < found.effective < 200_000


def test_snips_varies_less_than_ips_where_every_place_is_worth_much(world: World) -> None:
    logs = [world.log(300, seed) for seed in range(300)]
    both = [(shown.reward_N + 5, weights(shown, chance_N, math.inf)) for shown, chance_N in logs]
    assert np.std([snips(*each) for each in both]) < np.std([ips(*each) for each in both]) / 3


def test_intervals_hold_the_truth_about_as_often_as_they_say(world: World) -> None:
    found = [judge(*world.log(2000, seed), seed=seed) for seed in range(100)]
    truth = world.worth(world.judged_CI)
    assert sum(each.snips.low <= truth <= each.snips.high for each in found) >= 87
    assert sum(each.ips.low <= truth <= each.ips.high for each in found) >= 87


def test_what_the_log_could_not_show_is_said(world: World) -> None:
    shown, chance_N = world.log(5000, 3)
    sure = Shown(shown.user_N, np.ones(len(shown)), shown.reward_N)  # a log that says it had no choice
    found = judge(sure, chance_N)
    assert not found.covered
    assert "the log does not cover it" in table({"new": found})
    nothing = judge(shown, np.zeros(len(shown)))
    assert nothing.ips.mean == nothing.effective == 0
    assert math.isnan(nothing.snips.mean)
    assert nothing.as_json()["snips"] == {"mean": None, "low": None, "high": None}


# --- what holds of every log


@st.composite
def logs(draw: st.DrawFn) -> tuple[Shown, Doubles]:
    rows = draw(
        st.lists(
            st.tuples(st.integers(0, 5), st.floats(0.001, 1), st.floats(0, 1), st.floats(0, 1)),
            min_size=1,
            max_size=30,
        )
    )
    user, propensity, reward, chance = (np.array(column) for column in zip(*rows, strict=True))
    return Shown(user, propensity, reward), chance


@given(logs())
def test_a_policy_that_shows_the_same_is_worth_what_was_logged(log: tuple[Shown, Any]) -> None:
    shown, _ = log
    found = judge(shown, shown.propensity_N)
    for figure in (found.ips, found.snips):
        assert vars(figure) == pytest.approx(vars(found.logged))
    assert found.logged.mean == pytest.approx(shown.reward_N.mean())
    assert (found.weight.mean, found.clipped) == (1, 0)
    assert found.covered
    assert found.effective == pytest.approx(len(shown))


@given(logs(), st.floats(0.01, 50))
def test_no_weight_is_above_the_clip_and_those_below_are_as_they_are(log: tuple[Shown, Any], clip: float) -> None:
    shown, chance_N = log
    weight_N, whole_N = weights(shown, chance_N, clip), weights(shown, chance_N, math.inf)
    assert (weight_N <= clip).all()
    assert (weight_N[whole_N <= clip] == whole_N[whole_N <= clip]).all()
    assert (weight_N[whole_N > clip] == clip).all()
    assert judge(shown, chance_N, clip=clip).clipped == (whole_N > clip).mean()


@given(logs(), st.floats(-3, 3))
def test_snips_stays_within_what_was_rewarded_and_moves_with_it(log: tuple[Shown, Any], more: float) -> None:
    shown, chance_N = log
    weight_N = weights(shown, chance_N)
    found = snips(shown.reward_N, weight_N)
    if weight_N.sum() < 1e-6:
        return
    assert shown.reward_N.min() - 1e-9 <= found <= shown.reward_N.max() + 1e-9
    assert snips(shown.reward_N + more, weight_N) == pytest.approx(found + more, abs=1e-6)


def test_what_is_no_log_is_refused() -> None:
    one = np.ones(1)
    for columns in (
        (np.zeros(0), one[:0], one[:0]),
        (np.zeros(2), one, one),
        (np.zeros(1), one * 0, one),
        (np.zeros(1), one, one * math.nan),
    ):
        with pytest.raises(DataRefused):
            Shown(*columns)
    shown = Shown(np.zeros(1, dtype=np.int64), one, one)
    for chance_N, clip in ((one * 1.1, CLIP), (one * -1, CLIP), (np.ones(2), CLIP), (one, 0.0), (one * math.nan, CLIP)):
        with pytest.raises(DataRefused):
            weights(shown, chance_N, clip)
