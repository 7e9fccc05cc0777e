import asyncio
import math

import pytest

from cluster.errors import BreakerOpen, DeadlineExceeded, NotFound, Overloaded, ServiceUnavailable
from cluster.resilience import Caller, remaining_s, within
from cluster.resilience.breaker import Breaker
from cluster.resilience.retry_budget import RetryBudget


class Target:
    """Answers each call with the next of its outcomes, then with "done"."""

    def __init__(self, *outcomes: Exception) -> None:
        self.outcomes = list(outcomes)
        self.calls = 0

    async def __call__(self) -> str:
        self.calls += 1
        if self.outcomes:
            raise self.outcomes.pop(0)
        return "done"


def caller(**given) -> Caller:
    return Caller("target", given.pop("timeout_s", 5.0), pause_s=0.0, **given)


def test_an_idempotent_call_is_tried_again_once():
    target = Target(ServiceUnavailable())
    assert asyncio.run(caller().call(target, idempotent=True)) == "done"
    assert target.calls == 2


def test_a_second_failure_is_raised():
    target = Target(ServiceUnavailable("first"), ServiceUnavailable("second"))
    with pytest.raises(ServiceUnavailable, match="second"):
        asyncio.run(caller().call(target, idempotent=True))
    assert target.calls == 2


def test_a_call_that_is_not_idempotent_is_never_tried_again():
    target = Target(ServiceUnavailable())
    with pytest.raises(ServiceUnavailable):
        asyncio.run(caller().call(target, idempotent=False))
    assert target.calls == 1


@pytest.mark.parametrize("error", [Overloaded(), DeadlineExceeded(), BreakerOpen(), NotFound()])
def test_an_answer_that_a_second_call_cannot_better_is_not_asked_for_again(error):
    target = Target(error)
    with pytest.raises(type(error)):
        asyncio.run(caller().call(target, idempotent=True))
    assert target.calls == 1


def test_a_spent_budget_means_no_retry():
    target = Target(ServiceUnavailable())
    with pytest.raises(ServiceUnavailable):
        asyncio.run(caller(retry_budget=RetryBudget(ratio=0.0, floor=0)).call(target, idempotent=True))
    assert target.calls == 1


def test_an_outage_is_amplified_by_no_more_than_the_budget():
    async def run() -> int:
        target = Target(*[ServiceUnavailable() for _ in range(1000)])
        calling = caller(now_s=lambda: 7.0, breaker=Breaker(min_calls=10_000))
        for _ in range(500):
            with pytest.raises(ServiceUnavailable):
                await calling.call(target, idempotent=True)
        return target.calls

    assert asyncio.run(run()) <= 500 * 1.1 + 10


def test_a_target_that_hangs_is_given_up_at_the_deadline():
    async def hang() -> None:
        await asyncio.Event().wait()

    with pytest.raises(DeadlineExceeded):
        asyncio.run(caller(timeout_s=0.01).call(hang, idempotent=True))


def test_an_expired_deadline_means_no_call_at_all():
    target = Target()
    with within(0.0), pytest.raises(DeadlineExceeded):
        asyncio.run(caller().call(target, idempotent=True))
    assert target.calls == 0


def test_a_call_has_no_longer_than_what_is_left_of_its_request():
    async def hang() -> None:
        await asyncio.Event().wait()

    with within(0.01), pytest.raises(DeadlineExceeded):
        asyncio.run(caller(timeout_s=60.0).call(hang, idempotent=True))


def test_a_call_within_a_call_is_told_what_is_left():
    async def look() -> float:
        return remaining_s()

    async def nested() -> float:
        return await caller(timeout_s=60.0).call(look, idempotent=True)

    assert 0.0 < asyncio.run(caller(timeout_s=5.0).call(nested, idempotent=True)) <= 5.0
    assert remaining_s() == math.inf


def test_a_failing_target_is_left_alone_until_its_probe_succeeds():
    async def run() -> None:
        now_s = 0.0
        target = Target(*[ServiceUnavailable() for _ in range(20)])
        calling = caller(now_s=lambda: now_s)
        for _ in range(20):
            with pytest.raises(ServiceUnavailable):
                await calling.call(target, idempotent=False)
        with pytest.raises(BreakerOpen) as raised:
            await calling.call(target, idempotent=False)
        assert raised.value.retry_after_s == 5.0 and target.calls == 20
        now_s = 5.0
        assert await calling.call(target, idempotent=False) == "done"
        assert await calling.call(target, idempotent=False) == "done"

    asyncio.run(run())


def test_answers_that_refuse_do_not_open_the_breaker():
    async def run() -> None:
        target = Target(*[NotFound() for _ in range(100)])
        calling = caller()
        for _ in range(100):
            with pytest.raises(NotFound):
                await calling.call(target, idempotent=True)

    asyncio.run(run())


def test_a_cancelled_call_says_nothing_about_its_target():
    async def run() -> None:
        async def hang() -> None:
            await asyncio.Event().wait()

        breaker = Breaker(min_calls=1)
        task = asyncio.create_task(caller(breaker=breaker).call(hang, idempotent=True))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert not breaker.is_open

    asyncio.run(run())
