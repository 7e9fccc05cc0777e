"""How far an encode is and how fast, from what finished chunks and running tasks say."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from typing import Final

OVER_S: Final = 15.0
"""The speed is what happened during so long."""


class Progress:
    """Counts pictures; those of a running task count until it ends, then its chunk's."""

    def __init__(self, now_s: Callable[[], float]) -> None:
        self._now_s = now_s
        self._finished: dict[str, int] = {}
        self._running: dict[str, int] = {}
        self._samples: deque[tuple[float, int]] = deque()
        self._told = -1

    @property
    def frames_done(self) -> int:
        """Pictures encoded so far."""
        return sum(self._finished.values()) + sum(self._running.values())

    def begin(self, finished: Mapping[str, int]) -> None:
        """Start from the chunks that an earlier run finished."""
        self._finished = dict(finished)
        self._samples.clear()

    def finished(self, key: str, frames: int) -> None:
        """Count a finished chunk."""
        self._finished[key] = frames

    def started(self, key: str) -> None:
        """Expect reports of a task."""
        self._running[key] = 0

    def reported(self, key: str, frames: int) -> None:
        """Hear from a running task; what comes after its end counts for nothing."""
        if key in self._running:
            self._running[key] = frames

    def dropped(self, key: str) -> None:
        """Forget a running task."""
        self._running.pop(key, None)

    def changed(self) -> bool:
        """Take a sample; say whether there is anything new to tell."""
        now_s, frames = self._now_s(), self.frames_done
        self._samples.append((now_s, frames))
        while now_s - self._samples[0][0] > OVER_S:
            self._samples.popleft()
        told, self._told = self._told, frames
        return told != frames

    def frames_per_s(self) -> float | None:
        """Return the speed of late; None while it is unknown."""
        if not self._samples:
            return None
        (first_s, first), (last_s, last) = self._samples[0], self._samples[-1]
        return round(max(0, last - first) / (last_s - first_s), 1) if last_s > first_s else None
