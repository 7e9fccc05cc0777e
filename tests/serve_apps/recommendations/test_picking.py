"""What models pick: of what a caller sees, never of what was seen; by the encoder, else by EASE, else by nobody; always a page."""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from collections.abc import Sequence

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.processors.profiles import Play, ProfileState, digest
from cluster.resilience import Caller
from cluster.resilience.breaker import Breaker
from serve_apps.catalog.client import Sight
from serve_apps.recommendations import policy
from serve_apps.recommendations.encoding import Encodings
from serve_apps.recommendations.live_model import LiveModel
from serve_apps.recommendations.picking import Picking
from serve_apps.recommendations.schemas import Home
from serve_apps.recommendations.sources import Picks, Sources
from serve_apps.recommendations.stock import Shelf, Stock
from tests.serve_apps.recommendations.made_models import MadeBundles, MadeEncoder, live_model
from tests.serve_apps.recommendations.titles import NOW_S, film, place

TITLES = [f"t{number:02d}" for number in range(40)]
MODEL = live_model([*TITLES[:36], "gone"], "one")
PATIENT_S = 5.0


def shelf(titles: Sequence[str] = TITLES, **fields: object) -> Shelf:
    made = Shelf()
    for number, title_id in enumerate(titles):
        made.put(film(title_id, age_days=number, genres=[f"Genre {number % 3}"], maturity=18 if number % 4 == 0 else 0, **fields))
    return made


STOCK = shelf().stock(Sight(18, drafts=False))


def watched(*title_ids: str, known_s: float = 1000.0) -> Sources:
    """Return what a profile began, one after the other."""
    plays = tuple(Play(title_id, int(NOW_S - known_s) + at, 50) for at, title_id in enumerate(title_ids))
    return Sources([place(title_id) for title_id in reversed(title_ids)], [], ProfileState(plays, "".join(map(digest, title_ids))))


class Asked:
    """The picking of one replica, and the encoder that it asks."""

    def __init__(self, *models: LiveModel, encode_s: float = PATIENT_S) -> None:
        self.encoder = MadeEncoder(MadeBundles(**{model.bundle_id: model for model in models or (MODEL,)}))
        self.encodings = Encodings(self.encoder, encode_s=encode_s)
        self.picking = Picking(self.encodings)

    async def picks(self, sources: Sources, stock: Stock = STOCK, model: LiveModel = MODEL) -> Picks:
        return await self.picking.picks(model, stock, sources, NOW_S)


def picks(sources: Sources, stock: Stock = STOCK, model: LiveModel = MODEL, *, away: bool = False) -> Picks:
    async def main() -> Picks:
        asked = Asked(model)
        asked.encoder.away = away
        try:
            return await asked.picks(sources, stock, model)
        finally:
            await asked.encodings.close()

    return asyncio.run(main())


def page(stock: Stock, sources: Sources, picked: Picks) -> Home:
    return policy.home(stock, sources, "profile", NOW_S, {}, picked)


def ids(home: Home, kind: str) -> list[str]:
    return [item.title.title_id for row in home.rows if row.kind == kind for item in row.items]


@st.composite
def scenes(draw: st.DrawFn):
    """A vocabulary, a catalogue that knows some of it, a caller's cap, and what was watched of both."""
    made = Shelf()
    for title_id in draw(st.lists(st.sampled_from(TITLES), unique=True, max_size=30)):
        ready, published, maturity = draw(st.booleans()), draw(st.integers(0, 4)) > 0, draw(st.sampled_from((0, 6, 12, 18)))
        made.put(film(title_id, ready=ready, published=published, maturity=maturity, age_days=draw(st.integers(0, 99))))
    vocabulary = draw(st.lists(st.sampled_from([*TITLES, "gone"]), unique=True, min_size=3))
    title_ids = draw(st.lists(st.sampled_from(TITLES), unique=True, max_size=12))
    forgotten = draw(st.sets(st.sampled_from(TITLES), max_size=5))
    told = watched(*title_ids)
    assert told.state is not None
    state = ProfileState(told.state.plays, told.state.seen + "".join(map(digest, sorted(forgotten))))
    sources = Sources(draw(st.sampled_from((told.watched, None))), [], draw(st.sampled_from((state, None))))
    return made, live_model(vocabulary), draw(st.sampled_from((0, 6, 12, 18))), sources, draw(st.booleans())


@given(scenes())
def test_nothing_is_picked_that_a_caller_may_not_see_or_has_seen_nor_twice(scene):
    made, model, cap, sources, away = scene
    stock = made.stock(Sight(cap, drafts=False))
    picked = picks(sources, stock, model, away=away)
    seen = sources.seen()
    visible = {title.title_id for title in stock.playable}
    assert set(picked.title_ids) <= visible
    assert all(stock.by_id[title_id].card.maturity <= cap and stock.by_id[title_id].card.published for title_id in picked.title_ids)
    assert not [title_id for title_id in picked.title_ids if seen(title_id)]
    assert len(set(picked.title_ids)) == len(picked.title_ids) <= policy.ROW_LIMIT
    assert (picked.fallback == "trending") == (not picked.title_ids)
    home = page(stock, sources, picked)
    shown = [item.title.title_id for row in home.rows if row.kind not in {"continue", "list"} for item in row.items]
    assert [title_id for title_id, times in Counter(shown).items() if times > 1] == []
    assert set(shown) <= visible
    assert bool(shown) == bool(visible)


def test_a_kids_profile_sees_no_title_over_its_cap_on_10_000_pages_whoever_picks():
    chance = random.Random(6)
    asked = Asked()
    asked.encodings._encodes = Caller("encoder", timeout_s=PATIENT_S, breaker=Breaker(min_calls=10**9))

    async def main() -> None:
        for _ in range(100):
            made = Shelf()
            for title_id in chance.sample(TITLES, 30):
                genres, maturity = [f"Genre {chance.randrange(3)}"], chance.choice((0, 6, 12, 16, 18))
                made.put(film(title_id, maturity=maturity, published=chance.random() < 0.9, age_days=chance.randrange(99), genres=genres))
            stock, over = made.stock(Sight(6, drafts=False)), {f for f in TITLES if f in made and made._titles[f].card.maturity > 6}
            for _ in range(100):
                # What a profile watched before its cap was lowered counts, and is not shown.
                sources = watched(*chance.sample(TITLES, chance.randrange(8)))
                asked.encoder.away = chance.random() < 0.3
                home = page(stock, sources, await asked.picks(sources, stock))
                shown = {item.title.title_id for row in home.rows for item in row.items}
                assert not shown & over
                assert home.hero is None or home.hero.title.title_id not in over
                assert all(title.card.title_id not in over for title in asked.picking.alike(MODEL, stock, stock.playable[0]))
        await asked.encodings.close()

    asyncio.run(main())


# --- who picks


def test_the_encoder_picks_after_continue_watching_and_says_what_a_pick_is_like():
    sources = watched("t01", "t02")
    home = page(STOCK, sources, picks(sources))
    assert (home.fallback, home.model_version) == ("none", "one")
    assert [row.kind for row in home.rows][:2] == ["continue", "top-picks"]
    (row,) = [row for row in home.rows if row.kind == "top-picks"]
    assert (row.label, row.model_version, row.fallback) == ("Top picks", "one", False)
    assert {item.reason for item in row.items} <= {"Like Name of t01", "Like Name of t02"}
    score_I = MODEL.vector_ID @ MODEL.vector_ID[2]
    allowed = [item for item in range(36) if item not in {1, 2}]
    assert row.items[0].title.title_id == TITLES[max(allowed, key=lambda item: score_I[item])]


def test_the_rest_of_the_page_knows_the_version_where_the_model_had_a_say():
    sources = watched("t01", "t02")
    rows = {row.kind: row for row in page(STOCK, sources, picks(sources)).rows}
    assert (rows["because"].model_version, rows["because"].fallback) == ("one", False)
    assert (rows["new"].model_version, rows["new"].fallback) == (None, True)


@pytest.mark.parametrize("trouble", ["away", "hangs"])
def test_an_encoder_that_does_not_answer_leaves_the_picks_to_ease_and_is_not_waited_for(trouble):
    async def main() -> None:
        asked = Asked(encode_s=0.05)
        setattr(asked.encoder, trouble, True)
        began_s = time.monotonic()
        for _ in range(40):
            picked = await asked.picks(watched("t03", "t07"))
            assert (picked.fallback, picked.model_version) == ("ease", "one")
            assert set(picked.title_ids) == {"t04", "t05", "t08", "t09"}
        # The breaker opens after some: what is known to fail is not waited for again and again.
        assert time.monotonic() - began_s < 20 * 0.05
        await asked.encodings.close()

    asyncio.run(main())


def test_an_encoder_that_comes_back_picks_again():
    async def main() -> None:
        asked = Asked(encode_s=0.05)
        asked.encoder.away = True
        assert (await asked.picks(watched("t03"))).fallback == "ease"
        asked.encoder.away = False
        assert (await asked.picks(watched("t03"))).fallback == "none"
        await asked.encodings.close()

    asyncio.run(main())


def test_ease_names_the_likest_first_and_the_newest_of_a_history_counts_most():
    score_I = MODEL.ease_scores([3, 7])
    assert np.allclose(score_I[[4, 5, 8, 9]], [0.5 * 0.85, 0.25 * 0.85, 0.5, 0.25])
    assert np.count_nonzero(score_I) == 4


def test_of_a_profile_of_which_nothing_is_known_nobody_picks_and_there_is_a_page():
    for sources in (watched(), watched("t38"), Sources(None, None, None)):
        picked = picks(sources)
        assert (picked.title_ids, picked.fallback, picked.model_version) == ((), "trending", "one")
        assert ids(page(STOCK, sources, picked), "new")


def test_of_who_has_watched_nothing_the_list_says_what_to_pick_and_is_not_picked_itself():
    async def main() -> None:
        asked, listing = Asked(), Sources([], ["t05", "t02"], ProfileState())
        for _ in range(2):
            picked = await asked.picks(listing)
            assert picked.fallback == "none"
            assert not {"t02", "t05"} & set(picked.title_ids)
        (ask,) = asked.encoder.asked
        assert list(ask.items) == [2, 5]  # what was put on it last stands first
        watching = Sources([place("t01")], ["t05"], ProfileState())
        await asked.picks(watching)
        assert list(asked.encoder.asked[-1].items) == [1]

    asyncio.run(main())


def test_where_everything_was_seen_nobody_picks():
    assert picks(watched(*TITLES)).fallback == "trending"


def test_an_encoding_of_another_bundle_is_not_mixed_in():
    async def main() -> None:
        asked = Asked(MODEL, live_model(MODEL.item_ids, "two", seed=2))
        asked.encoder.speaks_of = "two"
        assert (await asked.picks(watched("t03"))).fallback == "ease"
        asked.encoder.speaks_of = None
        assert (await asked.picks(watched("t03"))).fallback == "none"
        await asked.encodings.close()

    asyncio.run(main())


# --- how often the encoder is asked


def test_the_encoder_is_asked_once_until_there_is_another_play_or_another_bundle():
    async def main() -> None:
        two = live_model(MODEL.item_ids, "two", seed=2)
        asked = Asked(MODEL, two)
        first = await asked.picks(watched("t01"))
        for _ in range(3):
            assert (await asked.picks(watched("t01"))).title_ids == first.title_ids
        assert len(asked.encoder.asked) == 1
        assert (await asked.picks(watched("t01", "t02"))).title_ids != first.title_ids
        assert len(asked.encoder.asked) == 2
        other = await asked.picks(watched("t01"), model=two)
        assert (other.model_version, len(asked.encoder.asked)) == ("two", 3)
        await asked.picks(watched("t01"))
        assert len(asked.encoder.asked) == 3
        await asked.encodings.close()

    asyncio.run(main())


def test_what_is_remembered_is_bounded():
    async def main() -> None:
        asked = Asked()
        asked.encodings._remembered = 3
        for title_id in TITLES[:9]:
            await asked.picks(watched(title_id))
        assert len(asked.encodings._vectors) == 3

    asyncio.run(main())


def test_titles_that_come_and_go_are_picked_from_as_they_are():
    async def main() -> None:
        asked, titles = Asked(), shelf()
        (first, *_) = (await asked.picks(watched("t01"), titles.stock(Sight(18, drafts=False)))).title_ids
        titles.drop(first)
        assert first not in (await asked.picks(watched("t01"), titles.stock(Sight(18, drafts=False)))).title_ids

    asyncio.run(main())


# --- what is alike


def alike(title_id: str, stock: Stock = STOCK) -> list[str]:
    return [each.title_id for each in Asked().picking.alike(MODEL, stock, stock.by_id[title_id])]


def test_what_is_alike_is_what_is_shared_watched_together_and_embedded_near():
    found = alike("t10")
    assert "t10" not in found
    assert len(set(found)) == len(found)
    assert {title.title_id for title in policy.similar(STOCK, STOCK.by_id["t10"])} <= set(found)
    assert {"t11", "t12"} <= set(found)
    near = [item for item in map(TITLES.index, found) if item % 3 != 10 % 3 and item not in {11, 12}]
    assert near == sorted(near, key=lambda item: -MODEL.likeness(10)[item])
    assert len(near) > 5
    kid = shelf().stock(Sight(6, drafts=False))
    assert {kid.by_id[title_id].card.maturity for title_id in alike("t10", kid)} == {0}


def test_of_a_title_newer_than_the_model_what_is_shared_says_what_is_alike():
    assert alike("t39") == [title.title_id for title in policy.similar(STOCK, STOCK.by_id["t39"])]


def test_what_is_disliked_is_not_picked_and_what_is_liked_stands_for_a_history() -> None:
    told = watched("t01", "t02")
    first = picks(told).title_ids[0]
    assert first not in picks(msgspec.structs.replace(told, ratings={first: -1})).title_ids

    async def main() -> None:
        asked = Asked(MODEL)
        try:
            found = await asked.picks(Sources([], ["t05", "t06"], ratings={"t07": 2, "t08": 1, "t06": -1}))
            assert found.fallback == "none"
            assert "t06" not in found.title_ids
        finally:
            await asked.encodings.close()
        assert [list(ask.items) for ask in asked.encoder.asked] == [[5, 8, 7]]

    asyncio.run(main())
