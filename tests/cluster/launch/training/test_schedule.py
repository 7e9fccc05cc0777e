"""When a training is due, and that there are never two: whatever the clock does, and however long one takes."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cluster.launch.training.schedule import BEGINS_S, PERIOD_S, Schedule, Scheduled, next_run_s

schedules: Any = st.sampled_from(sorted(PERIOD_S))
times = st.floats(1.0e9, 4.0e9)


@given(schedules, times)
def test_the_next_is_at_its_time_of_the_hour_or_day_and_within_one(schedule: Schedule, last_s: float) -> None:
    due_s = next_run_s(schedule, last_s)
    assert last_s < due_s <= last_s + PERIOD_S[schedule]
    assert due_s % PERIOD_S[schedule] == BEGINS_S[schedule]
    assert next_run_s(schedule, due_s) == due_s + PERIOD_S[schedule]


@given(schedules, times, times)
def test_who_began_later_is_due_no_earlier(schedule: Schedule, one_s: float, other_s: float) -> None:
    first_s, second_s = sorted((one_s, other_s))
    assert next_run_s(schedule, first_s) <= next_run_s(schedule, second_s)


@pytest.mark.parametrize(("schedule", "last", "due"), [("hourly", 10.5, 11), ("hourly", 11, 12), ("nightly", 2.5, 3), ("nightly", 3, 27)])
def test_of_an_hour_and_a_night(schedule: Schedule, last: float, due: float) -> None:
    assert next_run_s(schedule, last * 3600) == due * 3600


class Trainings:
    """Trainings that take as long as they are told to; `began` and `over` are when each did and was."""

    def __init__(self, takes_s: list[float]) -> None:
        self.now_s, self._takes_s = 0.0, takes_s
        self.began: list[float] = []
        self.over: list[float] = []

    def begin(self) -> Any:
        takes_s = self._takes_s[len(self.began) % len(self._takes_s)]
        self.began.append(self.now_s)
        self.over.append(self.now_s + takes_s)
        over_s = self.over[-1]
        return lambda: "done" if self.now_s >= over_s else None


@given(
    schedules,
    st.lists(st.floats(0.1, 200_000), min_size=1, max_size=60),
    st.lists(st.floats(0, 300_000), min_size=1, max_size=5),
    st.floats(0, 500_000),
)
def test_never_two_at_once_none_twice_in_a_period_and_none_forgotten(
    schedule: Schedule, pauses_s: list[float], takes_s: list[float], away_s: float
) -> None:
    """The pauses are between two looks; before the first the platform was away."""
    trainings, told = Trainings(takes_s), list[str]()
    last_s = trainings.now_s = 1.7e9
    scheduled = Scheduled(schedule, last_s, trainings.begin, told.append)
    trainings.now_s += away_s
    for pause_s in pauses_s:
        scheduled.look(trainings.now_s)
        going_on = bool(trainings.over) and trainings.now_s < trainings.over[-1]
        assert going_on or trainings.now_s < next_run_s(schedule, trainings.began[-1] if trainings.began else last_s)
        trainings.now_s += pause_s
    period_s, begins_s = PERIOD_S[schedule], BEGINS_S[schedule]
    periods = [(began_s - begins_s) // period_s for began_s in trainings.began]
    assert len(set(periods)) == len(periods)
    for over_s, began_s in zip(trainings.over, trainings.began[1:], strict=False):
        assert over_s <= began_s
    assert all(one < two for one, two in pairwise(trainings.began))
    assert told.count("a model learns") == len(trainings.began) <= told.count("done") + 1
