"""The rows of the table `titles` as they are read: all of them in turn, and what each holds.

A row may be damaged; who reads says what then: one title must not keep all others from being seen, edited or collected.
`states_after` leaves it out.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Sequence
from itertools import chain
from typing import Any, Final

import msgspec
import structlog
from pydantic import ValidationError

from cluster.durable import Row, Store
from cluster.errors import CorruptData
from serve_apps.catalog.policy import require_title_id
from serve_apps.catalog.record import TitleRecord, TitleState
from serve_apps.catalog.tables import DELETED, PARTITIONS, SORT_PREFIX, TITLE, partition_for

log = structlog.get_logger()

_SCAN_PAGE: Final = 50


async def title_rows(store: Store) -> AsyncIterator[list[Row]]:
    """Yield the rows of all titles, tombstones included, a page at a time."""
    for partition in PARTITIONS:
        after: str | None = None
        while rows := await store.scan(partition, SORT_PREFIX, after=after, limit=_SCAN_PAGE):
            yield rows
            if len(rows) < _SCAN_PAGE:
                break
            after = rows[-1].sort


async def states(store: Store) -> AsyncIterator[Sequence[TitleState]]:
    """Yield all titles, tombstones included, a page at a time; a damaged one is left out."""
    async for rows in title_rows(store):
        yield _sound(rows)


async def states_after(store: Store, title_id: str | None) -> tuple[list[TitleState], str | None]:
    """Return the page of titles after this one (None: the first page), and the title that the next page comes after, if there is one.

    Raises:
        TitleNotFound: it cannot be a title's id.
    """
    start, after = 0, None
    if title_id is not None:
        require_title_id(title_id)
        start, after = PARTITIONS.index(partition_for(title_id)), SORT_PREFIX + title_id
    rows: list[Row] = []
    for partition in PARTITIONS[start:]:
        rows += await store.scan(partition, SORT_PREFIX, after=after, limit=_SCAN_PAGE - len(rows))
        if len(rows) == _SCAN_PAGE:
            return _sound(rows), rows[-1].sort.removeprefix(SORT_PREFIX)
        after = None
    return _sound(rows), None


def _sound(rows: Sequence[Row]) -> list[TitleState]:
    found = []
    for row in rows:
        try:
            found.append(TitleState(row.sort.removeprefix(SORT_PREFIX), row.version, record_of(row)))
        except CorruptData as error:
            # One damaged title must not keep all others from being seen.
            log.error("title left out", error=error.detail)
    return found


def record_of(row: Row) -> TitleRecord | None:
    """Return the title of a row; None if it is a tombstone.

    Raises:
        CorruptData: it is neither.
    """
    if row.kind == DELETED:
        return None
    _require_title(row)
    return parsed(row.value, f"{row.partition}/{row.sort}")


def parsed(value: dict[str, Any], where: str) -> TitleRecord:
    """Return the title that a row or an event holds.

    Raises:
        CorruptData: it holds none; `where` is told.
    """
    try:
        return TitleRecord.model_validate(value)
    except ValidationError as error:
        raise CorruptData(f"{where} holds no title: {error}") from error


# --- the pictures alone, many times faster than the whole title


class _Image(msgspec.Struct):
    object_name: str


class _Part(msgspec.Struct):
    still: list[_Image] = []


class _Pictured(msgspec.Struct):
    title_id: str
    kind: str
    name: str
    artwork: list[_Image] = []
    episodes: list[_Part] = []
    trailers: list[_Part] = []


def pictures_of(row: Row) -> Iterator[str]:
    """Return the object names of all pictures that the title of a row shows, published or not.

    Raises:
        CorruptData: it is no title, nor a tombstone.
    """
    if row.kind == DELETED:
        return iter(())
    _require_title(row)
    try:
        title = msgspec.convert(row.value, _Pictured)
    except msgspec.ValidationError as error:
        raise CorruptData(f"{row.partition}/{row.sort} holds no title: {error}") from error
    stills = (part.still for part in chain(title.episodes, title.trailers))
    return (image.object_name for image in chain(title.artwork, *stills))


def _require_title(row: Row) -> None:
    if row.kind != TITLE:
        raise CorruptData(f"{row.partition}/{row.sort} is no title but a {row.kind}")
