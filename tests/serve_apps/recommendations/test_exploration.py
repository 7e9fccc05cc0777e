"""What is drawn into a page: rarely, evenly, with its true chance, and the same all day."""

from __future__ import annotations

from collections import Counter
from math import sqrt
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.processors.profiles import ProfileState, digest
from serve_apps.recommendations import policy
from serve_apps.recommendations.exploration import EXPLORED, explored, slots
from serve_apps.recommendations.schemas import Home, HomeRow
from serve_apps.recommendations.sources import Sources
from serve_apps.recommendations.stock import Pool, Stock, known
from tests.serve_apps.recommendations.test_policy import ids, row, sources
from tests.serve_apps.recommendations.titles import DAY_S, NOW_S, catalogues, film, place

SEEDS = 20_000
NAMES = st.lists(st.sampled_from([f"t{number}" for number in range(12)]), unique=True)
NOBODY = Sources([], [])


def often(times: int, chance: float) -> bool:
    """Whether something of this chance may well happen so often in SEEDS: within five standard errors, 1 in 2 million."""
    return abs(times - SEEDS * chance) <= 5 * sqrt(SEEDS * chance * (1 - chance)) + 1e-9


# --- one row


@pytest.mark.parametrize(("candidates", "rate"), [(7, 0.05), (3, 0.3), (2, 0.9), (0, 0.3)])
def test_propensities_are_how_often_it_happens(candidates: int, rate: float) -> None:
    ranked, barred = ["r0", "r1", "r2"], {"b0", "b1"}
    pool = ["b0", "r1", *(f"c{number}" for number in range(candidates)), "b1"]
    times, told = Counter[tuple[int, str]](), dict[tuple[int, str], set[float]]()
    for seed in range(SEEDS):
        for at, slot in enumerate(slots(ranked, Pool.of(pool), barred, rate, str(seed))):
            times[at, slot.title_id] += 1
            told.setdefault((at, slot.title_id), set()).add(slot.propensity)
    for shown, (propensity, *others) in told.items():
        assert others == []  # it hangs on the row and not on what was drawn
        assert often(times[shown], propensity), shown
    for wanted in range(len(ranked)):
        assert sum(max(each) for (at, _), each in told.items() if at == wanted) == pytest.approx(1)


def test_places_draw_apart_from_one_another() -> None:
    pool = Pool.of([f"c{number}" for number in range(9)])
    both = sum(all(slot.propensity < 0.5 for slot in slots(["r0", "r1"], pool, frozenset(), 0.3, str(seed))) for seed in range(SEEDS))
    assert often(both, 0.3 * 0.3)


@given(NAMES, NAMES, st.sets(st.sampled_from([f"t{number}" for number in range(12)])), st.floats(0, 1), st.text(max_size=3))
def test_nothing_stands_twice_and_nothing_barred_is_drawn(
    ranked: list[str], pool: list[str], barred: set[str], rate: float, seed: str
) -> None:
    found = slots(ranked, Pool.of(pool), barred, rate, seed)
    shown = [slot.title_id for slot in found]
    assert len(shown) == len(ranked) == len(set(shown))
    for slot, was in zip(found, ranked, strict=True):
        assert 0 < slot.propensity <= 1 or (rate == 1 and slot.title_id == was)
        assert slot.title_id == was or (slot.title_id in pool and slot.title_id not in barred | set(ranked))
    assert found == slots(ranked, Pool.of(pool), barred, rate, seed)


@given(NAMES, NAMES, st.text(max_size=3))
def test_at_rate_0_everything_is_where_it_was_ranked_for_certain(ranked: list[str], pool: list[str], seed: str) -> None:
    assert slots(ranked, Pool.of(pool), frozenset(), 0, seed) == [(title_id, 1.0) for title_id in ranked]


# --- a page


def many(genres: list[str], count: int = 60) -> Stock:
    return Stock(known(film(f"f{number}", age_days=100 + number, genres=[genres[number % len(genres)]])) for number in range(count))


def drawn(titles: Stock, given_sources: Sources = NOBODY, profile_id: str = "p", now_s: float = NOW_S, rate: float = 0.05) -> Home:
    made = policy.home(titles, given_sources, profile_id, now_s)
    return explored(made, titles, given_sources, profile_id, now_s, rate)


def test_about_that_share_of_the_places_is_drawn_anew_each_day_and_for_each_profile() -> None:
    titles = many(["drama"])
    made = policy.home(titles, NOBODY, "p", NOW_S)
    [ranked] = [ids(row(made, "genre"))]
    pages = [
        *(drawn(titles, now_s=NOW_S + day * DAY_S) for day in range(150)),
        *(drawn(titles, profile_id=f"p{number}") for number in range(150)),
    ]
    others = [sum(now != was for now, was in zip(ids(row(each, "genre")), ranked, strict=True)) for each in pages]
    share = sum(others) / (len(pages) * len(ranked))
    assert abs(share - 0.05) < 5 * sqrt(0.05 * 0.95 / (len(pages) * len(ranked)))
    assert max(others[:150]) > 0 < max(others[150:])


def test_it_is_the_same_all_day_also_after_a_play_of_something_else() -> None:
    titles, midnight_s = many(["drama"]), NOW_S // DAY_S * DAY_S
    for profile in range(30):
        before = drawn(titles, profile_id=f"p{profile}", now_s=midnight_s)
        assert drawn(titles, profile_id=f"p{profile}", now_s=midnight_s + DAY_S - 1) == before
        played = Sources([], [], ProfileState((), digest("f59")))
        after = drawn(titles, played, f"p{profile}", midnight_s)
        if "f59" not in ids(row(before, "genre")):
            assert ids(row(after, "genre")) == ids(row(before, "genre"))


def test_picks_draw_from_all_that_can_be_played_and_stands_nowhere_else() -> None:
    titles = many(["drama", "crime"], 120)
    made = policy.home(titles, NOBODY, "p", NOW_S)
    genre = row(made, "genre")
    assert genre is not None
    picks = HomeRow.model_construct(**{**dict(genre), "row_id": "top-picks", "kind": "top-picks"})
    page = made.model_copy(update={"rows": [*(each for each in made.rows if each.kind != "genre"), picks]})
    ranked, new = {title_id for each in page.rows for title_id in ids(each)}, set[str]()
    for profile in range(200):
        found = row(explored(page, titles, NOBODY, f"p{profile}", NOW_S, 0.05), "top-picks")
        assert found is not None
        new |= {item.title.title_id for item in found.items} - set(ids(genre))
        drawn_here = [item.propensity for item in found.items if item.title.title_id not in ids(genre)]
        assert drawn_here == [pytest.approx(0.05 / (len(titles.playable) - len(ranked)))] * len(drawn_here)
    assert not new & ranked
    assert {genre for title_id in new for genre in titles.by_id[title_id].genres} == {"drama", "crime"}


def test_on_that_share_of_days_rows_stand_in_an_order_by_chance_and_what_is_ones_own_stays() -> None:
    titles = many(["drama", "crime", "comedy"], 150)
    mine = Sources([place("f3", "f3")], ["f9"])
    made = [each.row_id for each in policy.home(titles, mine, "p", NOW_S).rows]
    orders = Counter(tuple(each.row_id for each in drawn(titles, mine, f"p{number}").rows) for number in range(400))
    share = 1 - orders[tuple(made)] / 400
    assert abs(share - 0.05) < 5 * sqrt(0.05 * 0.95 / 400)
    assert len(orders) > 5
    for order in orders:
        assert sorted(order) == sorted(made)
        assert order.index("continue") == made.index("continue")
        assert order.index("list") == made.index("list")


def test_what_was_begun_is_never_drawn() -> None:
    titles = many(["drama"])
    begun = [f"f{number}" for number in range(0, 60, 2)]
    known_of = Sources([], [], ProfileState((), "".join(map(digest, begun))))
    ranked = {title_id for each in policy.home(titles, known_of, "p", NOW_S).rows for title_id in ids(each)}
    for profile in range(100):
        shown = {title_id for each in drawn(titles, known_of, f"p{profile}").rows for title_id in ids(each)}
        assert not (shown - ranked) & set(begun)


def test_what_is_disliked_is_never_drawn() -> None:
    titles = many(["drama"])
    disliked = [f"f{number}" for number in range(20, 50)]
    rated = Sources([], [], ratings=dict.fromkeys(disliked, -1))
    for profile in range(100):
        assert not {title_id for each in drawn(titles, rated, f"p{profile}").rows for title_id in ids(each)} & set(disliked)


@given(st.data(), st.floats(0, 0.9))
def test_pages_keep_what_holds_of_pages(data: Any, rate: float) -> None:
    titles = data.draw(catalogues())
    stock, given_sources = Stock(titles), data.draw(sources(titles))
    made = policy.home(stock, given_sources, "p", NOW_S)
    found = explored(made, stock, given_sources, "p", NOW_S, rate)
    if rate == 0:
        assert found == made
    shown = [title_id for each in found.rows if each.kind not in {"continue", "list"} for title_id in ids(each)]
    assert len(shown) == len(set(shown))
    before = {each.row_id: each for each in made.rows}
    assert sorted(before) == sorted(each.row_id for each in found.rows)
    for now in found.rows:
        was = before[now.row_id]
        assert (was.row_id, was.label, len(was.items)) == (now.row_id, now.label, len(now.items))
        if now.kind not in EXPLORED:
            assert now == was
        for item in now.items:
            title = stock.by_id[item.title.title_id]
            assert item.title == title.card
            assert 0 < item.propensity <= 1
            if now.kind == "genre":
                assert now.row_id.removeprefix("genre-") in title.genres
