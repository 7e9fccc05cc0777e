"""A recommender is judged by all that it could have recommended."""

from __future__ import annotations

import json
from dataclasses import dataclass

import numpy as np
import pytest

from models.data import Floats, Interactions, Questions, leave_one_out
from models.evaluate import AT_ONCE, bootstrap, comparisons, difference, evaluate, not_above, table
from tests.models.made import interactions


@dataclass
class Fixed:
    """Recommends the same to everybody: a higher item first, or a lower one."""

    name: str
    sign: int

    def fit(self, train: Interactions, validation: Questions) -> None:
        """Knows it already."""

    def scores(self, questions: Questions) -> Floats:
        assert len(questions) <= AT_ONCE
        return np.tile(self.sign * np.arange(20, dtype=np.float32), (len(questions), 1))


# 700 users of 20 titles have seen three; their last is t19 for two in three of them, else t18.
SPLIT = leave_one_out(
    interactions(
        [
            (f"u{user:03}", f"t{item:02}", second)
            for user in range(700)
            for second, item in enumerate([user % 18, (user + 1) % 18, 18 + (user % 3 > 0)])
        ]
    )
)


def test_figures_are_means_over_all_questions_and_their_order_is_kept() -> None:
    found = evaluate(Fixed("high", 1), SPLIT.train, SPLIT.test, k=2)
    first = np.array([user % 3 > 0 for user in range(700)])
    assert found.per_question["HR@2"].tolist() == [1.0] * 700
    assert found.per_question["MRR@2"].tolist() == np.where(first, 1, 0.5).tolist()
    assert found.figure("MRR@2").mean == pytest.approx(np.where(first, 1, 0.5).mean())
    assert found.coverage == 2 / 20
    assert evaluate(Fixed("low", -1), SPLIT.train, SPLIT.test, k=2).figure("HR@2").mean == 0


def test_what_was_seen_is_not_recommended() -> None:
    ranked = evaluate(Fixed("low", -1), SPLIT.train, SPLIT.validation, k=1, genre_IG=np.eye(20, dtype=np.float32))
    # Who has seen t00 is told t01, which is the next view of just those; nobody else's is the lowest that they have not seen.
    assert set(np.flatnonzero(ranked.per_question["HR@1"])) == {user for user in range(700) if user % 18 == 0} | {
        user for user in range(700) if user % 18 == 17
    }
    assert "miscalibration" in ranked.per_question


def test_the_same_seed_gives_the_same_interval_around_the_mean() -> None:
    value_Q = np.random.default_rng(1).random(400)
    figure = bootstrap(value_Q, 7)
    assert figure == bootstrap(value_Q, 7) != bootstrap(value_Q, 8)
    # 95 of 100: 1.96 standard errors to each side, within what a thousand resamples leave open.
    assert figure.low == pytest.approx(value_Q.mean() - 1.96 * value_Q.std() / 20, abs=0.004)
    assert figure.high == pytest.approx(value_Q.mean() + 1.96 * value_Q.std() / 20, abs=0.004)


def test_a_difference_is_that_of_the_same_users() -> None:
    high, low = (evaluate(Fixed(name, sign), SPLIT.train, SPLIT.test) for name, sign in (("high", 1), ("low", -1)))
    assert difference(high, low, "NDCG@10").low > 0
    assert difference(high, high, "NDCG@10").high == 0


def test_what_is_not_above_is_said_with_the_metric_and_what_is_above_all_too() -> None:
    high, low, same = (evaluate(Fixed(name, sign), SPLIT.train, SPLIT.test) for name, sign in (("high", 1), ("low", -1), ("same", 1)))
    found = comparisons([high, low], [high, low, same], ("NDCG@10", "HR@10"))
    assert [each.judgement for each in found[:6]] == ["not told apart from"] * 2 + ["above"] * 2 + ["not told apart from"] * 2
    assert not_above(comparisons([high], [low], ("NDCG@10", "HR@10"))) == ["high is above all others in NDCG@10 and HR@10"]
    assert not_above(comparisons([low], [high], ("NDCG@10",))) == ["low is NOT above high (below in NDCG@10)"]
    assert not_above(comparisons([high], [low, same], ("NDCG@10", "HR@10"))) == [
        "high is NOT above same (not told apart in NDCG@10 and HR@10)"
    ]
    assert str(found[2]).startswith("high: above low, by ")


def test_a_result_goes_into_a_table_and_a_file() -> None:
    found = evaluate(Fixed("high", 1), SPLIT.train, SPLIT.test, k=2)
    lines = table([found]).splitlines()
    assert lines[0] == "| model | HR@2 | NDCG@2 | MRR@2 | coverage | novelty |"
    assert lines[2].startswith("| high | 1.0000 [1.0000, 1.0000] | ")
    assert len({line.count("|") for line in lines}) == 1
    read = json.loads(json.dumps(found.as_json()))
    assert (read["name"], read["users"], read["HR@2"]) == ("high", 700, {"mean": 1.0, "low": 1.0, "high": 1.0})
    assert table([]) == ""


def test_nobody_asked_is_told_as_nothing() -> None:
    none = SPLIT.test.rows(np.array([], dtype=np.int64))
    assert evaluate(Fixed("high", 1), SPLIT.train, none).users == 0
