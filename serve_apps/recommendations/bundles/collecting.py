"""Keeps models from growing for ever: of those that are neither live nor previous the newest stay.

A row goes before its bytes, and only while the same models are live: what becomes live meanwhile stays. Bytes that no row names go a day
later: an addition that is under way has put its bytes before its row.
"""

from __future__ import annotations

from typing import Final

import obstore

from cluster.durable import BATCH_LIMIT, Change, Check, Delete, Objects, Row, Store, object_errors
from cluster.errors import VersionConflict
from serve_apps.recommendations.bundles.entry import BUNDLE, LIFE, PARTITION, Kept, Life, object_of

UNNAMED_S: Final = 86_400.0
_FOLDER: Final = "models/"


async def collect(store: Store, objects: Objects, now_s: float, keep: int, rows: list[Row], life: Row | None) -> None:
    """Remove all but `keep` of the rows that are neither live nor previous, by `life`, the oldest first, and bytes that no row names.

    Does nothing where another was faster.

    Raises:
        StoreUnavailable: the store or the object store does not answer; what is left, the next call removes.
    """
    stay = {Life.of(life).live, Life.of(life).previous}
    others = sorted((row for row in rows if _id(row) not in stay), key=lambda row: (Kept.of(row).added_at_s, row.sort))
    gone = others[: max(0, len(others) - keep)][: BATCH_LIMIT - 1]
    if gone:
        changes: list[Change] = [Check(LIFE, life.version if life is not None else 0), *(Delete(row.sort, row.version) for row in gone)]
        try:
            await store.batch(PARTITION, changes)
        except VersionConflict:
            return
        await _remove(objects, [object_of(_id(row)) for row in gone])
    named = {object_of(_id(row)) for row in rows}
    unnamed: list[str] = []
    with object_errors(_FOLDER):
        async for page in obstore.list(objects, prefix=_FOLDER):
            unnamed += (
                each["path"] for each in page if each["path"] not in named and each["last_modified"].timestamp() < now_s - UNNAMED_S
            )
    await _remove(objects, unnamed)


def _id(row: Row) -> str:
    return row.sort.removeprefix(BUNDLE)


async def _remove(objects: Objects, names: list[str]) -> None:
    if names:
        with object_errors(names[0]):
            await obstore.delete_async(objects, names)
