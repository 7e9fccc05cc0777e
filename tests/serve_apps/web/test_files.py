"""The two sites through HTTP: which path is which file, and what a browser is told to keep."""

from __future__ import annotations

import gzip
from pathlib import Path

import brotli
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cluster.errors import SiteNotBuilt
from serve_apps.web.files import read_site
from tests.serve_apps.web.built import built_site
from tests.serve_apps.web.world import World

SCRIPT = "/assets/members-a1b2c3.js"
FONT = "/assets/text-d4e5f6.woff2"


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


@pytest.mark.parametrize("path", ["/", "/films", "/title/01HX", "/watch/01HX-s01e01", "/consoles", "/link/", "/index.html"])
def test_a_path_without_a_dot_is_a_page_of_the_members_site(world: World, path: str) -> None:
    answer = world.get(path)
    assert answer.status == 200
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert b"/assets/members-" in answer.body


@pytest.mark.parametrize("path", ["/console", "/console/", "/console/ingest", "/console/titles/01HX", "/console.html"])
def test_under_console_it_is_the_operators(world: World, path: str) -> None:
    answer = world.get(path)
    assert answer.status == 200
    assert b"/assets/console-" in answer.body


@pytest.mark.parametrize("path", ["/nothing.js", "/assets/gone-000000.js", "/console/gone.css", "/.stamp", "/assets/members-a1b2c3.js.br"])
def test_a_file_that_is_not_there_is_a_problem_document(world: World, path: str) -> None:
    (world.folder / ".stamp").write_text("a build's own")
    answer = world.get(path)
    assert (answer.status, answer.headers["content-type"]) == (404, "application/problem+json")


@pytest.mark.parametrize("path", ["/api", "/api/", "/api/v1/nothing", "/api/v1/nothing/deep"])
@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"])
def test_no_page_pretends_to_be_a_service(world: World, path: str, method: str) -> None:
    answer = world.run(world.ask(path, method))
    assert (answer.status, answer.headers["content-type"]) == (404, "application/problem+json")


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
def test_a_page_takes_no_other_method(world: World, method: str) -> None:
    assert world.run(world.ask("/films", method)).status == 405


SECRET = b"not the site's to tell"
PIECES = st.sampled_from(["", ".", "..", "...", "/", "\\", "assets", "console", "secret.txt", "site", "%2e%2e", "\x00", "~", "etc", "é"])


@given(st.lists(PIECES, max_size=8).map("/".join))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)
def test_no_path_leads_out_of_the_site(world: World, path: str) -> None:
    (world.folder.parent / "secret.txt").write_bytes(SECRET)
    answer = world.get("/" + path)
    assert answer.status in {200, 404}
    assert SECRET not in answer.body
    if answer.status == 200:
        assert answer.headers["content-type"].startswith("text/html")


def test_what_is_named_by_its_content_is_kept_for_ever(world: World) -> None:
    for path in (SCRIPT, FONT):
        assert world.get(path).headers["cache-control"] == "public, max-age=31536000, immutable"


@pytest.mark.parametrize("path", ["/", "/console", "/favicon.svg", "/robots.txt"])
def test_what_keeps_its_name_is_asked_for_each_time(world: World, path: str) -> None:
    answer = world.get(path)
    assert (answer.status, answer.headers["cache-control"]) == (200, "no-cache")
    again = world.get(path, If_None_Match=f'"other", W/{answer.headers["etag"]}')
    assert (again.status, again.body) == (304, b"")
    assert again.headers["etag"] == answer.headers["etag"]
    assert world.get(path, If_None_Match='"other"').status == 200


def test_another_build_is_another_version(world: World) -> None:
    before = world.get("/").headers["etag"]
    (world.folder / "index.html").write_text("<!doctype html><title>members, again</title>")
    assert world.get("/", If_None_Match=before).status == 200


@pytest.mark.parametrize(
    ("accepted", "encoding"),
    [("gzip, deflate, br, zstd", "br"), ("gzip", "gzip"), ("br;q=0, gzip", "gzip"), ("identity", ""), ("", ""), ("*", "br"), ("*;q=0", "")],
)
def test_a_text_is_sent_in_the_smallest_form_that_is_taken(world: World, accepted: str, encoding: str) -> None:
    plain = (world.folder / SCRIPT[1:]).read_bytes()
    answer = world.get(SCRIPT, Accept_Encoding=accepted)
    assert answer.headers.get("content-encoding", "") == encoding
    assert {"br": brotli.decompress, "gzip": gzip.decompress, "": bytes}[encoding](answer.body) == plain
    assert answer.headers["vary"] == "Accept-Encoding"
    assert answer.headers["content-length"] == str(len(answer.body))
    assert answer.headers["content-type"] == "text/javascript; charset=utf-8"


def test_the_forms_of_a_file_are_versions_of_their_own(world: World) -> None:
    assert len({world.get(SCRIPT, Accept_Encoding=accepted).headers["etag"] for accepted in ("br", "gzip", "")}) == 3


def test_a_font_is_sent_as_it_is(world: World) -> None:
    answer = world.get(FONT, Accept_Encoding="gzip, br")
    assert "content-encoding" not in answer.headers
    assert (answer.headers["content-type"], answer.body) == ("font/woff2", bytes(range(256)) * 4)


@pytest.mark.parametrize("path", ["/", "/console/drills", SCRIPT, "/favicon.svg"])
def test_head_is_get_without_the_body(world: World, path: str) -> None:
    get, head = world.get(path, Accept_Encoding="br"), world.run(world.ask(path, "HEAD", Accept_Encoding="br"))
    assert (head.status, head.body) == (200, b"")
    ours = [{name: value for name, value in answer.headers.items() if name != "x-request-id"} for answer in (get, head)]
    assert ours[0] == ours[1]


@pytest.mark.parametrize("path", ["/", "/console", SCRIPT, "/favicon.svg"])
def test_every_file_says_what_may_be_done_with_it(world: World, path: str) -> None:
    headers = world.get(path).headers
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "same-origin"
    assert headers["cross-origin-opener-policy"] == "same-origin"
    assert "camera=()" in headers["permissions-policy"]


def test_without_a_built_site_there_is_nothing_to_serve(tmp_path: Path) -> None:
    with pytest.raises(SiteNotBuilt, match="is not built"):
        read_site(tmp_path / "nowhere")
    built_site(tmp_path / "half")
    (tmp_path / "half/console.html").unlink()
    with pytest.raises(SiteNotBuilt, match=r"has no console\.html"):
        read_site(tmp_path / "half")
