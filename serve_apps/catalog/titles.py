"""The stored titles: one row each, changed together with the event that tells of it.

Main path: `get` -> somebody's change -> `save` on the version that was read. Knows neither who may see or edit, nor the snapshot.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import chain
from typing import Any, Final

import msgspec
import structlog

from cluster.durable import Change, Insert, Row, Store, Update
from cluster.durable.outbox import Outbox
from cluster.errors import CorruptData, InvalidInput, TitleNotFound
from cluster.events import CATALOG, Event
from serve_apps.catalog import policy
from serve_apps.catalog.follower import CHANGED, GONE
from serve_apps.catalog.record import TitleRecord
from serve_apps.catalog.rows import pictures_of, record_of, title_rows
from serve_apps.catalog.schemas import ARTWORK_NAMES_LIMIT
from serve_apps.catalog.tables import DELETED, SORT_PREFIX, TITLE, partition_for

log = structlog.get_logger()

_TOMBSTONE_S: Final = 7 * 86400.0
"""Longer than the outbox may tell of a change again."""


class Versioned(msgspec.Struct, frozen=True):
    """A title as the store has it."""

    record: TitleRecord
    version: int


class Titles:
    """Owns the rows of titles; store and outbox stay their opener's."""

    def __init__(self, store: Store, outbox: Outbox, now_s: Callable[[], float]) -> None:
        self._store, self._outbox, self._now_s = store, outbox, now_s

    async def get(self, title_id: str) -> Versioned:
        """Return a title.

        Raises:
            TitleNotFound: there is none, or it was deleted.
            CorruptData: it is damaged.
        """
        row = await self._row(title_id)
        record = record_of(row)
        assert record is not None
        return Versioned(record, row.version)

    async def version(self, title_id: str) -> int:
        """Return the version of a title, be it damaged.

        Raises:
            TitleNotFound: there is none, or it was deleted.
        """
        return (await self._row(title_id)).version

    async def save(self, record: TitleRecord, version: int) -> Versioned:
        """Write a title that has `version` so far (0: none), and tell of it.

        Raises:
            VersionConflict: it has another.
            TooLarge: it is larger than a title may be.
        """
        value = msgspec.json.decode(record.encoded(), type=dict[str, Any])
        sort = SORT_PREFIX + record.title_id
        change = Update(sort, TITLE, value, if_version=version) if version else Insert(sort, TITLE, value)
        await self._tell(record.title_id, change, CHANGED, version + 1, value)
        return Versioned(record, version + 1)

    async def bury(self, title_id: str, version: int) -> int:
        """Leave a tombstone where the title of this version was, and tell of it; returns the tombstone's version.

        Raises:
            VersionConflict: it has another.
        """
        value = {"title_id": title_id, "deleted_at_s": self._now_s()}
        tombstone = Update(SORT_PREFIX + title_id, DELETED, value, if_version=version, expires_at_s=self._now_s() + _TOMBSTONE_S)
        await self._tell(title_id, tombstone, GONE, version + 1, value)
        return version + 1

    async def unused_artwork(self, object_names: Sequence[str]) -> list[str]:
        """Return those of the objects that no title shows, be it a draft; none while some title cannot be read.

        Raises:
            InvalidInput: more than ARTWORK_NAMES_LIMIT are asked for.
        """
        if len(object_names) > ARTWORK_NAMES_LIMIT:
            raise InvalidInput(f"At most {ARTWORK_NAMES_LIMIT} objects at once, not {len(object_names)}")
        unused = dict.fromkeys(object_names)
        try:
            async for rows in title_rows(self._store):
                for name in chain.from_iterable(map(pictures_of, rows)):
                    unused.pop(name, None)
        except CorruptData as error:
            log.error("artwork cannot be judged", error=error.detail)
            return []
        return list(unused)

    async def _row(self, title_id: str) -> Row:
        policy.require_title_id(title_id)
        row = await self._store.get(partition_for(title_id), SORT_PREFIX + title_id)
        if row is None or row.kind == DELETED:
            raise TitleNotFound
        return row

    async def _tell(self, title_id: str, change: Change, kind: str, version: int, value: dict[str, Any]) -> None:
        event = Event(CATALOG.name, kind, title_id, version, self._now_s(), value)
        await self._outbox.commit(partition_for(title_id), [change], [event])
