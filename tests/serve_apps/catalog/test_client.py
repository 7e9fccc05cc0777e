import asyncio
from pathlib import Path

import pytest

from cluster.durable import Insert, open_store
from cluster.errors import CorruptData, InvalidInput, PlayableNotFound, ServiceUnavailable, TitleNotFound
from cluster.ids import new_id
from serve_apps.catalog.client import CatalogClient
from serve_apps.catalog.schemas import ARTWORK_NAMES_LIMIT
from serve_apps.catalog.tables import SORT_PREFIX, TITLES, partition_for
from serve_apps.serving import LocalTarget
from tests.serve_apps.catalog.test_pictures import written as picture
from tests.serve_apps.catalog.world import World, candidate, in_world, media, opened, settings_in


def asking(world: World) -> CatalogClient:
    return CatalogClient(LocalTarget(world.catalog))


def test_media_is_attached_once_and_a_newer_version_stays(tmp_path):
    async def run(world: World) -> None:
        title_id = (await world.make())["title_id"]
        catalog = asking(world)
        assert await catalog.live_version(title_id) is None
        first, second = new_id(), new_id()
        await catalog.attach_media(title_id, media(second))
        await catalog.attach_media(title_id, media(second))
        await catalog.attach_media(title_id, media(first))
        assert await catalog.live_version(title_id) == second
        answer = await world.call("GET", f"/{title_id}")
        assert (answer.headers["ETag"], answer.json()["available"], answer.json()["languages"]) == ('"2"', True, ["en"])
        playable = await catalog.playable(title_id)
        assert (playable.kind, playable.published, playable.media) == ("film", True, media(second))

    in_world(tmp_path, run)


def test_two_jobs_that_attach_at_once_both_count(tmp_path):
    async def run(world: World) -> None:
        title_id = (await world.make(kind="series"))["title_id"]
        for number in range(1, 9):
            await world.episode(title_id, 1, number)
        catalog = asking(world)
        await asyncio.gather(*(catalog.attach_media(f"{title_id}-s01e0{number}", media()) for number in range(1, 9)))
        for number in range(1, 9):
            assert await catalog.live_version(f"{title_id}-s01e0{number}")

    in_world(tmp_path, run)


def test_candidates_fill_only_the_artwork_that_a_title_lacks(tmp_path):
    async def run(world: World) -> None:
        title_id = (await world.make())["title_id"]
        catalog = asking(world)
        await catalog.attach_media(title_id, media(), [candidate("poster", "a"), candidate("still", "b"), candidate("still", "c")])
        await catalog.attach_media(title_id, media(), [candidate("poster", "d"), candidate("backdrop", "e")])
        artwork = (await world.get(f"/{title_id}"))["artwork"]
        names = {kind: [image["url"].rsplit("/", 1)[1][0] for image in images] for kind, images in artwork.items()}
        assert names == {"poster": ["a"], "backdrop": ["e"], "still": ["b", "c"]}
        used, unused = f"artwork/{'a' * 64}.jpg", f"artwork/{'d' * 64}.jpg"
        assert await catalog.unused_artwork([used, unused]) == [unused]

    in_world(tmp_path, run)


def test_artwork_is_in_use_wherever_a_title_shows_it_be_it_a_draft(tmp_path):
    async def run(world: World) -> None:
        film = (await world.make(published=False))["title_id"]
        series = (await world.make(kind="series"))["title_id"]
        await world.episode(series, 1, 1, published=False)
        await world.call("PUT", f"/{series}/trailers/1", json={"name": "t", "published": False}, headers={"If-None-Match": "*"})
        put = await world.call("PUT", f"/{film}/artwork/backdrop", content=picture("PNG"), headers={"If-Match": "*"})
        sent = ["artwork/" + image["url"].rpartition("/")[2] for image in put.json()["artwork"]["backdrop"]]
        catalog = asking(world)
        for playable_id, name in ((film, "a"), (f"{series}-s01e01", "b"), (f"{series}-t01", "c")):
            await catalog.attach_media(playable_id, media(), [candidate("still", name)])
        stills = [candidate("still", name).object_name for name in "abc"]
        nobodys = [f"artwork/{number:064x}.jpg" for number in range(ARTWORK_NAMES_LIMIT - len(sent) - len(stills))]
        assert len(sent) == 2
        assert await catalog.unused_artwork([*sent, *stills, *nobodys]) == nobodys
        await world.call("DELETE", f"/{film}/artwork/backdrop", headers={"If-Match": "*"})
        await world.call("DELETE", f"/{series}", headers={"If-Match": "*"})
        assert await catalog.unused_artwork([*sent, *stills]) == [*sent, *stills[1:]]
        with pytest.raises(InvalidInput):
            await catalog.unused_artwork([*sent, *stills, *nobodys, "artwork/one-too-many.jpg"])

    in_world(tmp_path, run)


@pytest.mark.parametrize(("kind", "value"), [("title", {"name": 3}), ("title", {"artwork": "none"}), ("film", {})])
def test_a_damaged_title_can_be_deleted_and_until_then_no_artwork_is_unused(tmp_path, kind, value):
    async def main() -> None:
        damaged, any_version = "b" * 32, {"If-Match": "*"}
        settings = settings_in(tmp_path)
        store = await open_store(settings.store, TITLES)
        await store.batch(partition_for(damaged), [Insert(SORT_PREFIX + damaged, kind, value)])
        await store.close()
        async with opened(settings) as world:
            title_id = (await world.make())["title_id"]
            catalog = asking(world)
            await catalog.attach_media(title_id, media(), [candidate("poster", "a")])
            used, unused = candidate("poster", "a").object_name, candidate("poster", "b").object_name
            assert await catalog.unused_artwork([used, unused]) == []
            with pytest.raises(CorruptData):
                await catalog.live_version(damaged)
            told = await world.call("GET", f"/{damaged}")
            assert (told.status_code, told.json()["type"]) == (500, "urn:matinee:error:corrupt-data")
            assert (await world.call("DELETE", f"/{damaged}", headers={"If-Match": '"2"'})).status_code == 412
            assert (await world.call("DELETE", f"/{damaged}", headers=any_version)).status_code == 204
            assert (await world.call("GET", f"/{damaged}")).status_code == 404
            assert (await world.call("DELETE", f"/{damaged}", headers=any_version)).status_code == 404
            assert await catalog.live_version(damaged) is None
            assert await catalog.unused_artwork([used, unused]) == [unused]
            assert await world.relay() > 0

    asyncio.run(main())


def test_an_episode_knows_its_series_its_still_and_what_follows(tmp_path):
    async def run(world: World) -> None:
        title_id = (await world.make("Harbour", kind="series", maturity=13))["title_id"]
        for season, number in ((1, 1), (1, 2), (2, 1)):
            await world.episode(title_id, season, number)
        catalog = asking(world)
        await catalog.attach_media(f"{title_id}-s01e02", media(), [candidate("still", "b"), candidate("poster", "a")])
        playable = await catalog.playable(f"{title_id}-s01e02")
        assert (playable.title_name, playable.name, playable.season, playable.episode) == ("Harbour", "1x2", 1, 2)
        assert (playable.maturity, playable.next_playable_id) == (13, f"{title_id}-s02e01")
        assert [len(playable.still), len(playable.artwork.poster), len(playable.artwork.still)] == [1, 1, 0]
        assert (await catalog.playable(f"{title_id}-s02e01")).next_playable_id is None

    in_world(tmp_path, run)


def test_a_draft_episode_or_a_draft_title_is_not_published(tmp_path):
    async def run(world: World) -> None:
        title_id = (await world.make(kind="series"))["title_id"]
        await world.episode(title_id, 1, 1, published=False)
        await world.episode(title_id, 1, 2)
        catalog = asking(world)
        assert not (await catalog.playable(f"{title_id}-s01e01")).published
        assert (await catalog.playable(f"{title_id}-s01e02")).published
        await world.call("POST", f"/{title_id}/unpublish")
        assert not (await catalog.playable(f"{title_id}-s01e02")).published

    in_world(tmp_path, run)


def test_what_another_replica_has_just_published_can_be_played_here_at_once(tmp_path):
    async def run(world: World) -> None:
        async with opened(settings_in(tmp_path)) as other:
            title_id = (await world.make(published=False))["title_id"]
            await world.catalog.attach_media(title_id, media())
            await world.relay()
            await world.call("POST", f"/{title_id}/publish")
            playable = await asking(other).playable(title_id)
            assert playable.published and playable.media is not None

    in_world(tmp_path, run)


@pytest.mark.parametrize("playable_id", ["", "x", "../etc", "0" * 32, "0" * 32 + "-s1e1", "0" * 32 + "-s01e01", "0" * 32 + "-t01"])
def test_an_unknown_playable_is_not_found(tmp_path, playable_id):
    async def run(world: World) -> None:
        catalog = asking(world)
        with pytest.raises(PlayableNotFound):
            await catalog.playable(playable_id)
        with pytest.raises(PlayableNotFound):
            await catalog.attach_media(playable_id, media())
        assert await catalog.live_version(playable_id) is None

    in_world(tmp_path, run)


def test_a_deleted_title_has_no_live_version_and_takes_no_media(tmp_path):
    async def run(world: World) -> None:
        title_id = (await world.make())["title_id"]
        catalog = asking(world)
        await catalog.attach_media(title_id, media())
        await world.call("DELETE", f"/{title_id}", headers={"If-Match": "*"})
        assert await catalog.live_version(title_id) is None
        with pytest.raises(PlayableNotFound):
            await catalog.playable(title_id)
        with pytest.raises(PlayableNotFound):
            await catalog.attach_media(title_id, media())

    in_world(tmp_path, run)


def test_a_series_itself_is_no_playable(tmp_path):
    async def run(world: World) -> None:
        title_id = (await world.make(kind="series"))["title_id"]
        with pytest.raises(PlayableNotFound):
            await asking(world).playable(title_id)

    in_world(tmp_path, run)


class LosesFirst(LocalTarget):
    """A target whose replica dies with the first call."""

    lost = False

    async def invoke(self, method: str, /, *args: object) -> object:
        if not self.lost:
            self.lost = True
            raise ServiceUnavailable
        return await super().invoke(method, *args)


def test_a_replica_that_dies_costs_no_failed_call(tmp_path: Path):
    async def run(world: World) -> None:
        title_id = (await world.make())["title_id"]
        assert (await CatalogClient(LosesFirst(world.catalog)).playable(title_id)).title_id == title_id

    in_world(tmp_path, run)


def test_an_outline_has_everything_in_order_with_what_can_be_played_of_it(tmp_path):
    async def run(world: World) -> None:
        film, series = (await world.make())["title_id"], (await world.make(kind="series", maturity=16))["title_id"]
        for season, number in ((2, 1), (1, 2), (1, 1), (0, 1)):
            await world.episode(series, season, number, published=season != 2)
        await world.call("PUT", f"/{series}/trailers/1", json={"name": "t"}, headers={"If-None-Match": "*"})
        catalog = asking(world)
        await catalog.attach_media(f"{series}-s01e01", media())
        found = await catalog.outline(series)
        assert found.maturity == 16
        assert [each.playable_id.removeprefix(series) for each in found.playables] == ["-s00e01", "-s01e01", "-s01e02", "-s02e01", "-t01"]
        assert [(each.kind, each.season, each.episode) for each in found.playables][1::3] == [("episode", 1, 1), ("trailer", None, None)]
        assert [each.published for each in found.playables] == [True, True, True, False, True]
        assert [each.duration_s for each in found.playables] == [None, media().duration_s, None, None, None]
        assert [each.playable_id for each in (await catalog.outline(film)).playables] == [film]
        for title_id in (new_id(), "nothing"):
            with pytest.raises(TitleNotFound):
                await catalog.outline(title_id)

    in_world(tmp_path, run)
