"""The way of the driver's answers from its own thread to an event loop.

Answers that come while the loop is still to be woken share that: to wake it is a system call, after which both threads want the
interpreter, and under load that costs more than all else that is done here for an answer.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from typing import Any, Final

Rows = list[dict[str, Any]]

WATCH_EVERY_S: Final = 0.5


class Answers:
    """What the driver's thread hands to one event loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._come: deque[tuple[Rows | Exception | None, asyncio.Future[Rows]]] = deque()
        self._waking = False
        self._due_s: dict[asyncio.Future[Rows], float] = {}
        self._watching = False

    async def of(self, sent: Any, timeout_s: float) -> Rows:
        """Return the rows of what the driver has sent, or raise its error; TimeoutError if it says nothing in time."""
        future: asyncio.Future[Rows] = self._loop.create_future()
        self._due_s[future] = self._loop.time() + timeout_s
        if not self._watching:
            self._watch()
        try:
            sent.add_callbacks(self._hand_over, self._hand_over, (future,), None, (future,))
            return await future
        finally:
            del self._due_s[future]

    def _hand_over(self, outcome: Rows | Exception | None, future: asyncio.Future[Rows]) -> None:  # in the driver's thread
        self._come.append((outcome, future))
        if not self._waking:
            self._waking = True
            with contextlib.suppress(RuntimeError):  # the loop was closed: nobody waits there
                self._loop.call_soon_threadsafe(self._settle_all)

    def _settle_all(self) -> None:
        self._waking = False  # first: what comes from here on wakes the loop anew
        while self._come:
            self._settle(*self._come.popleft())

    def _watch(self) -> None:
        """Settle what is overdue: one timer for all, since hardly anything ever is."""
        self._watching = bool(self._due_s)
        if self._watching:
            now_s = self._loop.time()
            for future in [future for future, due_s in self._due_s.items() if due_s < now_s]:
                self._settle(TimeoutError(), future)
            self._loop.call_later(WATCH_EVERY_S, self._watch)

    def _settle(self, outcome: Rows | Exception | None, future: asyncio.Future[Rows]) -> None:
        if future.done():  # nobody waits any more
            return
        if isinstance(outcome, Exception):
            future.set_exception(outcome)
        else:
            future.set_result(outcome or [])
