"""Rows by what the log says a profile watched, beside what playback says, and with either alone."""

from __future__ import annotations

import asyncio
from functools import partial
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.processors import PROFILES, LogProcessor
from actors.processors.kept import PROCESSED, Place
from actors.processors.profiles import Play, ProfileState, digest, partition_for
from cluster.durable import Store, open_log, open_store
from cluster.durable.outbox import HINTS
from cluster.errors import StoreUnavailable
from cluster.events import PLAYBACK
from serve_apps.recommendations import policy
from serve_apps.recommendations.profile import ProfileStates
from serve_apps.recommendations.sources import UNPLACED_S, Sources
from serve_apps.recommendations.stock import Known, Stock, known
from tests.actors.processors.test_profiles import started
from tests.serve_apps.recommendations.titles import NOW_S, catalogues, film, place
from tests.serve_apps.recommendations.world import Home, at_home


def state(*plays: tuple[str, float], seen: tuple[str, ...] = ()) -> ProfileState:
    """Return what somebody watched, who began titles so many seconds ago."""
    kept = sorted((Play(title_id, int(NOW_S - ago_s), 50) for title_id, ago_s in plays), key=lambda play: play.begun_at_s)
    return ProfileState(tuple(kept), "".join(map(digest, [*seen, *(play.title_id for play in kept)])))


def because(titles: Stock, sources: Sources) -> dict[str, list[str]]:
    rows = policy.because_rows(titles, sources, NOW_S)
    return {row.row_id: [item.title.title_id for item in row.items] for row in rows}


CRIMES = Stock(known(film(f"crime{number}", genres=["Crime"], age_days=number + 1)) for number in range(12))


def test_a_play_that_has_no_place_yet_makes_a_row_of_what_is_like_it() -> None:
    assert because(CRIMES, Sources([], [])) == {}
    assert because(CRIMES, Sources([], [], state(("crime5", 1)))) == {"because-crime5": ["crime0", "crime1", "crime2", "crime3"]}


def test_nothing_that_was_seen_however_long_ago_is_shown() -> None:
    found = because(CRIMES, Sources([place("crime1")], [], state(("crime5", -1), seen=("crime0", "crime2"))))
    assert found == {"because-crime5": ["crime3", "crime4", "crime6", "crime7"]}


def test_of_a_state_that_is_behind_the_places_come_first() -> None:
    watched = [place("crime1")]
    assert next(iter(because(CRIMES, Sources(watched, [], state(("crime5", 1)))))) == "because-crime1"
    assert next(iter(because(CRIMES, Sources(watched, [], state(("crime5", -1)))))) == "because-crime5"


def test_what_was_taken_off_the_history_is_not_named() -> None:
    old = state(("crime5", UNPLACED_S + 1))
    assert because(CRIMES, Sources([], [], old)) == {}
    assert because(CRIMES, Sources([place("crime5")], [], old)).keys() == {"because-crime5"}
    assert because(CRIMES, Sources(None, [], old)).keys() == {"because-crime5"}  # playback is away: nobody knows better


def test_without_the_state_the_rows_are_those_of_the_places() -> None:
    watched = [place("crime5", finished=True)]
    assert because(CRIMES, Sources(watched, [], None)) == because(CRIMES, Sources(watched, [], ProfileState())) != {}


@given(catalogues(), st.data())
def test_a_page_shows_what_there_is_once_and_recommends_nothing_that_was_seen(titles: list[Known], data: st.DataObject) -> None:
    ids = st.sampled_from([title.title_id for title in titles] or ["none"])
    plays = data.draw(st.lists(st.tuples(ids, st.integers(0, 10**6)), max_size=10))
    watched = data.draw(st.none() | st.lists(ids, max_size=5, unique=True).map(lambda found: [place(each) for each in found]))
    sources = Sources(watched, [], data.draw(st.none() | st.just(state(*plays, seen=("t1", "t2")))))
    stock = Stock(titles)
    page = policy.home(stock, sources, "profile", NOW_S)
    assert bool(page.rows) >= bool(stock.playable)
    told = [item.title.title_id for row in page.rows if row.kind == "because" for item in row.items]
    assert len(told) == len(set(told)) <= len(stock.playable) // 3
    assert not any(map(sources.seen(), told))
    assert {row.row_id.removeprefix("because-") for row in page.rows if row.kind == "because"} <= set(sources.begun(NOW_S))


def test_a_play_in_the_log_is_on_the_page_as_far_as_a_profile_may_see(tmp_path: Path) -> None:
    async def run(home: Home) -> None:
        settings = home.catalog.settings
        ids = await asyncio.gather(*(home.make(f"Film {n}", genres=["Crime"], maturity=18 if n == 11 else 0) for n in range(12)))
        log = await open_log(settings.log)
        now_s = home.service.popular._now_s()
        claims = {bearer: await home.gate.admit(bearer) for bearer in ("adult", "kid")}
        for version, (bearer, caller) in enumerate(claims.items(), 1):
            profile_id = str(caller.profile_id)
            assert f"because-{ids[0]}" not in await home.rows(bearer)
            await log.append(PLAYBACK, [started(version, ids[0], now_s, profile_id, caller.account_id)])
        await log.close()
        processor = LogProcessor(
            PROFILES,
            partial(open_store, settings.store, PROCESSED),
            partial(open_store, settings.store, HINTS),
            partial(open_log, settings.log),
        )
        assert await processor.run_once() == 2
        await processor.close()
        assert "Film 11" in await home.names(f"because-{ids[0]}", "adult")
        kids = await home.names(f"because-{ids[0]}", "kid")
        assert len(kids) >= 3
        assert "Film 11" not in kids

    at_home(tmp_path, run)


@pytest.mark.parametrize("trouble", ["away", "hangs", "garbage"])
def test_a_state_that_cannot_be_read_costs_nothing_but_itself(tmp_path: Path, trouble: str) -> None:
    async def run(home: Home) -> None:
        ids = await asyncio.gather(*(home.make(f"Film {number}", genres=["Crime"]) for number in range(9)))
        home.playback.watched = [place(ids[0], finished=True)]
        expected = await home.rows()
        assert f"because-{ids[0]}" in expected
        caller = await home.gate.admit("adult")
        store = await open_store(home.catalog.settings.store, PROCESSED)

        async def opened() -> Store:
            if trouble == "away":
                raise StoreUnavailable
            if trouble == "hangs":
                await home.never()
            return store

        if trouble == "garbage":
            name, sort = f"{PROFILES.name}/{partition_for(caller.account_id):03d}", Place().row_sort(str(caller.profile_id))
            await store.put_if_absent(name, sort, "rows", {"plays": "none"})
        await home.service.states.close()
        home.service.states = ProfileStates(opened)
        assert await home.rows() == expected
        if trouble != "garbage":
            await store.close()

    at_home(tmp_path, run)
