"""What is promoted in the registry is on the page, by the encoder itself; what cannot be served is refused, and what was live stays."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import obstore
import pytest

from cluster.durable import open_objects
from cluster.errors import ModelNotFound, ModelRefused
from cluster.ids import new_id
from serve_apps.recommendations.bundles.entry import object_of
from serve_apps.recommendations.encoder import Encoder
from serve_apps.recommendations.kept_bundles import KeptBundles
from serve_apps.recommendations.live import Live
from tests.serve_apps.catalog.world import eventually
from tests.serve_apps.recommendations.kept import keep, made_bytes
from tests.serve_apps.recommendations.made_models import EncoderTarget
from tests.serve_apps.recommendations.titles import film, place
from tests.serve_apps.recommendations.world import Home, at_home

FILMS = [f"f{number:02d}" for number in range(12)]


def in_scene(tmp_path: Path, run: Callable[[Home, KeptBundles], Awaitable[None]]) -> None:
    """A replica that follows the registry of its catalogue's installation, and an encoder of its own."""

    async def with_home(home: Home) -> None:
        for title_id in FILMS:
            home.service.titles.shelf.put(film(title_id))
        home.playback.watched = [place(FILMS[3])]
        bundles = KeptBundles(home.catalog.settings)
        encoder = Encoder(bundles.sequence_model)
        home.service.live = live = Live(KeptBundles(home.catalog.settings), EncoderTarget(encoder))
        live.following._poll_s = 0.01
        await live.open()
        try:
            await run(home, bundles)
        finally:
            await encoder.close()
            await bundles.close()

    at_home(tmp_path, with_home)


async def told(home: Home) -> tuple[str | None, str]:
    answer = await home.ask()
    assert answer.status_code == 200, answer.text
    return answer.json()["model_version"], answer.json()["fallback"]


async def until_told(home: Home, expected: tuple[str | None, str]) -> None:
    """Ask until a page says that: an encoder in a busy process may be too late for one of them."""
    async with asyncio.timeout(20):
        while await told(home) != expected:  # noqa: ASYNC110
            await asyncio.sleep(0.05)


def live(home: Home) -> str | None:
    assert home.service.live is not None
    model = home.service.live.following.model
    return model.bundle_id if model is not None else None


def test_promotion_after_promotion_is_followed_to_the_page(tmp_path):
    async def run(home: Home, bundles: KeptBundles) -> None:
        assert await told(home) == (None, "trending")
        for seed in (1, 2):
            bundle_id = await keep(home.catalog.settings, made_bytes(FILMS, seed))
            await eventually(lambda bundle_id=bundle_id: live(home) == bundle_id)
            assert await home.service.live._encodings.ready(bundle_id)
            await until_told(home, (bundle_id, "none"))
            assert len(await home.names("top-picks")) == len(FILMS) // 3

    in_scene(tmp_path, run)


def test_bytes_that_were_changed_or_are_gone_are_refused_and_what_is_live_stays(tmp_path):
    async def run(home: Home, bundles: KeptBundles) -> None:
        settings = home.catalog.settings
        objects = open_objects(settings.objects)
        sound = await keep(settings, made_bytes(FILMS))
        await eventually(lambda: live(home) == sound)
        other = await keep(settings, made_bytes(FILMS, 1), promote=False)
        await obstore.put_async(objects, object_of(other), made_bytes(FILMS, 2, other))
        for load in (bundles.model, bundles.sequence_model):
            with pytest.raises(ModelRefused):
                await load(other)
            with pytest.raises(ModelNotFound):
                await load(new_id())
        # It was made live by who did not look, or its bytes rotted since.
        following = home.service.live.following
        following._live = _says(other)
        await eventually(lambda: following._refused == other)
        await until_told(home, (sound, "none"))

    in_scene(tmp_path, run)


def _says(bundle_id: str) -> Callable[[], Awaitable[str]]:
    async def live_id() -> str:
        return bundle_id

    return live_id
