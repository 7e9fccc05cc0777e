from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from cluster.resilience.breaker import Admission, Breaker


class BreakerMachine(RuleBasedStateMachine):
    """Against a model that remembers every outcome by its second."""

    def __init__(self):
        super().__init__()
        self.breaker = Breaker(min_calls=5, error_ratio=0.5, sleep_s=5.0, window_s=10.0)
        self.now_s = 1000.0
        self.in_flight: list[Admission] = []
        self.outcomes: list[tuple[int, bool]] = []
        self.opened_at_s: float | None = None

    @rule(seconds=st.floats(0, 6))
    def wait(self, seconds):
        self.now_s += seconds

    @rule()
    def begin(self):
        admission = self.breaker.admit(self.now_s)
        if self.opened_at_s is None:
            assert admission is Admission.CALL
        elif self.now_s < self.opened_at_s + 5.0 or Admission.PROBE in self.in_flight:
            assert admission is None
        else:
            assert admission is Admission.PROBE
        if admission is not None:
            self.in_flight.append(admission)

    @precondition(lambda self: self.in_flight)
    @rule(data=st.data(), failed=st.booleans())
    def end(self, data, failed):
        admission = self.in_flight.pop(data.draw(st.integers(0, len(self.in_flight) - 1)))
        self.breaker.record(admission, self.now_s, failed=failed)
        if admission is Admission.PROBE:
            self.opened_at_s = self.now_s if failed else None
            self.outcomes = self.outcomes if failed else []
            return
        self.outcomes.append((int(self.now_s), failed))
        live = [bad for second, bad in self.outcomes if second > int(self.now_s) - 10]
        if self.opened_at_s is None and len(live) >= 5 and sum(live) >= 0.5 * len(live):
            self.opened_at_s = self.now_s

    @precondition(lambda self: self.in_flight)
    @rule(data=st.data())
    def cancel(self, data):
        self.breaker.abandon(self.in_flight.pop(data.draw(st.integers(0, len(self.in_flight) - 1))))

    @invariant()
    def agrees_with_the_model(self):
        assert self.breaker.is_open == (self.opened_at_s is not None)
        assert self.in_flight.count(Admission.PROBE) <= 1


TestBreaker = BreakerMachine.TestCase


def failed_often(breaker: Breaker, now_s: float, times: int) -> None:
    for _ in range(times):
        admission = breaker.admit(now_s)
        assert admission is not None
        breaker.record(admission, now_s, failed=True)


def test_it_stays_closed_below_twenty_calls():
    breaker = Breaker()
    failed_often(breaker, 0.0, 19)
    assert not breaker.is_open


def test_it_opens_at_the_twentieth_failure_and_lets_one_probe_pass_after_five_seconds():
    breaker = Breaker()
    failed_often(breaker, 0.0, 20)
    assert breaker.admit(4.9) is None
    assert breaker.admit(5.0) is Admission.PROBE
    assert breaker.admit(5.0) is None


def test_a_probe_that_succeeds_closes_it_and_forgets_the_failures():
    breaker = Breaker()
    failed_often(breaker, 0.0, 20)
    probe = breaker.admit(5.0)
    assert probe is not None
    breaker.record(probe, 5.1, failed=False)
    failed_often(breaker, 5.2, 1)
    assert not breaker.is_open


def test_a_cancelled_probe_makes_room_for_the_next():
    breaker = Breaker()
    failed_often(breaker, 0.0, 20)
    probe = breaker.admit(6.0)
    assert probe is not None
    breaker.abandon(probe)
    assert breaker.admit(6.0) is Admission.PROBE
