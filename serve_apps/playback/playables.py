"""Playables as the catalogue has them; while it does not answer, as it lately had them.

Refuses to decide who may watch them.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Final

import structlog

from cluster.errors import PlayableNotFound, Unavailable
from serve_apps.catalog.client import CatalogClient
from serve_apps.catalog.schemas import Playable

log = structlog.get_logger()

KEPT: Final = 1000
TRUSTED_S: Final = 30.0
"""How old a copy may be that stands in: as long as a catalogue takes to come back."""


class Playables:
    """Asks the catalogue, one hop; keeps the last KEPT answers for when it is away."""

    def __init__(self, catalog: CatalogClient, now_s: Callable[[], float] = time.time) -> None:
        self._catalog, self._now_s = catalog, now_s
        self._kept: OrderedDict[str, tuple[Playable, float]] = OrderedDict()

    async def playable(self, playable_id: str) -> Playable:
        """Return a film, an episode or a trailer, published or not.

        Raises:
            PlayableNotFound: nothing has this id.
            Unavailable: the catalogue does not answer, and nothing fresh enough is kept.
        """
        try:
            playable = await self._catalog.playable(playable_id)
        except PlayableNotFound:
            self._kept.pop(playable_id, None)
            raise
        except Unavailable as error:
            kept = self._kept.get(playable_id)
            if kept is None or not 0 <= self._now_s() - kept[1] <= TRUSTED_S:
                raise
            log.warning("the catalogue does not answer; a copy stands in", reason=error.detail)
            return kept[0]
        self._kept[playable_id] = playable, self._now_s()
        self._kept.move_to_end(playable_id)
        if len(self._kept) > KEPT:
            self._kept.popitem(last=False)
        return playable
