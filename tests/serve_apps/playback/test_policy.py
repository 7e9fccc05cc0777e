from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.sessions.stream import Place
from cluster.edge.registry import EdgeStatus
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
