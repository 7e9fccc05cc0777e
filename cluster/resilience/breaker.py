"""When to stop calling a target that fails, and when to try it again (Hystrix' circuit breaker, with its defaults).

Closed: calls pass and are counted. Open: none passes for `sleep_s`. Then half-open: one probe passes; its outcome closes or opens again.
"""

from __future__ import annotations

from enum import Enum, auto

from cluster.resilience.window import RollingWindow


class Admission(Enum):
    """What an admitted call is; its outcome is told back with it."""

    CALL = auto()
    PROBE = auto()


class Breaker:
    """Opens once `min_calls` were made in the last `window_s` and the share `error_ratio` of them failed."""

    def __init__(self, min_calls: int = 20, error_ratio: float = 0.5, sleep_s: float = 5.0, window_s: float = 10.0) -> None:
        self._min_calls = min_calls
        self._error_ratio = error_ratio
        self._sleep_s = sleep_s
        self._outcomes = RollingWindow(window_s)
        self._opened_at_s: float | None = None
        self._probing = False

    @property
    def is_open(self) -> bool:
        """Whether calls are held back (a probe may be on its way)."""
        return self._opened_at_s is not None

    def retry_after_s(self, now_s: float) -> float:
        """Return when the next probe may pass; 0 if calls pass now."""
        if self._opened_at_s is None:
            return 0.0
        return max(0.0, self._opened_at_s + self._sleep_s - now_s)

    def admit(self, now_s: float) -> Admission | None:
        """Let a call pass, or return None; whoever is let pass tells the outcome by `record` or `abandon`."""
        if self._opened_at_s is None:
            return Admission.CALL
        if self._probing or self.retry_after_s(now_s) > 0:
            return None
        self._probing = True
        return Admission.PROBE

    def record(self, admission: Admission, now_s: float, *, failed: bool) -> None:
        """Tell the outcome of an admitted call."""
        if admission is Admission.PROBE:
            self._probing = False
            if failed:
                self._opened_at_s = now_s
            else:
                self._opened_at_s = None
                self._outcomes.clear()
            return
        self._outcomes.add(now_s, first=1, second=int(failed))
        calls, failures = self._outcomes.totals(now_s)
        if self._opened_at_s is None and calls >= self._min_calls and failures >= self._error_ratio * calls:
            self._opened_at_s = now_s

    def abandon(self, admission: Admission) -> None:
        """Tell that an admitted call was cancelled before its outcome was known."""
        if admission is Admission.PROBE:
            self._probing = False
