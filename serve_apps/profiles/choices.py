"""What a profile put on its list, and what it thinks of titles.

Main path: keep -> a plain row, its version past the one before and by the writer's clock -> latest, a page of the newest.
What is dropped stays for a while as a row that says so, so that the next writer's version goes past it, whatever their clock says.
Repeating a call changes nothing.
Refuses to know titles: whether one exists is the catalogue's to say.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final, Literal

from cluster.durable import Row, Store, Value
from cluster.errors import InvalidCursor, ListFull
from serve_apps.http import decode_cursor, encode_cursor
from serve_apps.profiles.policy import ENTRIES_LIMIT
from serve_apps.profiles.schemas import Taste

Kind = Literal["list", "rating"]
AT: Final = "at_s"
DROPPED_S: Final = 3600.0
"""How long a dropped title is remembered: clocks differ by less, and requests take less."""
_DROPPED: Final = "dropped"
_PAGE: Final = 1000


class Choices:
    """The lists and ratings of all profiles; at most ENTRIES_LIMIT of a kind, so that a page is one reading."""

    def __init__(self, store: Store, now_s: Callable[[], float] = time.time) -> None:
        self._store = store
        self._now_s = now_s

    async def keep(self, account_id: str, profile_id: str, kind: Kind, title_id: str, value: Value | None = None) -> None:
        """Keep a title, the time included; what is kept already in the same way keeps its time.

        Raises:
            ListFull: there are as many as there may be, or as many again were dropped within the hour.
        """
        sort = f"{profile_id}/{kind}/{title_id}"
        row = await self._store.get(account_id, sort)
        now_s = self._now_s()
        if row is not None and {**row.value, AT: 0} == {**(value or {}), AT: 0}:
            return
        if row is None or _DROPPED in row.value:
            rows = await self._rows(account_id, f"{profile_id}/{kind}/")
            if sum(_DROPPED not in each.value for each in rows) >= ENTRIES_LIMIT or (row is None and len(rows) >= 2 * ENTRIES_LIMIT):
                raise ListFull(f"At most {ENTRIES_LIMIT} titles", limit=ENTRIES_LIMIT)
        await self._store.put([Row(account_id, sort, _version(now_s, row), kind, {**(value or {}), AT: now_s})])

    async def drop(self, account_id: str, profile_id: str, kind: Kind, title_id: str) -> None:
        """Take a title off."""
        sort = f"{profile_id}/{kind}/{title_id}"
        row = await self._store.get(account_id, sort)
        if row is not None and _DROPPED not in row.value:
            now_s = self._now_s()
            await self._store.put([Row(account_id, sort, _version(now_s, row), kind, {_DROPPED: True, AT: now_s}, now_s + DROPPED_S)])

    async def latest(
        self, account_id: str, profile_id: str, kind: Kind, limit: int, cursor: str | None
    ) -> tuple[list[tuple[str, Value]], str | None]:
        """Return a page of (title id, value), the newest first, and the next page's cursor."""
        rows = [row for row in await self._rows(account_id, f"{profile_id}/{kind}/") if _DROPPED not in row.value]
        ordered = sorted(((row.value[AT], _title_id(row), row.value) for row in rows), key=lambda item: item[:2], reverse=True)
        if (after := decode_cursor(cursor)) is not None:
            at, _, title_id = after.partition("/")
            try:
                ordered = [item for item in ordered if item[:2] < (float(at), title_id)]
            except ValueError as error:
                raise InvalidCursor from error
        page = ordered[:limit]
        following = encode_cursor(f"{page[-1][0]!r}/{page[-1][1]}") if len(ordered) > limit else None
        return [(title_id, value) for _, title_id, value in page], following

    async def taste(self, account_id: str, profile_id: str, listed_limit: int) -> Taste:
        """Return all ratings, and so many of the titles on the list, the latest first."""
        kept = [row for row in await self._rows(account_id, f"{profile_id}/") if _DROPPED not in row.value]
        listed = sorted(((row.value[AT], _title_id(row)) for row in kept if row.kind == "list"), reverse=True)
        ratings = {_title_id(row): int(row.value["rating"]) for row in kept if row.kind == "rating"}
        return Taste([title_id for _, title_id in listed[:listed_limit]], ratings)

    async def forget(self, account_id: str, profile_id: str | None = None) -> None:
        """Remove all of a profile's, or all of the account's; idempotent."""
        prefix = f"{profile_id}/" if profile_id is not None else ""
        after: str | None = None
        while rows := await self._store.scan(account_id, prefix, after=after, limit=_PAGE):
            for row in rows:
                await self._store.remove(account_id, row.sort, _version(self._now_s(), row))
            after = rows[-1].sort

    async def _rows(self, account_id: str, prefix: str) -> list[Row]:
        found, after = list[Row](), None
        while page := await self._store.scan(account_id, prefix, after=after, limit=_PAGE):
            found += page
            after = page[-1].sort
            if len(page) < _PAGE:
                break
        return found


def _title_id(row: Row) -> str:
    return row.sort.rpartition("/")[2]


def _version(now_s: float, before: Row | None) -> int:
    return max(int(now_s * 1000), before.version + 1 if before is not None else 0)
