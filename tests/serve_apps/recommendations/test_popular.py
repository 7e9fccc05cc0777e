"""What is popular is what sessions told of, faded, as far as a profile may see it."""

from __future__ import annotations

from functools import partial

from actors.processors import PLAYS, LogProcessor
from actors.processors.kept import PROCESSED
from actors.processors.plays import DAY_S
from cluster.durable import open_log, open_store
from cluster.durable.outbox import HINTS
from cluster.errors import StoreUnavailable
from cluster.events import PLAYBACK, Event
from serve_apps.catalog.client import CatalogClient
from serve_apps.recommendations.popular import Popular, score_of
from serve_apps.serving import LocalTarget
from tests.clock import Clock
from tests.serve_apps.catalog.world import eventually, media
from tests.serve_apps.recommendations.world import Home, at_home


def test_a_day_weighs_less_the_longer_it_is_ago():
    assert score_of({"days": {"100": [3, 1]}}, 100) == 4.0
    assert score_of({"days": {"94": [7, 0]}}, 100) == 1.0
    assert score_of({"days": {"93": [7, 0], "50": [7, 0]}}, 100) == 0.0
    assert score_of({"days": {"101": [1, 0]}}, 100) == 1.0  # another machine's clock


def test_what_was_played_is_popular_but_for_those_who_may_not_see_it(tmp_path):
    async def run(home: Home) -> None:
        settings, catalog = home.catalog.settings, CatalogClient(LocalTarget(home.catalog.catalog))
        ids = [await home.make(f"Film {number}", maturity=18 if number == 0 else 0) for number in range(14)]
        for title_id in ids:
            await catalog.attach_media(title_id, media())
        await eventually(lambda: all(known.parts for known in home.service.titles.shelf._titles.values()))
        log = await open_log(settings.log)
        plays = [title_id for number, title_id in enumerate(ids[:4]) for _ in range(9 - number)]
        await log.append(
            PLAYBACK,
            [
                Event(PLAYBACK.name, "session.started", f"a{at}", 1, home.service.popular._now_s(), {"title_id": title_id, "kind": "film"})
                for at, title_id in enumerate(plays)
            ],
        )
        await log.close()
        processor = LogProcessor(
            PLAYS,
            partial(open_store, settings.store, PROCESSED),
            partial(open_store, settings.store, HINTS),
            partial(open_log, settings.log),
        )
        assert await processor.run_once() == len(plays)
        await processor.close()
        assert await home.names("popular") == []
        await home.service.popular.refresh()
        assert await home.names("popular") == ["Film 0", "Film 1", "Film 2", "Film 3"]
        assert await home.names("popular", "kid") == ["Film 1", "Film 2", "Film 3"]

    at_home(tmp_path, run)


def test_it_fades_and_stays_as_it_was_while_the_store_is_away(tmp_path):
    clock = Clock(100 * DAY_S)

    async def run(home: Home) -> None:
        store = await open_store(home.catalog.settings.store, PROCESSED, clock)
        await store.put_if_absent("plays/003", "rows/000000/t", "rows", {"days": {"100": [2, 0]}})
        await store.put_if_absent("plays/004", "rows/000000/t", "rows", {"days": {"99": [0, 7]}})
        away = False

        async def opened():
            if away:
                raise StoreUnavailable
            return store

        popular = Popular(opened, clock, refresh_s=0.001)
        away = True
        popular.open()
        await eventually(lambda: popular._task is not None and not popular._task.done())
        away = False
        await eventually(lambda: popular.scores == {"t": 8.0})
        clock.advance(DAY_S)
        await eventually(lambda: popular.scores == {"t": (2 * 6 + 7 * 5) / 7})
        clock.advance(7 * DAY_S)
        await eventually(lambda: popular.scores == {})
        await popular.close()

    at_home(tmp_path, run)
