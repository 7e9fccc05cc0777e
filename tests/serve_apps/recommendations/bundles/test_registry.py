"""The life of models: candidate, live, previous; nothing that cannot be served becomes live."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cluster.durable import open_objects, open_store
from cluster.errors import MatineeError, ModelExists, ModelNotFound, ModelNotPromotable, ModelRefused, NoPreviousModel
from models.about import Verdict
from models.bundle import encode
from serve_apps.recommendations.bundles.entry import ModelState
from serve_apps.recommendations.bundles.registry import ModelRegistry
from serve_apps.recommendations.tables import MODELS
from tests.clock import Clock
from tests.models.bundles import bundle

ONE, TWO, THREE = (f"{number:032x}" for number in (1, 2, 3))
DATA = {each: encode(bundle(number)) for number, each in enumerate((ONE, TWO, THREE), start=1)}


def judged(*, accepted: bool = True, against: str | None = None) -> Verdict:
    reason = "It is not worse." if accepted else "It is worse than popularity."
    return Verdict(
        accepted=accepted, reason=reason, metric="NDCG@10", differences={"popularity": (0.1, 0.0, 0.2)}, against_bundle_id=against
    )


def told(folder: Path, story: Callable[[ModelRegistry, Path], Awaitable[None]]) -> None:
    """Tell a story of a registry and the folder of its objects."""

    async def telling() -> None:
        store = await open_store(f"sqlite:{folder / 'store'}", MODELS)
        registry = ModelRegistry(store, open_objects(f"file:{folder / 'objects'}"), Clock())
        try:
            await story(registry, folder / "objects" / "models")
        finally:
            await registry.close()

    asyncio.run(telling())


async def states(registry: ModelRegistry) -> dict[str, ModelState]:
    return {entry.bundle_id: entry.state for entry in await registry.entries()}


def test_from_candidate_to_live_to_previous_and_back(tmp_path: Path) -> None:
    async def story(registry: ModelRegistry, objects: Path) -> None:
        assert (await registry.live(), await registry.previous(), await registry.entries()) == (None, None, [])
        one = await registry.add(DATA[ONE], judged())
        assert (one.state, one.bytes, one.about, one.verdict) == (ModelState.CANDIDATE, len(DATA[ONE]), bundle(1).about, judged())
        assert await registry.live_id() is None
        assert (await registry.promote(ONE)).state is ModelState.LIVE
        await registry.add(DATA[TWO], judged(against=ONE))
        await registry.promote(TWO)
        assert await states(registry) == {TWO: ModelState.LIVE, ONE: ModelState.PREVIOUS}
        assert [entry.bundle_id for entry in await registry.entries()] == [TWO, ONE]
        assert (await registry.fetch(TWO)).item_ids == bundle(2).item_ids
        assert (await registry.rollback()).bundle_id == ONE
        assert await states(registry) == {TWO: ModelState.CANDIDATE, ONE: ModelState.LIVE}
        with pytest.raises(NoPreviousModel):
            await registry.rollback()  # a second time does not bring back what was just left
        assert await registry.live_id() == ONE

    told(tmp_path, story)


def test_what_is_done_twice_is_done_once(tmp_path: Path) -> None:
    async def story(registry: ModelRegistry, objects: Path) -> None:
        first = await registry.add(DATA[ONE], judged())
        assert await registry.add(DATA[ONE], judged()) == first
        await registry.promote(ONE)
        await registry.add(DATA[TWO], judged(against=ONE))
        await registry.promote(TWO)
        assert (await registry.promote(TWO)).state is ModelState.LIVE  # its verdict is beside ONE, but this is no change
        previous = await registry.previous()
        assert previous is not None
        assert previous.bundle_id == ONE

    told(tmp_path, story)


def test_an_id_has_one_model(tmp_path: Path) -> None:
    async def story(registry: ModelRegistry, objects: Path) -> None:
        await registry.add(DATA[ONE], judged())
        with pytest.raises(ModelExists):
            await registry.add(encode(bundle(2, bundle_id=ONE)), judged())
        assert (await registry.fetch(ONE)).about == bundle(1).about

    told(tmp_path, story)


def test_the_gate_is_heeded_unless_by_force(tmp_path: Path) -> None:
    async def story(registry: ModelRegistry, objects: Path) -> None:
        refused = await registry.add(DATA[ONE], judged(accepted=False))
        assert refused.state is ModelState.REFUSED
        with pytest.raises(ModelNotPromotable, match="It is worse than popularity"):
            await registry.promote(ONE)
        assert await registry.live_id() is None
        assert (await registry.promote(ONE, force=True)).state is ModelState.LIVE

    told(tmp_path, story)


def test_a_verdict_beside_another_live_model_is_stale(tmp_path: Path) -> None:
    async def story(registry: ModelRegistry, objects: Path) -> None:
        await registry.add(DATA[ONE], judged())
        await registry.add(DATA[TWO], judged())
        await registry.promote(ONE)
        with pytest.raises(ModelNotPromotable, match=f"judged while no model was live, and today {ONE} is live"):
            await registry.promote(TWO)
        await registry.promote(TWO, force=True)
        await registry.add(DATA[THREE], judged(against=ONE))
        with pytest.raises(ModelNotPromotable, match=f"judged beside {ONE}, and today {TWO} is live"):
            await registry.promote(THREE)

    told(tmp_path, story)


def test_a_model_that_is_not_there_is_said(tmp_path: Path) -> None:
    async def story(registry: ModelRegistry, objects: Path) -> None:
        for bundle_id in (ONE, "", "../../etc", "a\0", "x" * 5000):
            for act in (registry.entry, registry.fetch, registry.promote):
                with pytest.raises(ModelNotFound):
                    await act(bundle_id)

    told(tmp_path, story)


def test_bytes_that_cannot_be_served_are_not_kept(tmp_path: Path) -> None:
    async def story(registry: ModelRegistry, objects: Path) -> None:
        with pytest.raises(ModelRefused) as refused:
            await registry.add(DATA[ONE][:-1] + b"?", judged())
        assert refused.value.fields["fault"] == "checksum"
        assert await registry.entries() == []
        assert not objects.exists()

    told(tmp_path, story)


def test_what_broke_since_it_was_added_never_becomes_live(tmp_path: Path) -> None:
    async def story(registry: ModelRegistry, objects: Path) -> None:
        await registry.add(DATA[ONE], judged())
        await registry.promote(ONE)
        await registry.add(DATA[TWO], judged(against=ONE))
        kept = objects / f"{TWO}.safetensors"
        for broken in (DATA[TWO][:-5], b"\x80\x05N.", encode(bundle(3, bundle_id=TWO)), b""):
            kept.write_bytes(broken)
            for force in (False, True):
                with pytest.raises(ModelRefused) as refused:
                    await registry.promote(TWO, force=force)
                assert refused.value.fields["fault"] == "checksum"
        kept.unlink()
        with pytest.raises(ModelNotFound, match="are gone"):
            await registry.promote(TWO)
        assert await registry.live_id() == ONE
        kept.write_bytes(DATA[TWO])
        await registry.promote(TWO)
        (objects / f"{ONE}.safetensors").unlink()
        with pytest.raises(ModelNotFound):
            await registry.rollback()
        assert await registry.live_id() == TWO

    told(tmp_path, story)


def test_of_two_at_once_each_sees_what_the_other_did(tmp_path: Path) -> None:
    async def story(registry: ModelRegistry, objects: Path) -> None:
        await registry.add(DATA[ONE], judged())
        await registry.add(DATA[TWO], judged())
        done = await asyncio.gather(registry.promote(ONE), registry.promote(TWO), return_exceptions=True)
        assert sorted(type(each).__name__ for each in done) == ["ModelEntry", "ModelNotPromotable"]
        assert (await registry.life()).previous is None

    told(tmp_path, story)


def test_the_oldest_go_and_never_the_live_or_the_previous_one(tmp_path: Path) -> None:
    ids = [f"{number:032x}" for number in range(1, 8)]

    async def story() -> None:
        store, clock = await open_store(f"sqlite:{tmp_path / 'store'}", MODELS), Clock(time.time())
        registry = ModelRegistry(store, open_objects(f"file:{tmp_path / 'objects'}"), clock, keep=2)
        for number, bundle_id in enumerate(ids):
            await registry.add(encode(bundle(number, bundle_id=bundle_id)), judged())
            clock.advance(1)
            if number < 2:
                await registry.promote(bundle_id, force=True)
        assert [entry.bundle_id for entry in await registry.entries()] == [ids[6], ids[5], ids[1], ids[0]]
        files = tmp_path / "objects" / "models"
        assert sorted(path.stem for path in files.iterdir()) == [ids[0], ids[1], ids[5], ids[6]]
        with pytest.raises(ModelNotFound):
            await registry.promote(ids[2], force=True)
        # Bytes that were put before a row that never came stay for a day.
        (files / "unnamed.safetensors").write_bytes(b"x")
        await registry.add(encode(bundle(6, bundle_id=ids[6])), judged())
        assert (files / "unnamed.safetensors").exists()
        clock.advance(90_000)
        await registry.add(encode(bundle(6, bundle_id=ids[6])), judged())
        assert sorted(path.stem for path in files.iterdir()) == [ids[0], ids[1], ids[5], ids[6]]
        await registry.close()

    asyncio.run(story())


class Lives:
    """What the registry should do, in a few lines."""

    def __init__(self) -> None:
        self.verdicts: dict[str, Verdict] = {}
        self.live: str | None = None
        self.previous: str | None = None

    def promote(self, bundle_id: str, force: bool) -> bool:
        verdict = self.verdicts.get(bundle_id)
        if verdict is None:
            return False
        if self.live == bundle_id:
            return True
        if not force and not (verdict.accepted and verdict.against_bundle_id == self.live):
            return False
        self.live, self.previous = bundle_id, self.live
        return True

    def rollback(self) -> bool:
        if self.previous is None:
            return False
        self.live, self.previous = self.previous, None
        return True


IDS = st.sampled_from([ONE, TWO, THREE])
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("add"), IDS, st.booleans()),
        st.tuples(st.just("promote"), IDS, st.booleans()),
        st.tuples(st.just("rollback"), IDS, st.booleans()),
    ),
    max_size=8,
)


@given(STEPS)
@settings(max_examples=12)
def test_any_life_is_that_of_the_model(tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, str, bool]]) -> None:
    folder = tmp_path_factory.mktemp("life")

    async def lived(registry: ModelRegistry, objects: Path) -> None:
        lives = Lives()
        for step, bundle_id, yes in steps:
            try:
                if step == "add":
                    verdict = lives.verdicts.get(bundle_id, judged(accepted=yes, against=lives.live))
                    lives.verdicts[bundle_id] = (await registry.add(DATA[bundle_id], verdict)).verdict
                    expected = True
                elif step == "promote":
                    expected = lives.promote(bundle_id, yes)
                    await registry.promote(bundle_id, force=yes)
                else:
                    expected = lives.rollback()
                    await registry.rollback()
            except MatineeError:
                assert not expected
            else:
                assert expected
            life = await registry.life()
            assert (life.live, life.previous) == (lives.live, lives.previous)

    told(folder, lived)
