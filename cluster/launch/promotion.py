"""Makes a model the live one, for whoever decides that: a person, the demo or the schedule."""

from __future__ import annotations

from typing import Final

from cluster.durable import open_store
from cluster.errors import ModelRefused
from cluster.settings import Settings
from models.head import head_of
from serve_apps.catalog.rows import title_rows
from serve_apps.catalog.tables import SORT_PREFIX, TITLE, TITLES
from serve_apps.recommendations.bundles.entry import ModelEntry
from serve_apps.recommendations.bundles.registry import ModelRegistry

KNOWN_SHARE: Final = 0.5
"""Of a model's titles so many must be in the catalogue: titles go, but a model of other titles can recommend nothing."""


async def promote(registry: ModelRegistry, settings: Settings, bundle_id: str, *, force: bool = False) -> ModelEntry:
    """Make a model the live one, after it was looked at once more; idempotent.

    Raises:
        ModelNotFound: there is none.
        ModelNotPromotable: the gate refused it, or judged it beside another live model than today's; not with `force`.
        ModelRefused: it cannot be served, or is one of other titles than the catalogue's; by `force` neither.
    """
    await _require_known_titles(registry, bundle_id, settings)
    return await registry.promote(bundle_id, force=force)


async def _require_known_titles(registry: ModelRegistry, bundle_id: str, settings: Settings) -> None:
    item_ids = head_of(await registry.data(bundle_id)).item_ids
    store = await open_store(settings.store, TITLES)
    try:
        known = {row.sort.removeprefix(SORT_PREFIX) async for rows in title_rows(store) for row in rows if row.kind == TITLE}
    finally:
        await store.close()
    there = sum(item_id in known for item_id in item_ids)
    if there < KNOWN_SHARE * len(item_ids):
        raise ModelRefused(
            f"Model {bundle_id} cannot be served: of its {len(item_ids)} titles the catalogue has {there}", fault="vocabulary"
        )
