from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.sessions.stream import Place
from cluster.edge.registry import EdgeStatus
from cluster.errors import PlayableNotFound
from cluster.security.claims import Claims
from serve_apps.catalog.schemas import PlayableOutline, TitleOutline
from serve_apps.playback import policy

places = st.builds(
    Place,
    playable_id=st.sampled_from("abcdef"),
    title_id=st.sampled_from("xyz"),
    kind=st.sampled_from(["film", "episode", "trailer"]),
    position_s=st.floats(0, 200),
    duration_s=st.floats(1, 200),
    credits_s=st.none() | st.floats(0, 200),
    updated_at_s=st.floats(0, 1e9),
    session_id=st.just("s"),
)


@given(places, st.floats(1, 400))
def test_a_session_resumes_inside_what_is_left_to_see(place: Place, duration_s: float) -> None:
    assert 0 <= policy.resume_at_s(place, duration_s) < duration_s


@given(st.lists(places, max_size=12, unique_by=lambda place: place.playable_id))
def test_continue_watching_has_each_title_once_unfinished_and_latest_first(found: list[Place]) -> None:
    shown = policy.to_continue(found)
    assert len({place.title_id for place in shown}) == len(shown)
    assert not any(policy.is_finished(place) for place in shown)
    assert [place.updated_at_s for place in shown] == sorted((place.updated_at_s for place in shown), reverse=True)


def place(playable_id: str, position_s: float, at_s: float, *, kind: str = "episode") -> Place:
    return Place(playable_id, "title", kind, position_s, 100.0, None, at_s, "session")


@pytest.mark.parametrize(
    ("watched", "shown"),
    [
        ([place("film", 50, 1, kind="film"), place("trailer", 20, 2, kind="trailer")], ["film"]),
        ([place("one", 50, 1), place("two", 2, 2)], ["one"]),
        ([place("one", 50, 1), place("two", 30, 2)], ["two"]),
        ([place("one", 50, 1), place("two", 99, 2)], []),
        ([place("one", 50, 1), place("two", 99, 2), place("three", 2, 3)], []),
        ([place("trailer", 20, 1, kind="trailer")], []),
    ],
    ids=["trailer", "looked into", "next", "finished", "looked into after finished", "trailer alone"],
)
def test_what_speaks_for_a_title(watched: list[Place], shown: list[str]) -> None:
    assert [each.playable_id for each in policy.to_continue(watched)] == shown


@given(st.sets(st.text("abc", min_size=1, max_size=4), min_size=2, max_size=8), st.text(max_size=8))
def test_losing_an_edge_moves_no_title_between_the_others(names: set[str], playable_id: str) -> None:
    edges = [EdgeStatus(name, name, 0, 0) for name in sorted(names)]
    order = policy.ranked(edges, playable_id)
    assert policy.ranked(edges[1:], playable_id) == [edge for edge in order if edge != edges[0]]


VIEWER = Claims("account", "device", ("member",), 4e9, "profile", 12)
OPERATOR = Claims("account", "device", ("operator",), 4e9, "profile", 12)


def outline(*names: str, maturity: int = 0, withheld: str = "", unready: str = "", specials: str = "") -> TitleOutline:
    """Return a series; `trailer` is a trailer of it."""
    return TitleOutline(
        title_id="title",
        maturity=maturity,
        playables=[
            PlayableOutline(
                playable_id=name,
                kind="trailer" if name == "trailer" else "episode",
                season=None if name == "trailer" else 0 if name in specials.split() else 1,
                episode=None if name == "trailer" else number,
                published=name not in withheld.split(),
                duration_s=None if name in unready.split() else 100.0,
            )
            for number, name in enumerate(names, 1)
        ],
    )


SERIES = ("one", "two", "three", "trailer")


@pytest.mark.parametrize(
    ("title", "watched", "expected"),
    [
        (outline(*SERIES), [], ("one", 0, "start")),
        (outline(*SERIES), [place("one", 50, 1)], ("one", 50, "resume")),
        (outline(*SERIES), [place("one", 99, 1)], ("two", 0, "next")),
        (outline(*SERIES), [place("three", 99, 1)], ("one", 0, "again")),
        (outline(*SERIES), [place("one", 50, 1), place("two", 2, 2)], ("one", 50, "resume")),
        (outline(*SERIES), [place("one", 2, 1)], ("one", 0, "start")),
        (outline(*SERIES), [place("trailer", 50, 1, kind="trailer")], ("one", 0, "start")),
        (outline(*SERIES), [place("two", 30, 1), place("one", 99, 2)], ("two", 30, "next")),
        (outline(*SERIES), [place("two", 99, 1), place("one", 99, 2)], ("two", 0, "next")),
        (outline(*SERIES, unready="two"), [place("one", 99, 1)], ("three", 0, "next")),
        (outline(*SERIES, withheld="two"), [place("two", 50, 1)], ("three", 0, "next")),
        (outline(*SERIES, withheld="three"), [place("two", 99, 1)], ("one", 0, "again")),
        (outline(*SERIES), [place("deleted", 50, 2), place("one", 99, 1)], ("two", 0, "next")),
        (outline("zero", "one", "two", specials="zero"), [], ("one", 0, "start")),
        (outline("zero", "one", "two", specials="zero"), [place("zero", 99, 1)], ("one", 0, "next")),
        (outline("zero", "one", "two", specials="zero"), [place("two", 99, 1)], ("one", 0, "again")),
        (outline("zero", specials="zero"), [], ("zero", 0, "start")),
    ],
    ids=[
        "nothing watched", "left half-way", "finished", "last finished", "looked into", "only looked into", "trailer", "begun before",
        "seen before", "not ready", "withheld since", "last withheld", "deleted since", "specials later", "special first",
        "specials not again", "specials only",
    ],
)  # fmt: skip
def test_what_of_a_title_is_watched_next(title: TitleOutline, watched: list[Place], expected: tuple[str, float, str]) -> None:
    found = policy.next_to_watch(title, watched, VIEWER)
    assert (found.playable.playable_id, found.position_s, found.reason) == expected


def test_only_an_operator_is_led_to_a_draft() -> None:
    title = outline(*SERIES, withheld="one")
    assert policy.next_to_watch(title, [], VIEWER).playable.playable_id == "two"
    assert policy.next_to_watch(title, [], OPERATOR).playable.playable_id == "one"


@pytest.mark.parametrize(
    "title",
    [outline(*SERIES, maturity=13), outline("one", withheld="one"), outline("one", unready="one"), outline("trailer"), outline()],
    ids=["above the cap", "draft", "not ready", "trailer only", "empty"],
)
def test_a_title_of_which_nothing_can_be_played_has_no_next(title: TitleOutline) -> None:
    with pytest.raises(PlayableNotFound):
        policy.next_to_watch(title, [place("one", 50, 1)], VIEWER)


@given(
    st.lists(
        st.builds(
            PlayableOutline,
            playable_id=st.sampled_from("abcdef"),
            kind=st.sampled_from(["episode", "trailer"]),
            season=st.integers(0, 2),
            episode=st.integers(1, 9),
            published=st.booleans(),
            duration_s=st.none() | st.floats(1, 200),
        ),
        max_size=6,
        unique_by=lambda each: each.playable_id,
    ),
    st.lists(places, max_size=6, unique_by=lambda place: place.playable_id),
)
def test_what_is_next_can_be_played_and_has_something_left(found: list[PlayableOutline], watched: list[Place]) -> None:
    title = TitleOutline(title_id="x", maturity=0, playables=found)
    can = [each for each in found if each.published and each.duration_s is not None and each.kind != "trailer"]
    if not can:
        with pytest.raises(PlayableNotFound):
            policy.next_to_watch(title, watched, VIEWER)
        return
    following = policy.next_to_watch(title, watched, VIEWER)
    assert following.playable in can
    assert following.duration_s == following.playable.duration_s
    assert 0 <= following.position_s < following.duration_s
    told = {each.playable_id for each in watched if policy.speaks(each)} & {each.playable_id for each in found if each.kind != "trailer"}
    assert (following.reason == "start") == (not told)
    if following.reason == "resume":
        assert following.position_s == next(each.position_s for each in watched if each.playable_id == following.playable.playable_id)


@given(st.integers(2, 8))
def test_who_always_watches_what_is_next_sees_a_series_once_in_order(episodes: int) -> None:
    title, watched, seen = outline(*(f"e{number}" for number in range(episodes))), dict[str, Place](), list[str]()
    for turn in range(episodes):
        found = policy.next_to_watch(title, watched.values(), VIEWER)
        seen.append(found.playable.playable_id)
        watched[found.playable.playable_id] = place(found.playable.playable_id, 99, turn)
    assert seen == [each.playable_id for each in title.playables]
    assert policy.next_to_watch(title, watched.values(), VIEWER).reason == "again"
