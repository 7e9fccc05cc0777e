from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import get_args

from hypothesis import given
from hypothesis import strategies as st

from models.row_values import KINDS, RowValues
from serve_apps.catalog.schemas import Title
from serve_apps.playback.schemas import WatchedTitle
from serve_apps.recommendations import policy
from serve_apps.recommendations.schemas import Home, HomeRow, RowKind
from serve_apps.recommendations.sources import Sources
from serve_apps.recommendations.stock import Known, Stock, known
from tests.serve_apps.recommendations.titles import BACKDROP, DAY_S, LANGUAGES, NOW_S, catalogues, film, place, series

NOBODY = Sources([], [])


def stock(*titles: Title) -> Stock:
    return Stock(known(title) for title in titles)


def page(
    titles: Stock,
    sources: Sources = NOBODY,
    profile_id: str = "profile",
    now_s: float = NOW_S,
    scores: Mapping[str, float] = policy.NOTHING,
) -> Home:
    return policy.home(titles, sources, profile_id, now_s, scores)


def row(of: Home, kind: str) -> HomeRow | None:
    return next((each for each in of.rows if each.kind == kind), None)


def ids(of: HomeRow | None) -> list[str]:
    return [item.title.title_id for item in of.items] if of is not None else []


@st.composite
def sources(draw: st.DrawFn, titles: Sequence[Known]) -> Sources:
    known_ids = [title.title_id for title in titles]
    watched: list[WatchedTitle] | None = []
    for title_id in draw(st.lists(st.sampled_from([*known_ids, "gone"]), unique=True, max_size=8)):
        part = draw(st.sampled_from([each.playable_id for title in titles if title.title_id == title_id for each in title.parts] or ["x"]))
        watched.append(place(title_id, part, finished=draw(st.booleans())))
    listed: list[str] | None = draw(st.lists(st.sampled_from([*known_ids, "gone"]), unique=True, max_size=8))
    ratings = draw(st.dictionaries(st.sampled_from([*known_ids, "gone"]), st.sampled_from([-1, 1, 2]), max_size=8))
    return Sources(draw(st.sampled_from((watched, None))), draw(st.sampled_from((listed, None))), ratings=ratings)


@st.composite
def scored(draw: st.DrawFn, titles: Sequence[Known]) -> dict[str, float]:
    return {title_id: draw(st.floats(0, 9)) for title_id in draw(st.sets(st.sampled_from([*(each.title_id for each in titles), "gone"])))}


# --- what holds of every page


@given(st.data())
def test_no_title_stands_twice_among_the_rows_that_are_not_personal(data):
    titles = data.draw(catalogues())
    told = page(Stock(titles), data.draw(sources(titles)), scores=data.draw(scored(titles)))
    shown = [title_id for each in told.rows if each.kind not in {"continue", "list"} for title_id in ids(each)]
    assert [title_id for title_id, times in Counter(shown).items() if times > 1] == []
    for each in told.rows:
        assert len(set(ids(each))) == len(each.items) <= policy.ROW_LIMIT
    assert len({each.row_id for each in told.rows}) == len(told.rows)


@given(st.data())
def test_a_page_is_never_empty_while_there_is_a_title(data):
    titles = data.draw(catalogues())
    told = page(Stock(titles), data.draw(sources(titles)), scores=data.draw(scored(titles)))
    assert any(each.items for each in told.rows if each.kind not in {"continue", "list"}) == bool(titles)


@given(st.data())
def test_rows_have_items_or_have_failed_and_show_only_what_there_is(data):
    titles = data.draw(catalogues())
    given_sources = data.draw(sources(titles))
    told = page(Stock(titles), given_sources, scores=data.draw(scored(titles)))
    failed = {each.kind for each in told.rows if each.failed}
    assert failed == {kind for kind, source in (("continue", given_sources.watched), ("list", given_sources.listed)) if source is None}
    by_id = {title.title_id: title for title in titles}
    for each in told.rows:
        assert bool(each.items) != each.failed
        for item in each.items:
            parts = {part.playable_id: part for part in by_id[item.title.title_id].parts}
            assert item.playable_id in parts if parts else item.playable_id is None
            assert item.title == by_id[item.title.title_id].card


@given(st.data())
def test_what_is_recommended_is_in_a_wanted_language_unless_nothing_is(data):
    titles, tags = data.draw(catalogues()), data.draw(st.frozensets(st.sampled_from([tag.casefold() for tag in LANGUAGES]), min_size=1))
    told = page(Stock(titles, tags), data.draw(sources(titles)), scores=data.draw(scored(titles)))
    # While nothing can be played yet, a page shows what there will be.
    shown = [title for title in titles if title.parts] or titles
    wanted = {title.title_id for title in shown if not title.languages or title.languages & tags}
    recommended = {title_id for each in told.rows if each.kind not in {"continue", "list"} for title_id in ids(each)}
    assert recommended <= (wanted or {title.title_id for title in shown})
    assert bool(recommended) == bool(titles)
    assert told.hero is None or not wanted or told.hero.title.title_id in wanted


@given(catalogues(), st.text(max_size=5), st.floats(0, DAY_S - 1))
def test_the_hero_is_one_of_the_newest_with_a_backdrop_and_the_same_all_day(titles, profile_id, later_s):
    midnight_s = NOW_S // DAY_S * DAY_S
    found = policy.hero(Stock(titles), (), profile_id, midnight_s)
    assert policy.hero(Stock(reversed(titles)), (), profile_id, midnight_s + later_s) == found
    pictured = [title for title in Stock(titles).playable if title.card.artwork.backdrop]
    assert (found in pictured[: policy.HERO_AMONG]) if pictured else found is None


# --- the hero


def test_the_hero_changes_with_days_and_profiles():
    titles = stock(*(film(f"f{number}", age_days=number, artwork=BACKDROP) for number in range(8)))
    for vary in (lambda n: ("profile", NOW_S + n * DAY_S), lambda n: (f"profile {n}", NOW_S)):
        assert len({policy.hero(titles, (), *vary(number)).title_id for number in range(40)}) == 8


def test_the_hero_is_rather_one_that_was_not_watched():
    titles = stock(film("seen", artwork=BACKDROP), film("new", artwork=BACKDROP), film("bare"))
    assert {policy.hero(titles, {"seen"}, f"p{number}", NOW_S).title_id for number in range(20)} == {"new"}
    assert policy.hero(titles, {"seen", "new"}, "p", NOW_S).title_id in {"seen", "new"}


def test_the_hero_says_what_it_is_about_and_that_it_is_new():
    told = page(stock(film("a", artwork=BACKDROP, age_days=13)))
    assert (told.hero.synopsis, told.hero.reason, told.hero.playable_id) == ("What a is about", "New", "a")
    assert page(stock(film("a", artwork=BACKDROP, age_days=15))).hero.reason is None
    assert page(stock(film("a"))).hero is None


# --- where one goes on


def test_a_film_left_half_way_goes_on_where_it_was_left_and_a_finished_one_does_not():
    titles = stock(film("a"), film("b"))
    told = row(page(titles, Sources([place("a", position_s=33), place("b", finished=True)], [])), "continue")
    assert [(item.playable_id, item.position_s, item.duration_s, item.label) for item in told.items] == [("a", 33, 6000, None)]


def test_after_a_finished_episode_comes_the_next_one_and_after_the_last_none():
    titles = stock(series("s"))
    after = {
        "s-s01e01": [("s-s01e02", "S1 E2")],
        "s-s01e02": [("s-s02e01", "S2 E1")],
        "s-s02e01": [],
    }
    for watched, following in after.items():
        told = row(page(titles, Sources([place("s", watched, finished=True)], [])), "continue")
        assert [(item.playable_id, item.label) for item in told.items] == following if told else following == []
    told = row(page(titles, Sources([place("s", "s-s01e02", 70)], [])), "continue")
    assert [(item.playable_id, item.label, item.position_s) for item in told.items] == [("s-s01e02", "S1 E2", 70)]


def test_nobody_begins_with_a_special():
    special_first = stock(series("s", [(0, 1), (1, 1), (1, 2)]))
    (item,) = row(page(special_first), "new").items
    assert (item.playable_id, item.label) == ("s-s01e01", "S1 E1")


def test_an_episode_that_is_withdrawn_is_not_gone_on_with():
    assert row(page(stock(series("s")), Sources([place("s", "s-s09e09")], [])), "continue") is None


def test_the_list_stands_in_its_order_without_what_is_gone():
    titles = stock(film("a"), film("b"), film("c"))
    told = row(page(titles, Sources([place("b", position_s=12)], ["c", "gone", "b"])), "list")
    assert [(item.title.title_id, item.position_s) for item in told.items] == [("c", None), ("b", 12)]


# --- the others


def test_new_is_the_newest_first_of_few_all_and_of_many_a_third():
    assert ids(row(page(stock(film("old", age_days=9), film("new", age_days=1))), "new")) == ["new", "old"]
    many = stock(*(film(f"f{number}", age_days=number) for number in range(45)))
    assert ids(row(page(many), "new")) == [f"f{number}" for number in range(15)]


def test_because_you_watched_shows_what_shares_cast_and_genre_but_nothing_watched():
    alike = [film(f"alike{number}", genres=["Crime", "Drama"], cast=["Ada"]) for number in range(3)]
    less = [film(f"less{number}", genres=["Crime"]) for number in range(3)]
    others = [film(f"other{number}", genres=["Comedy"]) for number in range(12)]
    seen = film("seen", genres=["drama", "crime"], cast=["ADA"])
    titles = stock(*others, *less, *alike, seen)
    told = row(page(titles, Sources([place("seen", finished=True)], [])), "because")
    assert (told.label, told.row_id, told.fallback) == ("Because you watched Name of seen", "because-seen", True)
    assert set(ids(told)[:3]) == {title.title_id for title in alike}
    assert set(ids(told)[3:]) == {title.title_id for title in less}
    assert {item.reason for item in told.items} == {"With ADA", "crime"}


def test_genres_that_the_profile_watches_come_first_and_what_it_has_watched_last():
    newest = [film(f"n{number}", age_days=1) for number in range(60)]
    titles = stock(
        *newest,
        *(film(f"c{number}", genres=["Comedy"]) for number in range(5)),
        *(film(f"d{number}", genres=["Drama" if number else "DRAMA"]) for number in range(4)),
    )
    assert [each.label for each in page(titles).rows if each.kind == "genre"] == ["Comedy", "DRAMA"]
    rows = policy.genre_rows(titles, Sources([place("d0", finished=True)], ["d1"]), ())
    assert [each.row_id for each in rows] == ["genre-drama", "genre-comedy"]
    assert (len(ids(rows[0])), ids(rows[0])[-1]) == (4, "d0")


def test_while_nothing_can_be_played_the_page_shows_what_there_will_be():
    told = page(stock(film("soon", ready=False)))
    assert [(item.title.title_id, item.playable_id) for item in row(told, "new").items] == [("soon", None)]
    assert ids(row(page(stock(film("soon", ready=False), film("now"))), "new")) == ["now"]


# --- what is alike


def likeness(one: Known, other: Known) -> float:
    """Say it again, looking at both."""
    people, genres = len(one.people.keys() & other.people.keys()), len(one.genres.keys() & other.genres.keys())
    return policy.PERSON_WEIGHT * people + (genres / len(one.genres.keys() | other.genres.keys()) if genres else 0)


@given(catalogues(), st.data())
def test_what_is_alike_shares_something_and_the_most_alike_stand_first_then_the_newest(titles, data):
    if not titles:
        return
    title = data.draw(st.sampled_from(titles))
    stock = Stock(titles)
    assert policy.similar(stock, title) == sorted(
        (other for other in stock.playable if other != title and likeness(title, other) > 0), key=lambda other: -likeness(title, other)
    )
    for value, other in policy.likenesses(stock, title):
        assert value == likeness(title, other)
        assert policy.shared(title, other) is not None


# --- what everybody watches


def test_what_is_watched_most_stands_in_a_row_most_first_and_nowhere_else():
    titles = stock(*(film(f"f{number:02d}", age_days=number) for number in range(12)))
    told = page(titles, scores={"f07": 3.0, "f11": 9.0, "f02": 1.0, "f03": 0.5, "gone": 99.0, "f04": 0.0})
    assert ids(row(told, "popular")) == ["f11", "f07", "f02", "f03"]
    assert not set(ids(row(told, "new"))) & {"f11", "f07", "f02", "f03"}
    assert row(told, "popular").label == "Popular now"


def test_few_titles_that_are_watched_make_no_row_nor_does_a_small_catalogue():
    scores = {f"f{number:02d}": 1.0 for number in range(5)}
    twelve = [film(f"f{number:02d}", age_days=number) for number in range(12)]
    assert row(page(stock(*twelve), scores={"f01": 9.0, "f02": 9.0}), "popular") is None
    assert row(page(stock(*twelve[:8]), scores=scores), "popular") is None
    assert len(ids(row(page(stock(*twelve[:9]), scores=scores), "popular"))) == policy.ROW_LEAST
    assert row(page(stock(*twelve)), "popular") is None


# --- what models compute on


def test_an_encoder_takes_of_several_gpus_a_little_and_of_the_only_one_nothing():
    assert [policy.gpu_share(gpus) for gpus in (0, 1, 2, 8)] == [0, 0, policy.ENCODER_GPU, policy.ENCODER_GPU]
    assert 0 < policy.ENCODER_GPU <= 0.25


# --- ratings


@given(st.data())
def test_what_is_disliked_is_recommended_nowhere_unless_there_is_nothing_else(data: st.DataObject) -> None:
    titles = Stock(data.draw(catalogues()))
    given_sources = data.draw(sources(titles.newest))
    shown = {title_id for each in page(titles, given_sources).rows if each.kind not in {"continue", "list"} for title_id in ids(each)}
    if {title.title_id for title in titles.playable} - given_sources.disliked:
        assert not shown & given_sources.disliked


def test_it_stays_where_the_profile_put_it_and_makes_no_row_of_its_like() -> None:
    titles = stock(*(film(f"f{number}", genres=["drama"], age_days=number) for number in range(40)))
    rated = Sources([place("f3"), place("f4")], ["f5"], ratings={"f3": -1, "f5": -1})
    found = page(titles, rated)
    assert ids(row(found, "continue")) == ["f3", "f4"]
    assert ids(row(found, "list")) == ["f5"]
    assert [each.row_id for each in found.rows if each.kind == "because"] == ["because-f4"]


def test_it_is_not_the_hero_though_all_else_was_watched() -> None:
    titles = stock(*(film(f"f{number}", artwork=BACKDROP, age_days=number) for number in range(3)))
    watched = Sources([place("f1"), place("f2")], [], ratings={"f0": -1, "f1": -1})
    found = [page(titles, watched, f"p{number}").hero for number in range(20)]
    assert {hero.title.title_id for hero in found if hero is not None} == {"f2"}


def test_kinds_of_rows_are_those_that_are_worth_something() -> None:
    assert set(KINDS) == set(get_args(RowKind))


def test_genres_that_are_liked_come_first_and_what_is_loved_says_most() -> None:
    titles = stock(*(film(f"f{number}", genres=[f"g{number % 3}"], age_days=number) for number in range(90)))
    assert Sources([], ["f2", "f1", "f0"], ratings={"f1": 2, "f4": 1, "f2": -1}).liked == ["f0", "f4", "f1"]
    liked = Sources([], ["f2"], ratings={"f1": 1, "f4": 2})
    assert next(each.row_id for each in page(titles, liked).rows if each.kind == "genre") == "genre-g1"


# --- the order of rows


def test_rows_stand_by_what_they_are_worth_to_the_profile() -> None:
    titles = stock(*(film(f"f{number}", genres=["drama"], age_days=number) for number in range(60)))
    first_card = dict.fromkeys(KINDS, (-5.0, -5.0, -5.0)) | {
        "new": (-1.0, -5.0, -5.0),
        "genre": (-2.0, -2.0, -2.0),
        "continue": (-9.0, -9.0, -1.0),
    }
    values = RowValues(first_card, per_place=-0.5)

    def order(given: Sources) -> list[str]:
        return [each.kind for each in policy.home(titles, given, "p", NOW_S, values=values).rows]

    assert order(NOBODY) == ["new", "genre"]
    watched = Sources([place(f"f{number}", f"f{number}") for number in range(5)], ["f9"])
    assert order(watched)[:2] == ["continue", "genre"]
    assert sorted(order(watched)) == sorted(each.kind for each in page(titles, watched).rows)
    one = Sources([place("f0", "f0")], ["f9"])
    assert order(one)[0] == "genre"
    assert order(one)[-1] == "continue"


def test_a_row_that_failed_stands_last_and_rows_of_the_same_worth_as_rules_have_them() -> None:
    titles = stock(*(film(f"f{number}", genres=["drama"], age_days=number) for number in range(60)))
    level = RowValues(dict.fromkeys(KINDS, (0.0, 0.0, 0.0)), 0.0)
    given = Sources(None, [f"f{number}" for number in range(9)])
    rules = [each.kind for each in page(titles, given).rows]
    assert rules[0] == "continue"
    assert [each.kind for each in policy.home(titles, given, "p", NOW_S, values=level).rows] == [*rules[1:], "continue"]
