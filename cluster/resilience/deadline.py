"""The moment after which nobody waits for an answer any more."""

from __future__ import annotations

from typing import Self

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
