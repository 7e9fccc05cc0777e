"""What a profile watched, for services that ask it at every page: read from the rows themselves, without a call of playback."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from functools import partial

from actors.sessions.tables import PLACES
from cluster.durable import open_store
from cluster.security.claims import Claims
from cluster.settings import Settings
from serve_apps.late_store import LateStore
from serve_apps.playback import policy
from serve_apps.playback.places import WatchedPlaces
from serve_apps.playback.schemas import WatchedTitle


class WatchedTitles:
    """Opens the table of places at the first question; keeps nothing of any profile."""

    def __init__(self, settings: Settings, now_s: Callable[[], float] = time.time) -> None:
        self._places = LateStore(partial(open_store, settings.store, PLACES, now_s))

    async def close(self) -> None:
        """Close the table."""
        await self._places.close()

    async def latest(self, viewer: Claims, limit: int) -> Sequence[WatchedTitle]:
        """Return the latest place of each title that the viewer's profile watched, finished or not, the latest first.

        Raises:
            Unavailable: the store does not answer.
            CorruptData: a row is no place.
        """
        watched = await WatchedPlaces(await self._places.opened()).all_of(viewer)
        return [
            WatchedTitle(place.title_id, place.playable_id, place.position_s, policy.is_finished(place), place.updated_at_s)
            for place in policy.latest_of_titles(watched)[:limit]
        ]
