"""What a profile has said of titles, for services that ask it at every page: read from the rows themselves, without a call of profiles."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from functools import partial

import msgspec

from cluster.durable import open_store
from cluster.errors import CorruptData
from cluster.settings import Settings
from serve_apps.late_store import LateStore
from serve_apps.profiles.choices import Choices
from serve_apps.profiles.policy import StoredProfile
from serve_apps.profiles.schemas import Taste
from serve_apps.profiles.tables import CHOICES, PROFILE, PROFILES


class Tastes:
    """Opens the tables at the first question; keeps nothing of any profile."""

    def __init__(self, settings: Settings, now_s: Callable[[], float] = time.time) -> None:
        self._choices, self._profiles = (LateStore(partial(open_store, settings.store, table, now_s)) for table in (CHOICES, PROFILES))

    async def close(self) -> None:
        """Close the tables."""
        await self._choices.close()
        await self._profiles.close()

    async def of(self, account_id: str, profile_id: str, listed_limit: int) -> Taste:
        """Return all that a profile has rated, its languages, and so much of its list, the latest first; nothing of one that is not there.

        Raises:
            Unavailable: the store does not answer.
            CorruptData: a row is not what it should be.
        """
        choices = Choices(await self._choices.opened())
        taste, languages = await asyncio.gather(choices.taste(account_id, profile_id, listed_limit), self.languages(account_id, profile_id))
        return msgspec.structs.replace(taste, languages=languages)

    async def languages(self, account_id: str, profile_id: str) -> Sequence[str]:
        """Return in which languages a profile wants titles; none: in any.

        Raises:
            Unavailable: the store does not answer.
            CorruptData: the row is no profile.
        """
        row = await (await self._profiles.opened()).get(account_id, PROFILE + profile_id)
        try:
            return msgspec.convert(row.value, StoredProfile).watch_languages if row is not None else ()
        except msgspec.ValidationError as error:
            raise CorruptData(f"A profile cannot be read: {error}") from error
