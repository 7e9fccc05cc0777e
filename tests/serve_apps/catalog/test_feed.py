import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from cluster.durable import Insert
from cluster.errors import ServiceUnavailable, TitleNotFound
from cluster.events import CATALOG, Event
from serve_apps.catalog.client import CatalogClient, CatalogFeed
from serve_apps.catalog.record import TitleRecord, TitleState
from serve_apps.catalog.schemas import Title
from serve_apps.catalog.tables import SORT_PREFIX, partition_for
from serve_apps.serving import LocalTarget
from tests.serve_apps.catalog.world import World, eventually, in_world, opened, relaying, settings_in

VISIBLE_WITHIN_S = 2.5


class Names:
    """A shelf of names, and what was done to it."""

    def __init__(self) -> None:
        self.titles: dict[str, Title] = {}
        self.puts = 0

    def put(self, title: Title) -> None:
        if title.name == "Refused":
            raise RuntimeError("This shelf takes everything but this")
        self.puts += 1
        self.titles[title.title_id] = title

    def drop(self, title_id: str) -> None:
        self.titles.pop(title_id, None)

    @property
    def names(self) -> list[str]:
        return sorted(title.name for title in self.titles.values())


class Away:
    """A catalogue that does not answer while the test says so."""

    def __init__(self, catalog: CatalogClient) -> None:
        self.catalog, self.away, self.asked = catalog, True, 0

    async def titles(self, after: str | None) -> tuple[list[TitleState], str | None]:
        self.asked += 1
        if self.away:
            raise ServiceUnavailable
        return await self.catalog.titles(after)


def fed(tmp_path: Path, run: Callable[[World, CatalogFeed[Names]], Awaitable[None]], *titles: dict[str, Any]) -> None:
    """Run with a feed that began when there were these titles."""

    async def with_world(world: World) -> None:
        for title in titles:
            await world.make(**title)
        feed = CatalogFeed(world.settings, CatalogClient(LocalTarget(world.catalog)), Names)
        await feed.open()
        try:
            await run(world, feed)
            await feed.check()
        finally:
            await feed.close()

    in_world(tmp_path, with_world)


def test_all_titles_are_paged_in_however_many_there_are(tmp_path):
    async def run(world: World, feed: CatalogFeed[Names]) -> None:
        assert feed.shelf.names == sorted(f"Film {number}" for number in range(120))
        assert feed.shelf.puts == 120

    fed(tmp_path, run, *({"name": f"Film {number}", "published": number % 2 == 0} for number in range(120)))


def test_a_page_says_what_comes_after_it_and_the_last_one_that_nothing_does(tmp_path):
    async def run(world: World) -> None:
        ids = {(await world.make(f"Film {number}"))["title_id"] for number in range(103)}
        catalog = CatalogClient(LocalTarget(world.catalog))
        seen, after, pages = list[str](), None, 0
        while pages == 0 or after is not None:
            states, after = await catalog.titles(after)
            assert after is None or states[-1].title_id == after
            seen += [state.title_id for state in states]
            pages += 1
        assert (len(seen), set(seen), pages) == (103, ids, 3)
        with pytest.raises(TitleNotFound):
            await catalog.titles("no title")

    in_world(tmp_path, run)


def test_what_is_made_published_and_deleted_is_seen_within_seconds(tmp_path):
    async def run(world: World, feed: CatalogFeed[Names]) -> None:
        async with relaying(world.settings):
            title_id = (await world.make("New", published=False))["title_id"]
            await eventually(lambda: title_id in feed.shelf.titles, VISIBLE_WITHIN_S)
            assert not feed.shelf.titles[title_id].published
            await world.call("POST", f"/{title_id}/publish")
            await eventually(lambda: feed.shelf.titles[title_id].published, VISIBLE_WITHIN_S)
            await world.call("DELETE", f"/{title_id}", headers={"If-Match": "*"})
            await eventually(lambda: title_id not in feed.shelf.titles, VISIBLE_WITHIN_S)
        assert feed.shelf.names == ["Old"]

    fed(tmp_path, run, {"name": "Old"})


def test_draft_episodes_are_left_out(tmp_path):
    async def run(world: World, feed: CatalogFeed[Names]) -> None:
        async with relaying(world.settings):
            title_id = (await world.make("Series", kind="series"))["title_id"]
            await world.episode(title_id, 1, 1)
            await world.episode(title_id, 1, 2, published=False)
            await world.episode(title_id, 1, 3)
            await eventually(lambda: episodes(feed, title_id) == [1, 3])

    fed(tmp_path, run)


def episodes(feed: CatalogFeed[Names], title_id: str) -> list[int]:
    title = feed.shelf.titles.get(title_id)
    return [episode.episode for season in title.seasons for episode in season.episodes] if title is not None else []


def test_a_late_event_brings_nothing_back(tmp_path):
    async def run(world: World, feed: CatalogFeed[Names]) -> None:
        (title_id,) = feed.shelf.titles
        value = TitleRecord(title_id=title_id, kind="film", name="Late").model_dump(mode="json")
        log = world.catalog._log
        await log.append(CATALOG, [Event(CATALOG.name, "title.changed", title_id, 1, 0.0, value)])
        await log.append(CATALOG, [Event(CATALOG.name, "title.deleted", title_id, 5, 0.0, {})])
        await log.append(CATALOG, [Event(CATALOG.name, "title.changed", title_id, 4, 0.0, value)])
        await eventually(lambda: not feed.shelf.titles)
        await log.append(CATALOG, [Event(CATALOG.name, "title.changed", title_id, 6, 0.0, {**value, "name": "Again"})])
        await eventually(lambda: feed.shelf.names == ["Again"])
        assert feed.shelf.puts == 2

    fed(tmp_path, run, {"name": "First"})


def test_a_title_that_the_shelf_cannot_take_hides_no_other(tmp_path):
    async def run(world: World, feed: CatalogFeed[Names]) -> None:
        assert feed.shelf.names == ["First", "Last"]
        async with relaying(world.settings):
            await world.make("Refused")
            await world.make("Newer")
            await eventually(lambda: feed.shelf.names == ["First", "Last", "Newer"])

    fed(tmp_path, run, {"name": "First"}, {"name": "Refused"}, {"name": "Last"})


def test_a_damaged_title_is_left_out(tmp_path):
    async def run(world: World) -> None:
        await world.make("Sound")
        damaged = "b" * 32
        await world.catalog._store.batch(partition_for(damaged), [Insert(SORT_PREFIX + damaged, "title", {"name": 3})])
        feed = CatalogFeed(world.settings, CatalogClient(LocalTarget(world.catalog)), Names)
        await feed.open()
        assert feed.shelf.names == ["Sound"]
        await feed.close()

    in_world(tmp_path, run)


def test_a_replica_that_begins_without_the_catalogue_waits_for_it_and_lives_on(tmp_path):
    async def run(world: World) -> None:
        await world.make("Film")
        away = Away(CatalogClient(LocalTarget(world.catalog)))
        feed = CatalogFeed(world.settings, away, Names, opening_s=0.05)
        await feed.open()
        with pytest.raises(ServiceUnavailable):
            _ = feed.shelf
        await feed.check()
        assert not feed.loaded and away.asked == 1
        away.away = False
        await eventually(lambda: feed.loaded)
        assert feed.shelf.names == ["Film"]
        away.away = True
        async with relaying(world.settings):
            await world.make("While it is away")
            await eventually(lambda: len(feed.shelf.titles) == 2)
        await feed.check()
        await feed.close()

    in_world(tmp_path, run)


def test_it_can_be_closed_before_it_has_anything(tmp_path):
    async def run(world: World) -> None:
        feed = CatalogFeed(world.settings, Away(CatalogClient(LocalTarget(world.catalog))), Names, opening_s=0.01)
        await feed.open()
        await feed.close()

    in_world(tmp_path, run)


def test_what_another_replica_writes_meanwhile_is_not_missed(tmp_path):
    async def main() -> None:
        settings = settings_in(tmp_path)
        async with opened(settings) as world, relaying(settings):
            for number in range(60):
                await world.make(f"Film {number}")
            feed = CatalogFeed(settings, CatalogClient(LocalTarget(world.catalog)), Names)
            opening = asyncio.create_task(feed.open())
            for number in range(60, 80):
                await world.make(f"Film {number}")
            await opening
            await eventually(lambda: len(feed.shelf.titles) == 80)
            await feed.close()

    asyncio.run(main())
