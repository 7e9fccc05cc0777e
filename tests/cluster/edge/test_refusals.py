"""What a real edge refuses: every path that was not signed as it stands."""

import socket
import time

import pytest

from cluster.security.paths import PathSigner
from tests.cluster.edge.running import SECRET, RunningEdge


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_other_methods_are_refused(shared: RunningEdge, method: str) -> None:
    answer = shared.client.request(method, shared.path("master.m3u8"))
    assert (answer.status_code, answer.json()["type"]) == (405, "urn:matinee:error:method-not-allowed")
    assert "GET" in answer.headers["allow"]


def test_what_the_origin_lacks_is_not_found(shared: RunningEdge) -> None:
    for file in ("nothing.m4s", "v720", "master.m3u8/below"):
        answer = shared.client.get(shared.path(file))
        assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json")
        assert answer.json()["type"] == "urn:matinee:error:object-not-found"
        assert answer.headers["access-control-allow-origin"] == "*"


def refused_paths() -> dict[str, str]:
    path = PathSigner(SECRET.encode()).sign("film", "v1", "session", 3600)
    other_key = PathSigner(b"another secret, as long as it is").sign("film", "v1", "session", 3600)
    expired = PathSigner(SECRET.encode(), lambda: time.time() - 10).sign("film", "v1", "session", 5)
    expiry = path.split(".")[1]
    return {
        "changed playable": path.replace("/film/", "/series/") + "/master.m3u8",
        "changed version": path.replace("/v1", "/v2") + "/master.m3u8",
        "changed session": path.replace(".session.", ".other.") + "/master.m3u8",
        "later expiry": path.replace(expiry, str(int(expiry) + 1)) + "/master.m3u8",
        "expired": expired + "/master.m3u8",
        "other key": other_key + "/master.m3u8",
        "foreign prefix": "/x" + path.removeprefix("/t") + "/master.m3u8",
        "no signature": "/t/film/v1/master.m3u8",
        "object's name": "/media/film/v1/master.m3u8",
        "dots": path + "/../v1/master.m3u8",
        "encoded dots": path + "/%2e%2e/v1/master.m3u8",
        "encoded slash and dots": path + "/..%2fv1/master.m3u8",
        "double encoding": path + "/%252e%252e/v1/master.m3u8",
        "double encoded name": path + "/master%252em3u8",
        "backslash": path + "/..\\v1\\master.m3u8",
        "encoded backslash": path + "/..%5cv1%5cmaster.m3u8",
        "nul": path + "/master.m3u8%00",
        "line break": path + "/master.m3u8%0a",
        "empty segment": path + "//master.m3u8",
        "folder": path + "/",
        "nothing": path,
        "not UTF-8": path + "/%ff",
        "long": path + "/" + "a/" * 600 + "master.m3u8",
        "very long": path + "/" + "a" * 30_000,
        "root": "/",
        "artwork outside": "/a/../media/film/v1/master.m3u8",
        "artwork that is none": "/a/secret.jpg",
    }


def asked_as_it_stands(edge: RunningEdge, path: str) -> bytes:
    """Ask by a bare socket, since HTTP clients tidy paths up; return the whole answer."""
    host, port = edge.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), 10) as connection:
        connection.sendall(f"GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
        return b"".join(iter(lambda: connection.recv(65536), b""))


@pytest.mark.parametrize("case", refused_paths())
def test_paths_that_were_not_signed_as_they_stand_get_403(shared: RunningEdge, case: str) -> None:
    answer = asked_as_it_stands(shared, refused_paths()[case])
    assert answer.startswith(b"HTTP/1.1 403 ")
    assert b"urn:matinee:error:path-refused" in answer
    assert b"#EXTM3U" not in answer


def test_a_path_may_be_percent_encoded_once_as_any_url(shared: RunningEdge) -> None:
    film = shared.path("")[:-1]
    spellings = [f"{film}/%6daster.m3u8", f"{film}%2Fmaster.m3u8", f"/%74{film.removeprefix('/t')}/master%2em3u8"]
    for path in spellings:
        answer = asked_as_it_stands(shared, path)
        assert answer.startswith(b"HTTP/1.1 200 ")
        assert answer.endswith(b"#EXTM3U")
        assert asked_as_it_stands(shared, path.replace("%", "%25")).startswith(b"HTTP/1.1 403 ")


def test_the_same_files_are_open_to_the_signed_path(shared: RunningEdge) -> None:
    assert shared.client.get(shared.path("master.m3u8")).content == b"#EXTM3U"
