"""What a real edge serves: types, ranges, validators, artwork, health."""

import hashlib

import pytest

from tests.cluster.edge.running import SEGMENT, RunningEdge


@pytest.mark.parametrize(
    ("file", "kind"),
    [
        ("a.m3u8", "application/vnd.apple.mpegurl"),
        ("a.mpd", "application/dash+xml"),
        ("a.m4s", "video/iso.segment"),
        ("a.mp4", "video/mp4"),
        ("a.vtt", "text/vtt; charset=utf-8"),
        ("a.jpg", "image/jpeg"),
        ("a.webp", "image/webp"),
        ("a", "application/octet-stream"),
    ],
)
def test_files_have_the_type_that_players_expect(shared: RunningEdge, file: str, kind: str) -> None:
    answer = shared.client.get(shared.put_film(file, b"content"))
    assert (answer.status_code, answer.content, answer.headers["content-type"]) == (200, b"content", kind)


def test_answers_may_be_kept_while_the_path_lives_and_read_by_any_site(shared: RunningEdge) -> None:
    headers = shared.client.get(shared.path("master.m3u8", lifetime_s=600)).headers
    visibility, age, immutable = headers["cache-control"].split(", ")
    assert (visibility, immutable) == ("private", "immutable")
    assert 590 <= int(age.removeprefix("max-age=")) <= 600
    assert headers["access-control-allow-origin"] == "*"
    assert {"Content-Length", "Content-Range"} <= set(headers["access-control-expose-headers"].split(", "))
    assert headers["accept-ranges"] == "bytes"
    assert int(headers["content-length"]) == 7


def test_a_preflight_allows_ranges(shared: RunningEdge) -> None:
    answer = shared.client.options(shared.path("master.m3u8"), headers={"Origin": "http://site", "Access-Control-Request-Headers": "range"})
    assert answer.status_code == 204
    assert answer.headers["access-control-allow-origin"] == "*"
    assert "Range" in answer.headers["access-control-allow-headers"]
    assert "GET" in answer.headers["access-control-allow-methods"]


@pytest.mark.parametrize(
    ("asked", "first", "end"),
    [("bytes=0-0", 0, 1), ("bytes=1000-1999", 1000, 2000), ("bytes=1023000-", 1023000, None), ("bytes=-100", -100, None)],
)
def test_a_range_is_answered_with_206(shared: RunningEdge, asked: str, first: int, end: int | None) -> None:
    answer = shared.client.get(shared.path("v720/00001.m4s"), headers={"Range": asked})
    assert (answer.status_code, answer.content) == (206, SEGMENT[first:end])
    begin = first if first >= 0 else len(SEGMENT) + first
    assert answer.headers["content-range"] == f"bytes {begin}-{begin + len(answer.content) - 1}/{len(SEGMENT)}"


def test_a_range_past_the_end_is_answered_with_416(shared: RunningEdge) -> None:
    answer = shared.client.get(shared.path("master.m3u8"), headers={"Range": "bytes=7-"})
    assert (answer.status_code, answer.headers["content-range"]) == (416, "bytes */7")
    assert answer.json()["type"] == "urn:matinee:error:range-not-satisfiable"


def test_a_known_file_is_not_sent_again_and_if_range_holds_to_it(shared: RunningEdge) -> None:
    path = shared.path("v720/00001.m4s")
    etag = shared.client.get(path).headers["etag"]
    unchanged = shared.client.get(path, headers={"If-None-Match": f'"x", {etag}'})
    assert (unchanged.status_code, unchanged.content) == (304, b"")
    assert shared.client.get(path, headers={"Range": "bytes=0-9", "If-Range": etag}).status_code == 206
    assert shared.client.get(path, headers={"Range": "bytes=0-9", "If-Range": '"other"'}).status_code == 200


def test_head_tells_what_get_would_and_sends_nothing(shared: RunningEdge) -> None:
    path = shared.path("v720/00001.m4s")
    head, get = shared.client.head(path), shared.client.get(path)
    assert (head.status_code, head.content) == (200, b"")
    for name in ("content-length", "content-type", "etag", "access-control-allow-origin"):
        assert head.headers[name] == get.headers[name]


def test_artwork_is_public_and_immutable(shared: RunningEdge) -> None:
    digest = hashlib.sha256(b"picture").hexdigest()
    shared.put(f"artwork/{digest}.webp", b"picture")
    answer = shared.client.get(f"/a/{digest}.webp")
    assert (answer.status_code, answer.content, answer.headers["content-type"]) == (200, b"picture", "image/webp")
    assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert shared.client.get(f"/a/{digest}.jpg").status_code == 404


def test_health_and_counters_answer(shared: RunningEdge) -> None:
    assert shared.client.get("/health").json()["status"] == "ok"
    assert {"hits", "misses", "fill_bytes", "cache_bytes", "revoked_sessions"} <= shared.counters().keys()
    assert "matinee_edge_hits_total " in shared.client.get("/metrics").text
