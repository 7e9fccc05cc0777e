from __future__ import annotations

import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from serve_apps.catalog.client import Sight
from serve_apps.search import policy
from serve_apps.search.words import words
from tests.serve_apps.recommendations.titles import film, series
from tests.serve_apps.search.world import GROWN_UP, found, index_of, named

NAMES = (
    "Amélie", "The Shawshank Redemption", "Spider-Man", "Star Wars", "WALL·E", "Ocean's Eleven", "Se7en", "東京物語", "Brother's Keeper",
    "Das Boot", "Łódź by Night", "Tom & Jerry", "À bout de souffle", "Метрополис",
)  # fmt: skip
SHELF = named(*NAMES)


@pytest.mark.parametrize(
    ("asked", "first"),
    [
        ("amelie", "Amélie"),
        ("AMÉLIE", "Amélie"),
        ("am", "Amélie"),
        ("shaw", "The Shawshank Redemption"),
        ("the shawshank red", "The Shawshank Redemption"),
        ("redemption shawshank", "The Shawshank Redemption"),
        ("shawshenk", "The Shawshank Redemption"),
        ("redmeption", "The Shawshank Redemption"),
        ("shawshenk redemtion", "The Shawshank Redemption"),
        ("spiderman", "Spider-Man"),
        ("spider man", "Spider-Man"),
        ("spidermna", "Spider-Man"),
        ("starwars", "Star Wars"),
        ("walle", "WALL·E"),
        ("oceans", "Ocean's Eleven"),
        ("se7", "Se7en"),
        ("東京", "東京物語"),
        ("lodz", "Łódź by Night"),
        ("tom and jer", "Tom & Jerry"),
        ("a bout de souffle", "À bout de souffle"),
        ("метропо", "Метрополис"),
    ],
)
def test_a_name_is_found_begun_misspelled_and_without_its_accents(asked, first):
    assert found(SHELF, asked)[:1] == [first]


@pytest.mark.parametrize("asked", ["xyzzy", "amelia bedelia", "cat", "shxxxhank", "ocean's twelve hundred"])
def test_what_no_title_has_is_not_found(asked):
    assert found(SHELF, asked) == []


@given(st.sampled_from(NAMES), st.data())
def test_every_name_is_found_by_its_words_in_any_order_the_last_one_begun(name, data):
    order = data.draw(st.permutations(words(name)))
    last = order[-1][: data.draw(st.integers(1, len(order[-1])))]
    assert name in found(SHELF, " ".join([*order[:-1], last]))


@given(st.sampled_from([name for name in NAMES if max(map(len, words(name))) > 4]), st.data())
def test_every_long_word_may_have_a_letter_wrong(name, data):
    word = data.draw(st.sampled_from([word for word in words(name) if len(word) > 4]))
    at = data.draw(st.integers(1, len(word) - 2))
    slip = data.draw(st.sampled_from([word[:at] + word[at + 1 :], word[:at] + "q" + word[at + 1 :], word[:at] + "q" + word[at:]]))
    assert name in found(SHELF, slip)


ANYTHING = (
    st.text()
    | st.text('+-&|!(){}[]^"~*?:\\/ ANDORNOT', max_size=200)
    | st.sampled_from(["AND", "name:", "*", '"', "[a TO", "\x00", "a" * 200])
)


@settings(max_examples=300)
@given(ANYTHING)
def test_whatever_is_typed_is_answered(text):
    asked = policy.query(text)
    if asked is None:
        assert not words(text)
        return
    hits = policy.ordered(asked, SHELF.find(asked, GROWN_UP))
    for each in hits:
        policy.hit(asked, each, SHELF.synopsis(each))
    policy.people(asked, hits)
    assert len(policy.near(text, SHELF.alike(text, GROWN_UP))) <= policy.NEAR_SHOWN


# --- the order


def test_what_is_called_so_stands_before_what_begins_so_and_that_before_what_has_it_somewhere():
    index = index_of(
        film("a", name="Night of the Train", age_days=1),
        film("b", name="Train", age_days=9),
        film("c", name="Trainspotting", age_days=2),
        film("d", name="Brain", age_days=1),
        film("e", name="About it", synopsis="a train", age_days=1),
        film("f", name="With them", cast=["Ann Train"], age_days=1),
    )
    assert found(index, "train") == ["Train", "Trainspotting", "Night of the Train", "With them", "Brain", "About it"]


def test_of_equals_the_newest_stands_first():
    index = index_of(*(film(f"f{age}", name=f"Night {age}", age_days=age) for age in (3, 1, 2)))
    assert found(index, "night") == ["Night 1", "Night 2", "Night 3"]


def test_a_title_is_found_by_what_it_is_called_where_it_was_made():
    index = index_of(
        film("a", name="Spirited Away", original_name="千と千尋の神隠し"), film("b", name="The Boat", original_name="Das Boot")
    )
    assert found(index, "千尋") == ["Spirited Away"]
    assert found(index, "dasboot") == found(index, "das bot") == ["The Boat"]
    assert why("das boot", name="The Boat", original_name="Das Boot") == ("name", None)
    assert policy.near("dess boote", index.alike("dess boote", GROWN_UP))[:1] == ["Das Boot"]


# --- why


def why(asked: str, **fields: Any) -> tuple[str, str | None]:
    index = index_of(film("f", **fields))
    query = policy.query(asked)
    ((each, _),) = index.find(query, GROWN_UP)
    hit = policy.hit(query, each, index.synopsis(each))
    return hit.matched, hit.person


def test_a_hit_says_what_it_was_found_by():
    fields = {"name": "Harbour", "cast": ["Ida Lupino", "Ann Kay"], "genres": ["Film Noir"], "synopsis": "A ship does not come home"}
    assert why("harb", **fields) == ("name", None)
    assert why("lupino", **fields) == ("person", "Ida Lupino")
    assert why("ann k", **fields) == ("person", "Ann Kay")
    assert why("lupnio", **fields) == ("person", "Ida Lupino")
    assert why("noir", **fields) == ("genre", None)
    assert why("ship home", **fields) == ("synopsis", None)
    assert why("harbour lupino", **fields) == ("name", None)
    assert why("lupino harbour ida", **fields) == ("person", "Ida Lupino")


def test_a_person_called_so_counts_for_more_than_a_name_that_is_nearly_so():
    assert why("anna", name="Hanna", cast=["Anna Kay"]) == ("person", "Anna Kay")


def test_a_series_is_found_by_the_name_of_an_episode():
    title = series("s", name="Harbour")
    episodes = [episode.model_copy(update={"name": "The Lighthouse"}) for episode in title.seasons[0].episodes]
    index = index_of(title.model_copy(update={"seasons": [title.seasons[0].model_copy(update={"episodes": episodes})]}))
    assert found(index, "lighthouse") == ["Harbour"]


def test_people_are_told_with_the_titles_that_were_found():
    index = index_of(
        film("a", cast=["Ada Lovelace", "Ben"]), film("b", cast=["Ada Lovelace", "Ada Byron"]), film("c", name="Adamant", cast=["Cleo"])
    )
    asked = policy.query("ada")
    hits = policy.ordered(asked, index.find(asked, GROWN_UP))
    assert [(person.name, person.titles) for person in policy.people(asked, hits)] == [("Ada Lovelace", 2), ("Ada Byron", 1)]
    misspelled = policy.query("lovelase")
    hits = policy.ordered(misspelled, index.find(misspelled, GROWN_UP))
    assert [person.name for person in policy.people(misspelled, hits)] == ["Ada Lovelace"]


# --- kinds and genres


def test_each_facet_counts_what_the_other_leaves():
    entries = [
        policy.entry(title)
        for title in (film("a", genres=["Drama"]), film("b", genres=["DRAMA", "War"]), series("c", genres=["War"]), series("d", genres=[]))
    ]

    def counted(kind: Any, genre: str | None) -> tuple[dict[str, int], dict[str, int]]:
        told = policy.facets(entries, kind, genre)
        return {each.kind: each.titles for each in told.kinds}, {each.genre: each.titles for each in told.genres}

    assert counted(None, None) == ({"film": 2, "series": 2}, {"DRAMA": 2, "War": 2})
    assert counted("series", None) == ({"film": 2, "series": 2}, {"War": 1})
    assert counted(None, "war") == ({"film": 1, "series": 1}, {"DRAMA": 2, "War": 2})
    assert counted("film", "drama") == ({"film": 2}, {"DRAMA": 2, "War": 1})


# --- who sees what


@given(st.integers(-1, 18), st.booleans())
def test_nobody_finds_what_they_may_not_see(cap, drafts):
    sight = Sight(cap, drafts)
    asked = policy.query("name")
    seen = {each.card.title_id for each, _ in RATED.find(asked, sight)}
    assert seen == {f"{kind}{age}" for age in range(19) for kind in ("p", "d") if age <= cap and (kind == "p" or drafts)}
    assert {each.card.title_id for each in RATED.everything(sight)} == seen
    assert {each.card.title_id for each in RATED.alike("nam", sight)} == seen


RATED = index_of(
    *(film(f"p{age}", maturity=age, name="Name") for age in range(19)),
    *(film(f"d{age}", maturity=age, name="Name", published=False) for age in range(19)),
)


# --- changes


@given(st.lists(st.tuples(st.integers(0, 3), st.sampled_from(("Harbour", "Lighthouse", None)), st.booleans()), max_size=12))
@settings(max_examples=40, deadline=None)
def test_the_index_holds_what_was_put_last(changes):
    index, kept = index_of(), dict[str, str]()
    for number, name, look in changes:
        title_id = f"t{number}"
        if name is None:
            index.drop(title_id)
            kept.pop(title_id, None)
        else:
            index.put(film(title_id, name=name))
            kept[title_id] = name
        if look:
            assert sorted(found(index, "harbour")) == sorted(name for name in kept.values() if name == "Harbour")
    for name in ("Harbour", "Lighthouse"):
        assert sorted(found(index, name)) == sorted(each for each in kept.values() if each == name)


def test_where_nothing_is_found_names_that_look_like_it_are_told():
    index = index_of(film("a", name="The Shawshank Redemption"), film("b", name="Das Boot", cast=["Jürgen Prochnow"]))

    def near(text: str) -> list[str]:
        return policy.near(text, index.alike(text, GROWN_UP))

    assert found(index, "shank redempshun") == []
    assert near("shank redempshun") == ["The Shawshank Redemption"]
    assert near("prochnofsky") == ["Jürgen Prochnow"]
    assert near("qqq") == []


def test_many_titles_are_searched_quickly():
    index = index_of(
        *(
            film(f"f{n}", name=f"Night {n} of {n * 7919 % 1000}", cast=[f"Person{n % 700} Lastname{n % 90}"], genres=[f"G{n % 9}"])
            for n in range(3000)
        )
    )
    index.settle()
    began_s = time.perf_counter()
    for text in ("n", "night", "nihgt 12", "lastname7", "g4 person"):
        asked = policy.query(text)
        hits = policy.ordered(asked, index.find(asked, GROWN_UP))
        assert [policy.hit(asked, each, index.synopsis(each)) for each in hits[:30]]
        policy.people(asked, hits)
        policy.facets(hits, None, None)
    assert time.perf_counter() - began_s < 2.0
