"""Where a profile stopped watching, read from the rows that the session shards write.

Main path: WatchedPlaces.all_of -> a choice of policy -> `page`. Refuses to decide what a place means.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

from actors.sessions.rows import read_place
from actors.sessions.stream import Place
from actors.sessions.tables import place_sort
from cluster.durable import Store
from cluster.durable.store import SCAN_LIMIT
from cluster.security.claims import Claims
from serve_apps.http import decode_cursor, encode_cursor
from serve_apps.playback import policy, schemas

PLACES_LIMIT: Final = 5000
"""The places of a profile that are looked at; beyond it the titles made first are left out."""


class WatchedPlaces:
    """The places of profiles; the store stays its opener's."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def place(self, viewer: Claims, playable_id: str) -> Place | None:
        """Return where the profile is in a playable."""
        row = await self._store.get(viewer.account_id, place_sort(viewer.profile_id or "", playable_id))
        return None if row is None else read_place(row)

    async def all_of(self, viewer: Claims) -> list[Place]:
        """Return where the profile is in everything, in no useful order."""
        return await self._read(viewer, "")

    async def of_title(self, viewer: Claims, title_id: str) -> list[Place]:
        """Return where the profile is in what it has watched of a title."""
        # The catalogue's ids of playables begin with their title's: only such rows are read.
        return [place for place in await self._read(viewer, title_id) if place.title_id == title_id]

    async def forget(self, viewer: Claims, playable_id: str) -> None:
        """Remove the profile's place in a playable. Idempotent."""
        row = await self._store.get(viewer.account_id, place_sort(viewer.profile_id or "", playable_id))
        if row is not None:
            await self._store.remove(row.partition, row.sort, row.version)

    async def remove(self, account_id: str, prefix: str) -> None:
        """Remove every place of an account whose sort key begins so. Idempotent."""
        while rows := await self._store.scan(account_id, prefix, limit=SCAN_LIMIT):
            for row in rows:
                await self._store.remove(row.partition, row.sort, row.version)

    async def _read(self, viewer: Claims, playables: str) -> list[Place]:
        prefix, after, places = place_sort(viewer.profile_id or "", playables), None, list[Place]()
        while len(places) < PLACES_LIMIT:
            rows = await self._store.scan(viewer.account_id, prefix, after=after, reverse=True, limit=SCAN_LIMIT)
            places += [read_place(row) for row in rows]
            if len(rows) < SCAN_LIMIT:
                break
            after = rows[-1].sort
        return places


def page(places: Sequence[Place], limit: int, cursor: str | None) -> schemas.Places:
    """Return a page of places that are in order, the latest first.

    Raises:
        InvalidCursor: it is none of ours.
    """
    after = decode_cursor(cursor)
    left = places if after is None else [place for place in places if _sort_key(place) > after]
    first = left[:limit]
    return schemas.Places(
        items=[shown(place) for place in first], next_cursor=encode_cursor(_sort_key(first[-1])) if len(left) > limit else None
    )


def shown(place: Place) -> schemas.Place:
    """Return a place as clients see it."""
    return schemas.Place(
        playable_id=place.playable_id,
        title_id=place.title_id,
        position_s=place.position_s,
        duration_s=place.duration_s,
        finished=policy.is_finished(place),
        updated_at=time_of(place.updated_at_s),
    )


def time_of(at_s: float) -> datetime:
    """Return a stored time as clients see it."""
    return datetime.fromtimestamp(at_s, UTC)


def _sort_key(place: Place) -> str:
    # Later times sort first: the distance from a far future, in microseconds.
    return f"{10**17 - round(place.updated_at_s * 1e6):017d}/{place.playable_id}"
