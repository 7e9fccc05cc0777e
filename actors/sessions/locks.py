"""A lock for each account, kept only while somebody holds or awaits it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from cluster.errors import Overloaded

WAITING_LIMIT: Final = 64


class AccountLocks:
    """Calls for one account take turns; more than WAITING_LIMIT at once are refused."""

    def __init__(self) -> None:
        self._locks: dict[str, tuple[asyncio.Lock, int]] = {}

    def __len__(self) -> int:
        return len(self._locks)

    @asynccontextmanager
    async def hold(self, account_id: str) -> AsyncIterator[None]:
        """Hold the account's lock.

        Raises:
            Overloaded: too many calls wait for it.
        """
        lock, users = self._locks.get(account_id) or (asyncio.Lock(), 0)
        if users >= WAITING_LIMIT:
            raise Overloaded("Too many calls for one account at once")
        self._locks[account_id] = lock, users + 1
        try:
            async with lock:
                yield
        finally:
            lock, users = self._locks.pop(account_id)
            if users > 1:
                self._locks[account_id] = lock, users - 1
