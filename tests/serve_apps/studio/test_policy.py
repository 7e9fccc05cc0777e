from __future__ import annotations

import contextlib
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from cluster.errors import Fenced, JobNotCancellable, JobNotRetryable
from cluster.ids import new_id
from serve_apps.catalog.schemas import Playable
from serve_apps.studio import policy
from serve_apps.studio.policy import ENDED, JobRecord, JobState


def new_job(**changes: object) -> JobRecord:
    job = JobRecord(job_id="j", account_id="a", upload_id="u", playable_id="p", created_at_s=1.0, updated_at_s=1.0)
    return msgspec.structs.replace(job, **changes)


class AJobBetweenRunnersAndPeople(RuleBasedStateMachine):
    """Runners come and go, people cancel and retry; a job never goes where it may not, and a fenced runner changes nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.job = new_job()
        self.epochs = 0
        self.owner = 0
        self.now_s = 1.0

    @rule()
    def another_runner_starts(self) -> None:
        self.epochs += 1

    @rule(lag=st.integers(0, 2))
    def a_runner_takes_the_job(self, lag: int) -> None:
        epoch = max(1, self.epochs - lag)
        if epoch < self.owner:
            with pytest.raises(Fenced):
                policy.take(self.job, epoch, self.now_s)
            return
        before = self.job
        self.job = policy.take(self.job, epoch, self.now_s)
        self.owner = epoch
        assert self.job.state is before.state

    @rule(state=st.sampled_from(JobState), epoch_lag=st.integers(0, 1), seconds=st.floats(0, 100))
    def a_runner_moves_it(self, state: JobState, epoch_lag: int, seconds: float) -> None:
        self.now_s += seconds
        epoch = self.owner - epoch_lag
        before = self.job
        if epoch != self.owner:
            with pytest.raises(Fenced):
                policy.move(before, epoch, state, self.now_s)
            return
        try:
            self.job = policy.move(before, epoch, state, self.now_s)
        except ValueError:
            assert before.ended or state is JobState.QUEUED or (state is JobState.READY and before.state is not JobState.PACKAGING)
            return
        assert not before.ended or before.state is state
        assert state is not JobState.READY or before.state in (JobState.PACKAGING, JobState.READY)

    @rule()
    def a_person_cancels(self) -> None:
        if self.job.state in (JobState.READY, JobState.FAILED) and not self.job.cancel_requested:
            with pytest.raises(JobNotCancellable):
                policy.request_cancel(self.job, self.now_s)
            return
        state = self.job.state
        self.job = policy.request_cancel(self.job, self.now_s)
        assert self.job.state is state
        assert policy.request_cancel(self.job, self.now_s) == self.job

    @rule()
    def a_person_retries(self) -> None:
        attempt = self.job.attempt
        with contextlib.suppress(JobNotRetryable):
            self.job = policy.retry(self.job, self.now_s)
            assert self.job.state is JobState.QUEUED
            assert self.job.attempt == attempt + 1
            assert not self.job.cancel_requested

    @precondition(lambda self: self.job.ended)
    @rule()
    def the_source_goes(self) -> None:
        self.job = msgspec.structs.replace(self.job, source_gone=True)

    @invariant()
    def what_is_stored_is_what_was_meant(self) -> None:
        assert policy.from_value(msgspec.json.decode(msgspec.json.encode(policy.to_value(self.job)))) == self.job

    @invariant()
    def progress_is_a_share(self) -> None:
        assert 0 <= self.job.progress <= 1
        assert self.job.ended == (self.job.state in ENDED)

    @invariant()
    def work_stops_exactly_when_it_has_lost_its_purpose(self) -> None:
        assert policy.must_stop(self.job, self.owner + 1)
        assert policy.must_stop(self.job, self.owner) == (self.job.cancel_requested or self.job.ended)


TestJobs = AJobBetweenRunnersAndPeople.TestCase
TestJobs.settings = settings(max_examples=150, stateful_step_count=30, deadline=None)


@given(done=st.integers(0, 10**7), total=st.integers(0, 10**7), speed=st.none() | st.floats(0.1, 1e4), state=st.sampled_from(JobState))
def test_progress_and_time_left_are_always_sensible(done: int, total: int, speed: float | None, state: JobState) -> None:
    job = new_job(frames_done=done, frames_total=total, frames_per_s=speed, state=state)
    assert 0 <= job.progress <= 1
    assert job.eta_s is None or job.eta_s >= 0
    assert (job.eta_s is not None) == (state is JobState.ENCODING and speed is not None)


@pytest.mark.parametrize("state", [JobState.QUEUED, JobState.PROBING, JobState.ENCODING, JobState.PACKAGING, JobState.READY])
def test_only_failed_and_cancelled_jobs_are_tried_again(state: JobState) -> None:
    with pytest.raises(JobNotRetryable):
        policy.retry(new_job(state=state), 2.0)


def test_a_job_whose_upload_is_gone_is_not_tried_again() -> None:
    with pytest.raises(JobNotRetryable, match="upload the file again"):
        policy.retry(new_job(state=JobState.FAILED, source_gone=True), 2.0)


def test_a_record_of_an_earlier_version_is_still_read() -> None:
    """Golden: the fields of the first version; later ones are added with defaults."""
    first = {"job_id": "j", "account_id": "a", "upload_id": "u", "playable_id": "p", "created_at_s": 1.0, "updated_at_s": 2.0, "later": {}}
    assert policy.from_value(first).state is JobState.QUEUED


def test_the_version_of_the_job_asked_for_last_is_the_newest() -> None:
    first, second = new_job(created_at_s=1_800_000_000.0), new_job(created_at_s=1_800_000_001.5)
    tried_again = policy.retry(msgspec.structs.replace(first, state=JobState.FAILED), 1_800_000_002.0)
    made = [policy.version_id(job, new_id()) for job in (first, second, tried_again)]
    assert made == sorted(made)
    assert all(len(version_id) == 32 for version_id in made)
    assert policy.version_id(first, new_id()) != made[0]


@pytest.mark.parametrize(
    ("part", "called"),
    [
        ({"kind": "film", "name": "Salt Road", "title_name": "Salt Road"}, "Salt Road"),
        ({"kind": "episode", "name": "The Wall", "title_name": "Orchard", "season": 1, "episode": 3}, "Orchard S1 E3"),
        ({"kind": "trailer", "name": "Teaser", "title_name": "Orchard"}, "Orchard: Teaser"),
    ],
)
def test_a_job_is_called_as_people_call_what_it_encodes(part: dict[str, Any], called: str) -> None:
    playable = Playable(playable_id="p", title_id="t", maturity=0, published=False, **part)
    assert policy.job_name(playable) == called
