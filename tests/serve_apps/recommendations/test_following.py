"""What is live is swapped in once it is found good; what is bad is told of, and changes nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from cluster.errors import StoreUnavailable
from serve_apps.recommendations.following import Following
from serve_apps.recommendations.live_model import LiveModel
from tests.serve_apps.catalog.world import eventually
from tests.serve_apps.recommendations.made_models import MadeBundles, live_model

ONE, TWO = live_model(["a", "b"], "one"), live_model(["a", "b"], "two")


class Scene:
    def __init__(self, bundles: MadeBundles) -> None:
        self.bundles, self.prepared = bundles, list[tuple[str, str | None]]()
        self.following: Following[LiveModel] = Following(bundles.live_id, bundles.model, self.prepare, poll_s=0.001)

    async def prepare(self, bundle_id: str) -> None:
        self.prepared.append((bundle_id, self.live))

    @property
    def live(self) -> str | None:
        return self.following.model.bundle_id if self.following.model else None


def in_scene(run: Callable[[Scene], Awaitable[None]], **models: LiveModel | Exception) -> None:
    asyncio.run(run(Scene(MadeBundles(**models))))


def test_promotion_and_rollback_are_followed_and_the_encoder_is_there_before_the_swap():
    async def run(scene: Scene) -> None:
        for live in (None, "one", "one", "two", "one", None):
            scene.bundles.live = live
            await scene.following.refresh()
            assert scene.live == live
        # The first is better at once, with what can be said without an encoder.
        assert scene.prepared == [("one", "one"), ("two", "one"), ("one", "two")]
        assert scene.bundles.loads == ["one", "two", "one"]

    in_scene(run, one=ONE, two=TWO)


@pytest.mark.parametrize("wrong", [ValueError("NaN"), ModuleNotFoundError("numpy"), MemoryError()])
def test_a_bundle_that_is_refused_is_read_once_and_the_one_before_stays(wrong):
    async def run(scene: Scene) -> None:
        for live in ("one", "bad", "bad", "one", "bad", "two"):
            scene.bundles.live = live
            await scene.following.refresh()
            assert scene.live == ("one" if live == "bad" else live)
        assert scene.bundles.loads.count("bad") == 1
        assert "bad" not in [bundle_id for bundle_id, _ in scene.prepared]

    in_scene(run, one=ONE, two=TWO, bad=wrong)


def test_one_that_is_out_of_reach_is_tried_again_and_following_goes_on():
    async def run(scene: Scene) -> None:
        scene.bundles.live = "one"
        scene.following.open()
        await eventually(lambda: scene.live == "one")
        scene.bundles.live = "two"
        await eventually(lambda: scene.bundles.loads.count("two") > 2)
        assert scene.live == "one"
        scene.bundles.models["two"] = TWO
        await eventually(lambda: scene.live == "two")
        await scene.following.close()

    in_scene(run, one=ONE, two=StoreUnavailable())
