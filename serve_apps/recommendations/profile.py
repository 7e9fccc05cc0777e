"""What a profile watched, as a log processor keeps it: one row, read once a request."""

from __future__ import annotations

import asyncio

import msgspec

from actors.processors import PROFILES
from actors.processors.profiles import ProfileState, partition_for, state_of
from actors.processors.results import row
from cluster.durable import Store, StoreFactory
from cluster.errors import CorruptData, DeadlineExceeded


class ProfileStates:
    """Opens the processors' table at the first request; keeps nothing of any profile."""

    def __init__(self, open_processed: StoreFactory, read_s: float) -> None:
        self._open_processed, self._read_s = open_processed, read_s
        self._opening = asyncio.Lock()
        self._store: Store | None = None

    async def close(self) -> None:
        """Close the table."""
        async with self._opening:
            if self._store is not None:
                await self._store.close()
                self._store = None

    async def read(self, account_id: str, profile_id: str) -> ProfileState:
        """Return what a profile watched: nothing where nothing is known of it.

        Raises:
            Unavailable: the store does not answer, or not in time.
            CorruptData: the row is none.
        """
        try:
            async with asyncio.timeout(self._read_s):
                found = await row(await self._opened(), PROFILES.name, partition_for(account_id), profile_id)
            return state_of(found)
        except TimeoutError as error:
            raise DeadlineExceeded(f"What a profile watched is not read within {self._read_s:g} s") from error
        except msgspec.ValidationError as error:
            raise CorruptData(f"What a profile watched cannot be read: {error}") from error

    async def _opened(self) -> Store:
        async with self._opening:
            if self._store is None:
                self._store = await self._open_processed()
            return self._store
