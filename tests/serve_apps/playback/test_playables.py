from __future__ import annotations

import asyncio

import pytest

from cluster.errors import MatineeError, PlayableNotFound, ServiceUnavailable
from serve_apps.catalog.client import CatalogClient
from serve_apps.catalog.schemas import Playable
from serve_apps.playback.playables import KEPT, TRUSTED_S, Playables
from serve_apps.serving import LocalTarget
from tests.clock import Clock
from tests.serve_apps.playback.world import film


class MovingCatalogue:
    """A catalogue that raises `error` when it has one."""

    def __init__(self) -> None:
        self.error: MatineeError | None = None

    async def playable(self, playable_id: str) -> Playable:
        if self.error is not None:
            raise self.error
        return film(playable_id)


def test_a_copy_stands_in_while_the_catalogue_is_away_but_not_for_long() -> None:
    async def scene() -> None:
        clock, catalogue = Clock(), MovingCatalogue()
        playables = Playables(CatalogClient(LocalTarget(catalogue)), clock)
        asked = await playables.playable("film")
        catalogue.error = ServiceUnavailable("restarts")
        clock.advance(TRUSTED_S)
        assert await playables.playable("film") == asked
        with pytest.raises(ServiceUnavailable):
            await playables.playable("another")
        clock.advance(1)
        with pytest.raises(ServiceUnavailable):
            await playables.playable("film")

    asyncio.run(scene())


def test_what_was_deleted_is_not_brought_back_by_a_copy() -> None:
    async def scene() -> None:
        catalogue = MovingCatalogue()
        playables = Playables(CatalogClient(LocalTarget(catalogue)), Clock())
        await playables.playable("film")
        catalogue.error = PlayableNotFound()
        with pytest.raises(PlayableNotFound):
            await playables.playable("film")
        catalogue.error = ServiceUnavailable("restarts")
        with pytest.raises(ServiceUnavailable):
            await playables.playable("film")

    asyncio.run(scene())


def test_only_so_many_copies_are_kept() -> None:
    async def scene() -> None:
        catalogue = MovingCatalogue()
        playables = Playables(CatalogClient(LocalTarget(catalogue)), Clock())
        for number in range(KEPT + 1):
            await playables.playable(f"film-{number}")
        catalogue.error = ServiceUnavailable("restarts")
        with pytest.raises(ServiceUnavailable):
            await playables.playable("film-0")
        assert (await playables.playable("film-1")).playable_id == "film-1"

    asyncio.run(scene())
