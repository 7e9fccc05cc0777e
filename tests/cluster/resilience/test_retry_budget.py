from hypothesis import given
from hypothesis import strategies as st

from cluster.resilience.retry_budget import RetryBudget
from cluster.resilience.window import RollingWindow

steps = st.lists(st.tuples(st.sampled_from(["call", "retry"]), st.floats(0, 3)), max_size=200)


@given(steps)
def test_retries_never_exceed_the_floor_and_the_share_of_the_calls_in_the_window(steps):
    budget = RetryBudget(ratio=0.1, floor=3, window_s=10.0)
    now_s = 100.0
    calls: list[int] = []
    retries: list[int] = []
    for kind, wait_s in steps:
        now_s += wait_s
        oldest = int(now_s) - 9
        if kind == "call":
            budget.called(now_s)
            calls.append(int(now_s))
        else:
            live_calls = sum(1 for second in calls if second >= oldest)
            live_retries = sum(1 for second in retries if second >= oldest)
            granted = budget.spend(now_s)
            assert granted == (live_retries + 1 <= 3 + 0.1 * live_calls)
            if granted:
                retries.append(int(now_s))


def test_a_target_called_once_may_be_tried_again():
    budget = RetryBudget()
    budget.called(0.0)
    assert budget.spend(0.0)


@given(st.lists(st.tuples(st.floats(-5, 5), st.integers(0, 3)), max_size=100))
def test_a_window_is_bounded_and_never_negative_even_if_the_clock_jumps(steps):
    window = RollingWindow(10.0, 10)
    now_s = 1000.0
    for jump_s, count in steps:
        now_s += jump_s
        window.add(now_s, first=count, second=1)
        first, second = window.totals(now_s)
        assert first >= 0 and second >= 1 and len(window._counts) <= 11
