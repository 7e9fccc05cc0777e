"""The moment after which nobody waits for an answer any more, and the one of the request that is being answered.

Main path: whoever takes a request in says `within` -> callers see by `remaining_s` what is left and say `within` for the next -> and so on.
"""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Iterator
from contextvars import ContextVar
from typing import Final, Self

import msgspec


class Deadline(msgspec.Struct, frozen=True, order=True):
    """A moment on the clock of whoever made it; the earlier of two is the smaller."""

    expires_at_s: float

    @classmethod
    def after(cls, seconds: float, now_s: float) -> Self:
        """Return the deadline that many seconds from now."""
        return cls(now_s + seconds)

    def remaining_s(self, now_s: float) -> float:
        """Return what is left, never below 0."""
        return max(0.0, self.expires_at_s - now_s)

    def expired(self, now_s: float) -> bool:
        """Say whether nothing is left."""
        return now_s >= self.expires_at_s


NEVER: Final = Deadline(math.inf)
_current: ContextVar[Deadline] = ContextVar("deadline", default=NEVER)


@contextlib.contextmanager
def within(seconds: float | None) -> Iterator[None]:
    """Give what is awaited here that long, or less where less is left already; None: no limit of its own. Stops nothing by itself."""
    own = NEVER if seconds is None else Deadline.after(seconds, time.monotonic())
    before = _current.set(min(_current.get(), own))
    try:
        yield
    finally:
        _current.reset(before)


def remaining_s() -> float:
    """Return what is left to answer the present request; infinity outside one."""
    return _current.get().remaining_s(time.monotonic())
