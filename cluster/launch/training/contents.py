"""What the catalogue says of its titles, for a model that is to know those that nobody has watched.

Main path: `contents` -> the rows of the table of titles -> models.features.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from cluster.durable import open_store
from cluster.settings import Settings
from serve_apps.catalog.record import TitleRecord
from serve_apps.catalog.rows import states
from serve_apps.catalog.tables import TITLES

if TYPE_CHECKING:
    from models.features import Content


def contents(settings: Settings) -> dict[str, Content]:
    """Return the content of every title by its id, drafts too.

    Raises:
        StoreUnavailable: the store does not answer.
    """
    return asyncio.run(_read(settings))


async def _read(settings: Settings) -> dict[str, Content]:
    store = await open_store(settings.store, TITLES)
    try:
        return {state.title_id: content_of(state.record) async for page in states(store) for state in page if state.record is not None}
    finally:
        await store.close()


def content_of(record: TitleRecord) -> Content:
    """Return a title's content; replicas make the same of what they know (serve_apps.recommendations.cold)."""
    from models.features import Content

    return Content.of(
        kind=record.kind,
        genres=record.genres,
        people=(member.name for member in record.cast),
        year=record.year,
        maturity=record.maturity,
        name=record.name,
        synopsis=record.synopsis,
    )
