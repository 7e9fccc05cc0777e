"""How many calls may be tried again: a share of all calls, so that retries never multiply an outage."""

from __future__ import annotations

from cluster.resilience.window import RollingWindow


class RetryBudget:
    """Grants retries up to `ratio` of the calls of the last `window_s`, and `floor` besides, for targets that are called rarely."""

    def __init__(self, ratio: float = 0.1, floor: int = 10, window_s: float = 10.0) -> None:
        self._ratio = ratio
        self._floor = floor
        self._window = RollingWindow(window_s)

    def called(self, now_s: float) -> None:
        """Count a first attempt."""
        self._window.add(now_s, first=1)

    def spend(self, now_s: float) -> bool:
        """Take one retry out of the budget; False if there is none left."""
        calls, retries = self._window.totals(now_s)
        if retries + 1 > self._floor + self._ratio * calls:
            return False
        self._window.add(now_s, second=1)
        return True
