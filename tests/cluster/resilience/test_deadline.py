import math

from hypothesis import given
from hypothesis import strategies as st

from cluster.resilience.deadline import Deadline, remaining_s, within

times = st.floats(0, 1e10)


@given(times, st.floats(0, 1e6), times)
def test_what_remains_is_never_negative_and_zero_exactly_when_expired(now_s, seconds, later_s):
    deadline = Deadline.after(seconds, now_s)
    assert deadline.remaining_s(later_s) >= 0
    assert deadline.expired(later_s) == (deadline.remaining_s(later_s) == 0)


def test_the_earlier_of_two_is_the_smaller():
    assert min(Deadline(3.0), Deadline(2.0)) == Deadline(2.0)


def test_within_a_limit_a_longer_one_changes_nothing():
    with within(5.0):
        for longer in (60.0, None):
            with within(longer):
                assert 4.0 < remaining_s() <= 5.0
        with within(1.0):
            assert remaining_s() <= 1.0
        assert remaining_s() > 4.0
    assert remaining_s() == math.inf
