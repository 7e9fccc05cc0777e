"""What a profile has said of titles, for services that ask it at every page: read from the rows themselves, without a call of profiles."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial

from cluster.durable import open_store
from cluster.settings import Settings
from serve_apps.late_store import LateStore
from serve_apps.profiles.choices import Choices
from serve_apps.profiles.schemas import Taste
from serve_apps.profiles.tables import CHOICES


class Tastes:
    """Opens the tables at the first question; keeps nothing of any profile."""

    def __init__(self, settings: Settings, now_s: Callable[[], float] = time.time) -> None:
        self._choices = LateStore(partial(open_store, settings.store, CHOICES, now_s))

    async def close(self) -> None:
        """Close the tables."""
        await self._choices.close()

    async def of(self, account_id: str, profile_id: str, listed_limit: int) -> Taste:
        """Return all that a profile has rated, and so much of its list, the latest first; nothing for a profile that is not there.

        Raises:
            Unavailable: the store does not answer.
            CorruptData: a row is no choice.
        """
        return await Choices(await self._choices.opened()).taste(account_id, profile_id, listed_limit)
