"""Writes a page as JSON, each title's card only once for all pages that show it. Pure.

Most of a page are cards, and most of those are addresses of pictures: to write them anew for each page cost more than to make it.
"""

from __future__ import annotations

from typing import Final

import msgspec

from serve_apps.catalog.schemas import TitleCard
from serve_apps.recommendations.schemas import Home, HomeItem

CARDS_LIMIT: Final = 4096
"""Cards that are remembered; of two thousand bytes each."""


class EncodedPages:
    """Remembers cards as they are written, as long as they stay the same objects."""

    def __init__(self) -> None:
        self._cards: dict[str, tuple[TitleCard, msgspec.Raw]] = {}

    def encode(self, page: Home) -> bytes:
        """Return the page as JSON, with the fields that its schema has."""
        rows = [{**row.__dict__, "items": [self._item(item) for item in row.items]} for row in page.rows]
        hero = self._item(page.hero) if page.hero is not None else None
        return msgspec.json.encode({**page.__dict__, "hero": hero, "rows": rows})

    def _item(self, item: HomeItem) -> dict[str, object]:
        return {**item.__dict__, "title": self._card(item.title)}

    def _card(self, card: TitleCard) -> msgspec.Raw:
        known = self._cards.get(card.title_id)
        if known is None or known[0] is not card:
            if len(self._cards) >= CARDS_LIMIT:
                self._cards.clear()
            known = self._cards[card.title_id] = card, msgspec.Raw(card.model_dump_json().encode())
        return known[1]
