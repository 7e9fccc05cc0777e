import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cluster.errors import PlayableNotFound, PreconditionFailed, PreconditionRequired, ProfileRequired
from cluster.security.claims import Claims
from serve_apps.catalog import edits, policy
from serve_apps.catalog.conditions import condition
from serve_apps.catalog.policy import Place
from serve_apps.catalog.record import EpisodeRecord, TitleRecord
from tests.serve_apps.catalog.world import ADULT, KID, OPERATOR, OPERATORS_KID, OWNER, candidate, media

ages = st.integers(0, 18)
tokens = st.builds(
    Claims,
    account_id=st.just("a"),
    device_id=st.just("d"),
    roles=st.sampled_from([("member",), ("operator", "member")]),
    expires_at_s=st.just(2e9),
    profile_id=st.sampled_from([None, "p"]),
    maturity=st.none() | ages,
    kids=st.booleans(),
)


@given(tokens, ages, st.booleans())
def test_no_profile_sees_above_its_cap_and_no_member_a_draft(claims, maturity, published):
    try:
        sight = policy.sight(claims)
    except ProfileRequired:
        assert claims.profile_id is None and "operator" not in claims.roles
        return
    shown = sight.shows(maturity, published)
    if claims.profile_id is not None and shown:
        assert maturity <= (claims.maturity or 0)
    if not published and shown:
        assert "operator" in claims.roles and not (claims.kids and claims.profile_id)


def test_who_sees_what():
    assert policy.sight(OPERATOR) == policy.Sight(18, drafts=True)
    assert policy.sight(ADULT) == policy.Sight(18, drafts=False)
    assert policy.sight(KID) == policy.sight(OPERATORS_KID) == policy.Sight(7, drafts=False)
    with pytest.raises(ProfileRequired):
        policy.sight(OWNER)


places = st.builds(Place, st.text("0123456789abcdef", min_size=32, max_size=32)) | st.one_of(
    st.builds(Place, st.just("a" * 32), season=st.integers(0, 999), episode=st.integers(0, 9999)),
    st.builds(Place, st.just("a" * 32), trailer=st.integers(1, 99)),
)


@given(places, places)
def test_a_playable_id_leads_to_its_place_and_no_two_places_share_one(place, other):
    assert policy.place_of(place.playable_id) == place
    assert (place == other) == (place.playable_id == other.playable_id)


@given(st.text() | st.from_regex(r"[0-9a-f]{32}-(s\d{1,4}e\d{1,5}|t\d{1,3})", fullmatch=True))
def test_any_other_text_is_no_playable_id(text):
    with contextlib.suppress(PlayableNotFound):
        assert policy.place_of(text).playable_id == text


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=4),
    max_leaves=12,
)
objects = st.dictionaries(st.text(max_size=3), json_values, max_size=4)


@given(json_values, json_values)
def test_a_merge_patch_applied_twice_changes_nothing_more(target, patch):
    once = edits.merge_patch(target, patch)
    assert edits.merge_patch(once, patch) == once


@given(objects, objects)
def test_a_merge_patch_leaves_alone_what_it_does_not_name(target, patch):
    merged = edits.merge_patch(target, patch)
    assert {key: value for key, value in target.items() if key not in patch} == {
        key: value for key, value in merged.items() if key not in patch
    }
    assert all(key not in merged for key, value in patch.items() if value is None)


@pytest.mark.parametrize(
    ("target", "patch", "result"),
    [  # RFC 7396, appendix A
        ({"a": "b"}, {"a": "c"}, {"a": "c"}),
        ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
        ({"a": "b"}, {"a": None}, {}),
        ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
        ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
        ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
        (["a", "b"], ["c", "d"], ["c", "d"]),
        ({"a": "foo"}, None, None),
        ({"e": None}, {"a": 1}, {"e": None, "a": 1}),
        ([1, 2], {"a": "b", "c": None}, {"a": "b"}),
        ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
    ],
)
def test_merge_patch_does_as_the_rfc_shows(target, patch, result):
    assert edits.merge_patch(target, patch) == result


@pytest.mark.parametrize(
    ("if_match", "version", "passes"),
    [('"3"', 3, True), ('"3"', 4, False), ("*", 4, True), ('"1", "4"', 4, True), ('W/"4"', 4, False), ("4", 4, False), ("", 4, False)],
)
def test_if_match_names_versions(if_match, version, passes):
    wanted = condition(if_match)
    if passes:
        wanted.require(version)
    else:
        with pytest.raises(PreconditionFailed):
            wanted.require(version)


def test_an_edit_without_a_condition_is_refused_where_one_is_required():
    with pytest.raises(PreconditionRequired):
        condition(None)
    condition(None, required=False).require(5)
    assert condition(None, "*").absent
    with pytest.raises(PreconditionFailed):
        condition(None, '"3"')


series = TitleRecord(title_id="a" * 32, kind="series", name="s", episodes=[EpisodeRecord(season=1, episode=1, name="e")])
film = TitleRecord(title_id="a" * 32, kind="film", name="f")


@given(st.permutations([f"{number:032x}" for number in range(5)]), st.booleans())
def test_whatever_order_jobs_end_in_the_newest_version_is_played(versions, of_episode):
    record, place = (series, Place("a" * 32, season=1, episode=1)) if of_episode else (film, Place("a" * 32))
    for version_id in [*versions, *versions]:
        record = edits.attached(record, place, media(version_id), [candidate("still", "b")])
    live = edits.live_media(record, place)
    assert live is not None and live.version_id == max(versions)


def test_publishing_again_keeps_the_day_when_members_first_saw_it():
    first = edits.publish(film, 100.0, on=True)
    again = edits.publish(edits.publish(first, 200.0, on=False), 300.0, on=True)
    assert (first.added_at_s, again.added_at_s, again.published) == (100.0, 100.0, True)
