"""Counts over the last seconds, in buckets; what the breaker and the retry budget decide by."""

from __future__ import annotations

from collections import deque


class RollingWindow:
    """Two counters, each over the last `window_s`, exact to a bucket; memory is bounded by the number of buckets."""

    def __init__(self, window_s: float = 10.0, buckets: int = 10) -> None:
        self._bucket_s = window_s / buckets
        self._buckets = buckets
        self._counts: deque[tuple[int, list[int]]] = deque()
        self._totals = [0, 0]

    def add(self, now_s: float, *, first: int = 0, second: int = 0) -> None:
        """Count something that happens now."""
        number = self._roll(now_s)
        if not self._counts or self._counts[-1][0] < number:
            self._counts.append((number, [0, 0]))
        # A clock that went backwards counts into the newest bucket.
        for counts in (self._counts[-1][1], self._totals):
            counts[0] += first
            counts[1] += second

    def totals(self, now_s: float) -> tuple[int, int]:
        """Return both counts."""
        self._roll(now_s)
        return self._totals[0], self._totals[1]

    def clear(self) -> None:
        """Forget everything."""
        self._counts.clear()
        self._totals = [0, 0]

    def _roll(self, now_s: float) -> int:
        number = int(now_s // self._bucket_s)
        while self._counts and self._counts[0][0] <= number - self._buckets:
            _, gone = self._counts.popleft()
            self._totals = [self._totals[0] - gone[0], self._totals[1] - gone[1]]
        return number
