"""How long a processor waits before it tries again, and how often. Knows nothing of what is tried."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final, TypeVar

import msgspec

T = TypeVar("T")

TRIES: Final = 3


class Patience(msgspec.Struct, frozen=True):
    """Each wait is twice as long as the one before, up to a limit."""

    event_s: float = 0.05
    """What fails for an event is tried TRIES times."""
    first_s: float = 0.1
    limit_s: float = 5.0
    """Store and log are tried for ever."""

    def pauses(self) -> list[float]:
        """Return the waits between the tries for an event."""
        return [self.event_s * 2**number for number in range(TRIES - 1)]

    async def tried(self, call: Callable[[], T]) -> T | Exception:
        """Return what a function gives, or what it still raises when it was tried a few times."""
        try:
            return call()
        except Exception as error:
            failed = error
        for pause_s in self.pauses():
            await asyncio.sleep(pause_s)
            try:
                return call()
            except Exception as error:
                failed = error
        return failed


PATIENCE: Final = Patience()
