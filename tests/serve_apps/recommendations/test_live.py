"""A page tells of the model that picked for it; a promotion changes the next page and fails none."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

from serve_apps.recommendations.live import Live
from serve_apps.recommendations.live_model import LiveModel
from tests.serve_apps.catalog.world import eventually
from tests.serve_apps.recommendations.made_models import MadeBundles, MadeEncoder, live_model
from tests.serve_apps.recommendations.titles import film, place
from tests.serve_apps.recommendations.world import Home, at_home


class Scene:
    """Some films that can be played, of which a model knows; one was watched."""

    def __init__(self, home: Home, bundles: MadeBundles, encoder: MadeEncoder) -> None:
        self.home, self.bundles, self.encoder = home, bundles, encoder
        self.films = [f"f{number:02d}" for number in range(12)]
        for title_id in self.films:
            home.service.titles.shelf.put(film(title_id))
        home.playback.watched = [place(self.films[3])]

    async def promote(self, model: LiveModel | Exception, bundle_id: str) -> None:
        self.bundles.models[bundle_id], self.bundles.live = model, bundle_id
        following = self.home.service.live.following
        await eventually(
            lambda: following._refused == bundle_id or (following.model is not None and following.model.bundle_id == bundle_id)
        )

    async def page(self) -> tuple[str | None, str, list[str]]:
        answer = await self.home.ask()
        assert answer.status_code == 200, answer.text
        told = answer.json()
        top = [item["title"]["title_id"] for row in told["rows"] if row["kind"] == "top-picks" for item in row["items"]]
        return told["model_version"], told["fallback"], top


def in_scene(tmp_path: Path, run: Callable[[Scene], Awaitable[None]]) -> None:
    bundles = MadeBundles()
    encoder = MadeEncoder(bundles)
    live = Live(bundles, encoder)
    live.following._poll_s = 0.01

    async def with_home(home: Home) -> None:
        await run(Scene(home, bundles, encoder))

    at_home(tmp_path, with_home, live)


def test_a_page_says_who_picks_from_no_model_to_another_bundle_and_a_bad_one(tmp_path):
    async def run(scene: Scene) -> None:
        assert await scene.page() == (None, "trending", [])
        assert (await scene.home.ask(f"/similar/{scene.films[0]}")).json()["model_version"] is None

        await scene.promote(live_model(scene.films, "one"), "one")
        assert (await scene.page())[:2] == ("one", "none")
        scene.encoder.away = True
        scene.home.playback.watched = [place(scene.films[7])]
        version, fallback, top = await scene.page()
        assert (version, fallback) == ("one", "ease")
        assert top == []  # it names two: too few for a row
        scene.encoder.away = False
        assert (await scene.page())[:2] == ("one", "none")
        await scene.promote(ValueError("NaN"), "bad")
        assert (await scene.page())[:2] == ("one", "none")
        similar = (await scene.home.ask(f"/similar/{scene.films[0]}")).json()
        assert similar["model_version"] == "one"
        assert {card["title_id"] for card in similar["items"]} >= {scene.films[1], scene.films[2]}

    in_scene(tmp_path, run)


def test_while_bundles_are_promoted_no_page_fails_and_each_is_of_one_bundle(tmp_path):
    async def run(scene: Scene) -> None:
        models = {name: live_model(scene.films, name, seed) for seed, name in enumerate(("one", "two", "three"))}
        await scene.promote(models["one"], "one")
        pages: list[tuple[str | None, str, list[str]]] = []
        stop = asyncio.Event()

        async def load() -> None:
            while not stop.is_set():
                pages.append(await scene.page())

        loading = [asyncio.create_task(load()) for _ in range(4)]
        for name in ("two", "three", "one", "two"):
            await scene.promote(models[name], name)
            await eventually(lambda name=name: pages and pages[-1][0] == name)
        stop.set()
        await asyncio.gather(*loading)
        by_bundle = {version: {tuple(top) for each, fallback, top in pages if each == version and fallback == "none"} for version in models}
        assert all(len(tops) == 1 for tops in by_bundle.values())
        assert len(set(map(frozenset, by_bundle.values()))) > 1

    in_scene(tmp_path, run)


def test_a_model_that_breaks_a_promise_costs_the_picks_and_not_the_page(tmp_path):
    async def run(scene: Scene) -> None:
        sound = live_model(scene.films, "one")
        await scene.promote(LiveModel("one", sound.item_ids, sound.vector_ID, sound.neighbour_IK + 1000, sound.weight_IK[:2]), "one")
        scene.encoder.away = True
        assert await scene.page() == ("one", "trending", [])

    in_scene(tmp_path, run)
