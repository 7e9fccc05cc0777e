"""The one way in which a service calls another: with a deadline, through a breaker, tried again once if that changes nothing twice.

Main path: a client's method -> `Caller.call` -> the target. Knows neither targets nor transports: an operation is a coroutine function.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

from cluster.errors import BreakerOpen, DeadlineExceeded, MatineeError, Overloaded, Unavailable
from cluster.resilience.breaker import Breaker
from cluster.resilience.deadline import Deadline, remaining_s, within
from cluster.resilience.retry_budget import RetryBudget

T = TypeVar("T")


class Caller:
    """Calls of one kind to one target; kept as long as its client, since breaker and budget live in it.

    `timeout_s` bounds the whole of a call, its retry included; so does the deadline of the request that is being answered.
    """

    def __init__(
        self,
        target_name: str,
        timeout_s: float = 1.0,
        now_s: Callable[[], float] = time.monotonic,
        *,
        breaker: Breaker | None = None,
        retry_budget: RetryBudget | None = None,
        pause_s: float = 0.05,
        rng: random.Random | None = None,
    ) -> None:
        self._target_name = target_name
        self._timeout_s = timeout_s
        self._now_s = now_s
        self._breaker = breaker or Breaker()
        self._retry_budget = retry_budget or RetryBudget()
        self._pause_s = pause_s
        self._rng = rng or random.Random()

    async def call(self, operation: Callable[[], Awaitable[T]], *, idempotent: bool) -> T:
        """Await the operation and return its result; if it is idempotent and the target did not answer, try once more.

        Raises:
            BreakerOpen: the target fails at the moment; it was not called.
            DeadlineExceeded: no answer came in time; a write may have happened.
            MatineeError: whatever the operation raises.
        """
        deadline = Deadline.after(min(self._timeout_s, remaining_s()), self._now_s())
        self._retry_budget.called(self._now_s())
        try:
            return await self._attempt(operation, deadline)
        except Unavailable as error:
            if not (idempotent and _worth_retrying(error)):
                raise
            # Full jitter: those who lost one replica together don't fall upon the next together.
            pause_s = self._rng.uniform(0.0, self._pause_s)
            if deadline.remaining_s(self._now_s()) <= pause_s or not self._retry_budget.spend(self._now_s()):
                raise
        await asyncio.sleep(pause_s)
        return await self._attempt(operation, deadline)

    async def _attempt(self, operation: Callable[[], Awaitable[T]], deadline: Deadline) -> T:
        left_s = deadline.remaining_s(self._now_s())
        if left_s <= 0:
            raise self._late()
        admission = self._breaker.admit(self._now_s())
        if admission is None:
            retry_after_s = max(0.1, self._breaker.retry_after_s(self._now_s()))
            raise BreakerOpen(f"{self._target_name} fails at the moment", target=self._target_name, retry_after_s=retry_after_s)
        failed = True
        try:
            with within(left_s):
                async with asyncio.timeout(left_s):
                    result = await operation()
            failed = False
            return result
        except TimeoutError as error:
            raise self._late() from error
        except MatineeError as error:
            failed = isinstance(error, Unavailable)
            raise
        except asyncio.CancelledError:
            self._breaker.abandon(admission)
            admission = None
            raise
        finally:
            if admission is not None:
                self._breaker.record(admission, self._now_s(), failed=failed)

    def _late(self) -> DeadlineExceeded:
        return DeadlineExceeded(f"{self._target_name} did not answer in time", target=self._target_name, retry_after_s=1)


def _worth_retrying(error: Unavailable) -> bool:
    # A target that sheds load, or that itself gave up on another, gets no second call.
    return not isinstance(error, Overloaded | DeadlineExceeded | BreakerOpen)
