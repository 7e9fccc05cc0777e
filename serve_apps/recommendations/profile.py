"""What a profile watched, as a log processor keeps it: one row, read once a request."""

from __future__ import annotations

import msgspec

from actors.processors import PROFILES
from actors.processors.profiles import ProfileState, partition_for, state_of
from actors.processors.results import row
from cluster.durable import StoreFactory
from cluster.errors import CorruptData
from serve_apps.late_store import LateStore


class ProfileStates:
    """Opens the processors' table at the first request; keeps nothing of any profile."""

    def __init__(self, open_processed: StoreFactory) -> None:
        self._processed = LateStore(open_processed)

    async def close(self) -> None:
        """Close the table."""
        await self._processed.close()

    async def read(self, account_id: str, profile_id: str) -> ProfileState:
        """Return what a profile watched: nothing where nothing is known of it.

        Raises:
            Unavailable: the store does not answer.
            CorruptData: the row is none.
        """
        try:
            return state_of(await row(await self._processed.opened(), PROFILES.name, partition_for(account_id), profile_id))
        except msgspec.ValidationError as error:
            raise CorruptData(f"What a profile watched cannot be read: {error}") from error
