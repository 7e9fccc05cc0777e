"""What a person is told while a model is trained, on stderr: loss, validation, time left."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from models.fitting import Epoch, FittingParameters


def tell(line: Any) -> None:
    """Tell a line."""
    print(line, file=sys.stderr, flush=True)


class Telling:
    """Tells how each epoch went, and how long it can last: to the last epoch, or until it has got no better for too long."""

    def __init__(self, fitting: FittingParameters, line: Callable[[str], None] = tell, now_s: Callable[[], float] = time.monotonic) -> None:
        self._fitting, self._line, self._now_s = fitting, line, now_s
        self._before_s, self._epoch_s = now_s(), 0.0
        self._best = (float("-inf"), 0)

    def epoch(self, epoch: Epoch) -> None:
        """Tell one; call it when it ends."""
        now_s = self._now_s()
        # The newest says more than the mean: the first one brings everything into memory.
        self._epoch_s, self._before_s = now_s - self._before_s, now_s
        self._best = max(self._best, (epoch.ndcg, epoch.number), key=lambda each: each[0])
        most_s = (self._fitting.most_epochs - epoch.number) * self._epoch_s
        least_s = min(most_s, max(0, self._best[1] + self._fitting.patience - epoch.number) * self._epoch_s)
        self._line(
            f"  epoch {epoch.number} of {self._fitting.most_epochs}: loss {epoch.loss:.3f}, NDCG@10 on the validation {epoch.ndcg:.4f}, "
            f"at most {spoken(most_s)} left ({spoken(least_s)} if it gets no better)"
        )


def spoken(seconds: float) -> str:
    """Return a time as people say it."""
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 6000 else f"{seconds / 3600:.1f} h"
