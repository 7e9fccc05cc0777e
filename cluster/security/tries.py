"""How often somebody may guess: so many tries within a time, counted in the store before the guess is looked at.

Main path: TryLimit.guess -> a try is counted -> the secret is verified elsewhere -> the try is taken back unless it was wrong.
Refuses to know what is guessed.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

import msgspec

from cluster.durable import Store
from cluster.errors import MatineeError, Overloaded, TooManyRequests, VersionConflict

SORT: Final = "tries"
_ATTEMPTS: Final = 64


class Try(msgspec.Struct, frozen=True):
    """An admitted try."""

    partition: str
    sort: str
    at_s: float


def still_counting(tries: Sequence[float], window_s: float, now_s: float) -> list[float]:
    """Return the tries of the last `window_s`; those of a clock that ran ahead count as of now."""
    return [min(at_s, now_s) for at_s in tries if now_s - at_s < window_s]


def wait_s(tries: Sequence[float], limit: int, window_s: float, now_s: float) -> float:
    """Return in how many seconds the next try is admitted: 0 for at once."""
    counting = sorted(still_counting(tries, window_s, now_s))
    return 0.0 if len(counting) < limit else max(0.0, counting[-limit] + window_s - now_s)


class TryLimit:
    """At most `limit` tries in any `window_s`, of a linear table's row; right ones don't count."""

    def __init__(self, store: Store, limit: int, window_s: float, now_s: Callable[[], float] = time.time) -> None:
        self._store = store
        self._limit, self._window_s = limit, window_s
        self._now_s = now_s

    async def guess(self, verify: Callable[[], Awaitable[bool]], partition: str, sort: str = SORT) -> bool:
        """Return what `verify` finds; only a guess that it found wrong stays counted.

        Raises:
            TooManyRequests: the limit is reached, and nothing was verified.
            Overloaded: nothing was verified; the try does not count.
        """
        admitted = await self.admit(partition, sort)
        try:
            right = await verify()
        except (Overloaded, asyncio.CancelledError):
            # Whoever guessed has learnt nothing; else a busy machine would lock people out.
            with contextlib.suppress(MatineeError):
                await self.forgive(admitted)
            raise
        if right:
            await self.forgive(admitted)
        return right

    async def admit(self, partition: str, sort: str = SORT) -> Try:
        """Count a try, before anything is verified: guesses sent at once are counted one by one.

        Raises:
            TooManyRequests: the limit is reached; `retry_after_s` says until when.
            Overloaded: so many try at once that this one could not be counted.
        """
        for _ in range(_ATTEMPTS):
            now_s = self._now_s()
            row = await self._store.get(partition, sort)
            tries = still_counting(row.value["tries"], self._window_s, now_s) if row else []
            if (pause_s := wait_s(tries, self._limit, self._window_s, now_s)) > 0:
                raise TooManyRequests("Too many wrong tries: wait a while", retry_after_s=round(pause_s, 3))
            value = {"tries": [*tries, now_s]}
            try:
                if row is None:
                    await self._store.put_if_absent(partition, sort, "tries", value, expires_at_s=now_s + self._window_s)
                else:
                    await self._store.compare_and_set(row, value, expires_at_s=now_s + self._window_s)
            except VersionConflict:
                continue
            return Try(partition, sort, now_s)
        raise Overloaded("Too many tries at once", retry_after_s=1)

    async def clear(self, partition: str, sort: str = SORT) -> None:
        """Forget all tries; one that is counted at the same moment stays."""
        row = await self._store.get(partition, sort)
        if row is not None:
            with contextlib.suppress(VersionConflict):
                await self._store.delete(row)

    async def forgive(self, admitted: Try) -> None:
        """Take back a try that was right; the wrong ones of others stay counted."""
        for _ in range(_ATTEMPTS):
            row = await self._store.get(admitted.partition, admitted.sort)
            if row is None or admitted.at_s not in row.value["tries"]:
                return
            left = list(row.value["tries"])
            left.remove(admitted.at_s)
            try:
                await self._store.compare_and_set(row, {"tries": left}, expires_at_s=row.expires_at_s)
            except VersionConflict:
                continue
            return
