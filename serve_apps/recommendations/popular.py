"""What is watched these days, by everybody: the counts of a log processor, read every minute.

Main path: the processor's partitions -> counts by title and day -> one score a title, in which a day weighs less the longer it is ago.
Refuses to know who watched.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import defaultdict
from collections.abc import Callable, Mapping
from typing import Final

import structlog

from actors.processors.plays import DAYS, PLAYS, day_of
from actors.processors.results import rows
from cluster.durable import StoreFactory, Value
from serve_apps.late_store import LateStore

log = structlog.get_logger()

REFRESH_S: Final = 60.0


class Popular:
    """Owns the task that reads the counts; while they cannot be read, what was read last stays."""

    def __init__(self, open_processed: StoreFactory, now_s: Callable[[], float] = time.time, refresh_s: float = REFRESH_S) -> None:
        self._processed, self._now_s, self._refresh_s = LateStore(open_processed), now_s, refresh_s
        self._task: asyncio.Task[None] | None = None
        self.scores: Mapping[str, float] = {}
        self.version = 0
        """Goes up with each change of the scores."""

    def open(self) -> None:
        """Begin to read; nothing waits for it."""
        self._task = asyncio.create_task(self._run(), name="popular")

    async def close(self) -> None:
        """Stop reading."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
        await self._processed.close()

    async def refresh(self) -> None:
        """Read the counts.

        Raises:
            MatineeError: they cannot be read.
        """
        store = await self._processed.opened()
        today, scores = day_of(self._now_s()), defaultdict[str, float](float)
        for partition in range(PLAYS.topic.partitions):
            for title_id, value in await rows(store, PLAYS.name, partition):
                score = score_of(value, today)
                if score:
                    scores[title_id] += score
        if scores != self.scores:
            self.scores, self.version = dict(scores), self.version + 1

    async def _run(self) -> None:
        failing = False
        while True:
            try:
                await self.refresh()
                failing = False
            except Exception as error:  # the row must outlive whatever one reading meets
                if not failing:
                    log.warning("what is popular is not read", error=repr(error))
                failing = True
            await asyncio.sleep(self._refresh_s)


def score_of(value: Value, today: int) -> float:
    """Return what a title's days come to: one for each play, one more where it was watched to its end; the longer ago, the less."""
    days = ((today - int(day), begun + finished) for day, (begun, finished) in value["days"].items())
    return float(sum(plays * (DAYS - max(age, 0)) / DAYS for age, plays in days if age < DAYS))
