"""Signed paths open what they were signed for, for as long as they say, and nothing else."""

import string

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from cluster.errors import InvalidInput, PathRefused
from cluster.security.paths import CLOCK_SKEW_S, KEY_PERIOD_S, PATH_LIMIT, PathSigner, PathVerifier

SECRET = b"sixteen bytes or more of secret"
NOW_S = 1_800_000_000.0
IDS = st.text(string.ascii_letters + string.digits + "_-", min_size=1, max_size=64)
SEGMENTS = st.from_regex(r"[A-Za-z0-9_~-][A-Za-z0-9_~-]{0,10}(\.[a-z0-9]{1,4})?", fullmatch=True)
FILES = st.lists(SEGMENTS, min_size=1, max_size=4).map("/".join)


def signed(lifetime_s: float = 3600, at_s: float = NOW_S, secret: bytes = SECRET) -> str:
    return PathSigner(secret, lambda: at_s).sign("film", "v1", "session-1", lifetime_s)


def verifier(at_s: float = NOW_S, secret: bytes = SECRET) -> PathVerifier:
    return PathVerifier(secret, lambda: at_s)


def refused(path: str, at_s: float = NOW_S, secret: bytes = SECRET) -> bool:
    try:
        verifier(at_s, secret).verify(path)
    except PathRefused:
        return True
    return False


@given(IDS, IDS, IDS, FILES, st.floats(1, KEY_PERIOD_S), st.floats(0, 4e9))
def test_a_signed_path_opens_its_files_until_it_expires(
    playable: str, version: str, session: str, file: str, life_s: float, now_s: float
) -> None:
    path = PathSigner(SECRET, lambda: now_s).sign(playable, version, session, life_s)
    found = verifier(now_s).verify(f"{path}/{file}")
    assert (found.playable_id, found.version_id, found.session_id, found.file) == (playable, version, session, file)
    assert now_s + life_s <= found.expires_at_s <= now_s + life_s + 1
    assert verifier(found.expires_at_s - 0.5).verify(f"{path}/{file}") == found
    assert refused(f"{path}/{file}", found.expires_at_s)


@given(st.data())
def test_any_changed_character_is_refused(data: st.DataObject) -> None:
    path = signed()
    at = data.draw(st.integers(0, len(path) - 1))
    other = data.draw(st.one_of(st.sampled_from(string.printable), st.characters()))
    assume(other != path[at])
    assert refused(path[:at] + other + path[at + 1 :] + "/master.m3u8")


@given(st.data())
def test_any_removed_or_added_character_is_refused(data: st.DataObject) -> None:
    path = signed()
    at = data.draw(st.integers(0, len(path) - 1))
    assert refused(path[:at] + path[at + 1 :] + "/master.m3u8")
    # An id that grows at its end becomes another id; a slash there begins the file and another version.
    added = data.draw(st.sampled_from(string.ascii_letters + string.digits + "./-_%"))
    assert refused(path[:at] + added + path[at:] + "/master.m3u8")


def test_every_spelling_of_the_last_signature_character_but_one_is_refused() -> None:
    head, _, tail = signed().partition("/film")
    spellings = [c for c in string.ascii_letters + string.digits + "-_" if not refused(f"{head[:-1]}{c}/film{tail}/master.m3u8")]
    assert spellings == [head[-1]]


@given(st.text(max_size=200))
def test_any_other_text_is_refused(text: str) -> None:
    assert refused(text)
    assert refused(f"/t/{text}")


@pytest.mark.parametrize(
    "file",
    [
        "",
        "/",
        "a//b",
        "/a",
        "a/",
        "..",
        "../x",
        "a/../b",
        "a..b",
        ".",
        ".hidden",
        "a/./b",
        "%2e%2e/x",
        "a%2eb",
        "%252e%252e/x",
        "a\\b",
        "a\0b",
        "a\nb",
        "a b",
        "ä",
        "a\n",
    ],
)
def test_names_that_are_no_plain_files_are_refused(file: str) -> None:
    assert refused(f"{signed()}/{file}")


def test_absurdly_long_paths_are_refused() -> None:
    path = signed() + "/"
    file = "a/" * PATH_LIMIT
    assert not refused(path + file[: PATH_LIMIT - len(path) - 1] + "a")
    assert refused(path + file[: PATH_LIMIT - len(path)] + "a")
    assert not refused(path + "a" * 128)
    assert refused(path + "a" * 129)
    assert refused("/t/" + "9" * 10_000_000)


def test_another_secret_is_refused() -> None:
    assert refused(signed(secret=b"another secret of some length") + "/master.m3u8")


def test_another_playable_version_session_or_expiry_is_refused() -> None:
    path = signed()
    for old, new in [
        ("/film/", "/other/"),
        ("/v1", "/v2"),
        (".session-1.", ".session-2."),
        (".1800003600.", ".1800003601."),
        (".1800003600.", ".01800003600."),
    ]:
        assert old in path
        assert refused(path.replace(old, new) + "/master.m3u8")


@pytest.mark.parametrize("prefix", ["", "/x", "/a", "/T", "//t", "/t/t", "http://edge/t"])
def test_a_foreign_prefix_is_refused(prefix: str) -> None:
    assert refused(prefix + signed().removeprefix("/t") + "/master.m3u8")


def test_keys_live_for_their_period_and_the_next() -> None:
    start_s = (NOW_S // KEY_PERIOD_S) * KEY_PERIOD_S
    path = signed(KEY_PERIOD_S, at_s=start_s) + "/master.m3u8"
    late = signed(KEY_PERIOD_S, at_s=start_s + KEY_PERIOD_S - 1) + "/master.m3u8"
    assert not refused(path, start_s + KEY_PERIOD_S - 1)
    assert not refused(late, start_s + 2 * KEY_PERIOD_S - 2)
    assert refused(late, start_s + 2 * KEY_PERIOD_S)


def test_a_signer_a_little_ahead_of_the_edge_is_accepted_and_one_far_ahead_is_not() -> None:
    start_s = (NOW_S // KEY_PERIOD_S) * KEY_PERIOD_S
    path = signed(at_s=start_s) + "/master.m3u8"
    assert not refused(path, start_s - CLOCK_SKEW_S)
    assert refused(path, start_s - CLOCK_SKEW_S - 1)


@pytest.mark.parametrize(
    "ids", [("", "v", "s"), ("a/b", "v", "s"), ("p", "..", "s"), ("p", "v", "s.t"), ("p", "v", "s" * 65), ("p", "v\n", "s")]
)
def test_ids_that_no_path_can_carry_are_not_signed(ids: tuple[str, str, str]) -> None:
    with pytest.raises(InvalidInput):
        PathSigner(SECRET, lambda: NOW_S).sign(*ids, 60)


@pytest.mark.parametrize("lifetime_s", [0, -1, KEY_PERIOD_S + 1, float("nan"), float("inf")])
def test_lifetimes_that_no_key_outlives_are_not_signed(lifetime_s: float) -> None:
    with pytest.raises(InvalidInput):
        signed(lifetime_s)
