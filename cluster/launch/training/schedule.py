"""Has a model trained on the running platform whenever it is due, one training at a time.

Main path: the head's `Scheduled.look`, every moment -> `next_run_s` -> a task on Ray, at the lowest priority -> `learning.learn`, with the
gate -> what came of it, in a sentence. A task ends with the head that began it, so there is never a second one. Time is passed in.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Final, Literal

import structlog

from cluster.errors import MatineeError
from cluster.launch.training import learning
from cluster.settings import Settings
from serve_apps.recommendations.bundles.registry import open_registry

log = structlog.get_logger()

Schedule = Literal["hourly", "nightly"]
Ended = Callable[[], str | None]
"""Says what came of a training; None: it goes on."""

PERIOD_S: Final[dict[Schedule, int]] = {"hourly": 3600, "nightly": 86400}
BEGINS_S: Final[dict[Schedule, int]] = {"hourly": 0, "nightly": 3 * 3600}
"""When in its hour, or in its day (UTC), a training is due."""


def next_run_s(schedule: Schedule, last_s: float) -> float:
    """Return when the training after one that began at `last_s` is due: it may be long ago, and is then due once."""
    period_s, begins_s = PERIOD_S[schedule], BEGINS_S[schedule]
    return ((last_s - begins_s) // period_s + 1) * period_s + begins_s


class Scheduled:
    """The trainings of one run of the platform; `last_s` is when the newest model was made, `tell` hears how it goes, for people."""

    def __init__(self, schedule: Schedule, last_s: float, begin: Callable[[], Ended], tell: Callable[[str], None]) -> None:
        self._schedule, self._last_s, self._begin, self._tell = schedule, last_s, begin, tell
        self._ended: Ended | None = None

    def look(self, now_s: float) -> None:
        """Begin what is due, unless one goes on still; called every moment."""
        if self._ended is not None:
            if (came := self._ended()) is None:
                return
            self._ended = None
            self._tell(came)
        if now_s >= next_run_s(self._schedule, self._last_s):
            self._last_s = now_s
            self._ended = self._begin()
            self._tell("a model learns")


def begin_on_ray(settings: Settings, *, incremental: bool) -> Ended:
    """Begin a training on the connected Ray."""
    import ray

    # What learns makes itself nicer for good: its process is for nothing else. Tried again is not what failed, but what is due next.
    task = ray.remote(num_cpus=0.05, max_calls=1, max_retries=0)(_learn)
    running = task.remote(settings, incremental)

    def ended() -> str | None:
        done, _ = ray.wait([running], timeout=0)
        if not done:
            return None
        try:
            return str(ray.get(running))
        except ray.exceptions.RayError as error:
            return f"a training was lost: {str(error).strip().splitlines()[-1]}"

    return ended


def _learn(settings: Settings, incremental: bool) -> str:
    os.nice(learning.LEAST)

    def told(line: str) -> None:
        log.info("a model learns", told=line.strip())

    try:
        entry = learning.learn(settings, told, incremental=incremental)
    except MatineeError as error:
        log.warning("no model was made", reason=error.detail)
        return f"no model was made: {error.detail}"
    return f"model {entry.bundle_id} is {entry.state}. {entry.verdict.reason}"


async def newest_s(settings: Settings) -> float | None:
    """Return when the newest model was made, whatever the gate said of it; None where there is none, or it cannot be told now."""
    try:
        registry = await open_registry(settings)
        try:
            return max((entry.about.made_at_s for entry in await registry.entries()), default=None)
        finally:
            await registry.close()
    except MatineeError as error:
        log.warning("when the newest model was made is not known", reason=error.detail)
        return None
