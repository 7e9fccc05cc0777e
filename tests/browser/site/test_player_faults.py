"""The player when things break: edges that die, services that do not answer, sessions that end, a network that goes."""

from __future__ import annotations

import re
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import BrowserContext, expect

from tests.browser.site import catalogue
from tests.browser.site.catalogue import Json
from tests.browser.site.fake import UNAVAILABLE, Asked, Lost, Problem
from tests.browser.site.looking import Axe
from tests.browser.site.serving import STOPS, Stops
from tests.browser.site.stage import SIGNED, Edge
from tests.browser.site.theatre import EPISODE, FILM, MARKERS, Theatre
from tests.cluster.edge.until import until

pytestmark = pytest.mark.browser

HEARTBEATS: Final = "/playback/sessions/*/heartbeats"


@pytest.fixture
def stops() -> Iterator[Stops]:
    """What pages say from now on while they go."""
    STOPS.heard.clear()
    yield STOPS
    STOPS.status = 204


def _saved(asked: Asked) -> Json:
    return {"sequence": asked.body["sequence"], "lease_s": 30.0}


# --- edges


def test_an_edge_that_dies_is_not_noticed(theatre: Theatre, edges: list[Edge]) -> None:
    theatre.open()
    src = theatre.state()["src"]
    assert edges[1].asked == []
    edges[0].kill()
    theatre.seek(30)  # what is not loaded yet
    state = theatre.plays()
    assert state["t"] > 29.9
    assert state["src"] == src
    assert state["auto"]
    assert edges[1].asked
    expect(theatre.page.locator(".banner")).to_have_text("")
    expect(theatre.page.locator("hls-video > track[label=thumbnails]")).to_have_attribute("src", f"{edges[1].url}{SIGNED}/thumbnails.vtt")
    theatre.errors.clear()


def test_an_edge_that_is_dead_from_the_start_is_passed_over(theatre: Theatre, edges: list[Edge]) -> None:
    edges[0].kill()
    theatre.open()
    expect(theatre.page.locator(".banner")).to_have_text("")
    theatre.errors.clear()


def test_without_any_edge_it_says_so_and_goes_on_with_those_of_a_new_session(
    theatre: Theatre, edges: list[Edge], reel: Path, axe: Axe
) -> None:
    theatre.open(position_s=4.0)
    for edge in edges:
        edge.kill()
    fresh = Edge(reel)
    theatre.edges = [fresh]
    held = theatre.fake.hold("/playback/sessions", "POST")
    theatre.page.locator("hls-video").evaluate("video => { video.currentTime = 30 }")
    banner = theatre.page.locator(".banner")
    expect(banner).to_have_text("The film does not arrive at the moment. Your place is kept, and it is tried again.", timeout=60_000)
    axe.everywhere(theatre.page)
    theatre.eventually(lambda: held.count > 0, 60)
    held.release()
    assert theatre.plays()["t"] > 29.5
    expect(banner).to_have_text("")
    [error] = theatre.eventually(lambda: theatre.told("error"))
    assert (error["session_id"], error["position_s"]) == (f"session-of-{FILM}", 30)
    fresh.kill()
    theatre.errors.clear()


def test_one_failed_segment_does_not_pin_the_lower_quality(theatre: Theatre, edges: list[Edge]) -> None:
    theatre.edges = [edges[0]]  # with another edge a failure never comes through
    theatre.open()
    theatre.until(lambda s: s["height"] == 360)
    edges[0].fail("360_01*.m4s")
    theatre.seek(21)
    theatre.until(lambda s: s["height"] == 180 and s["auto"], 60)
    edges[0].fail()
    theatre.until(lambda s: s["height"] == 360 and s["auto"])
    theatre.errors.clear()


# --- services


def test_it_plays_on_while_no_service_answers_and_tells_its_place_afterwards(theatre: Theatre, axe: Axe) -> None:
    theatre.open()
    theatre.eventually(theatre.beats)
    theatre.fake.on(HEARTBEATS, Lost(), "POST")
    began = time.monotonic()
    banner = theatre.page.locator(".banner")
    expect(banner).to_have_text("Matinee does not answer at the moment. It plays on, and your place is kept.", timeout=30_000)
    axe.everywhere(theatre.page)
    while time.monotonic() - began < 20:
        assert not theatre.state()["paused"]
        theatre.page.wait_for_timeout(500)
    theatre.fake.on(HEARTBEATS, _saved, "POST")
    expect(banner).to_have_text("")
    told = len(theatre.beats())
    theatre.eventually(lambda: len(theatre.beats()) > told)
    assert abs(theatre.beats()[-1]["position_s"] - theatre.state()["t"]) < 3
    sequences = [beat["sequence"] for beat in theatre.beats()]
    assert sequences == sorted(sequences)
    theatre.errors.clear()


def test_going_to_another_site_stops_the_session_too(theatre: Theatre, stops: Stops) -> None:
    theatre.open(position_s=10.0)
    at = theatre.pause()["t"]
    theatre.page.goto("about:blank")
    [stop] = _heard(stops)
    assert urlsplit(stop).path == f"/api/v1/playback/sessions/session-of-{FILM}"
    assert abs(float(parse_qs(urlsplit(stop).query)["position_s"][0]) - at) < 0.5
    theatre.errors.clear()  # an empty page has no storage for what the test puts there


def test_a_place_that_could_not_be_told_is_not_lost(theatre: Theatre, stops: Stops) -> None:
    stops.status = 503
    theatre.open(position_s=2.0)
    theatre.fake.on(HEARTBEATS, UNAVAILABLE, "POST")
    theatre.seek(20)
    failed = len(theatre.beats())
    theatre.eventually(lambda: len(theatre.beats()) > failed + 1)
    theatre.page.goto("about:blank")
    _heard(stops)
    theatre.fake.on("/playback/positions/*", {**catalogue.place(FILM, FILM, 2.0, 40.0), "updated_at": "2020-01-01T00:00:00Z"})
    theatre.page.goto(f"/watch/{FILM}")
    assert theatre.plays()["t"] > 19
    theatre.errors.clear()


def test_offline_says_so_and_plays_what_is_loaded(theatre: Theatre, context: BrowserContext, axe: Axe) -> None:
    theatre.open()
    context.set_offline(True)
    banner = theatre.page.locator(".banner")
    expect(banner).to_have_text("You are offline. What is loaded plays on, and your place is kept.")
    at = theatre.state()["t"]
    theatre.until(lambda s: s["t"] > at + 1 and not s["paused"])
    axe.everywhere(theatre.page)
    context.set_offline(False)
    expect(banner).to_have_text("")
    theatre.plays()
    theatre.errors.clear()


# --- who may watch


STREAM: Final[Json] = {
    "session_id": "other",
    "device_id": "d-tv",
    "this_device": False,
    "profile_id": "p-2",
    "playable_id": "t-salt",
    "title_id": "t-salt",
    "name": "Salt Road",
    "started_at": "2026-06-07T08:09:10Z",
    "position_s": 60.0,
    "state": "playing",
}


def test_too_many_streams_names_the_devices_and_stops_one(theatre: Theatre, axe: Axe) -> None:
    limit = Problem(409, "stream-limit", "Too many devices are watching", members={"limit": 1, "streams": [STREAM]})
    then = STREAM["started_at"]
    device = {"device_id": "d-tv", "name": "Television", "created_at": then, "seen_at": then, "current": False}
    theatre.fake.on("/auth/devices", {"items": [device], "next_cursor": None})
    theatre.fake.on("/playback/sessions", limit, "POST")
    page = theatre.page
    page.goto(f"/watch/{FILM}")
    alert = page.get_by_role("alert")
    expect(alert.get_by_role("heading", level=1)).to_have_text("Another device is watching")
    expect(alert).to_contain_text("This account can watch on 1 device at the same time. Stop one, and it plays here.")
    expect(alert).to_contain_text("Television")
    expect(alert).to_contain_text("Salt Road")
    axe.everywhere(page)
    theatre.fake.on("/playback/sessions", theatre.start, "POST")
    page.get_by_role("button", name="Stop it on Television and play here").click()
    theatre.plays()
    expect(alert).to_have_count(0)
    assert [asked.path for asked in theatre.fake.requests("/playback/sessions/*", "DELETE")] == ["/playback/sessions/other"]
    theatre.errors.clear()


def test_a_session_that_was_ended_elsewhere_stops_here_and_can_be_resumed(theatre: Theatre, axe: Axe) -> None:
    theatre.open(position_s=10.0)
    theatre.fake.on(HEARTBEATS, Problem(404, "session-not-found"), "POST")
    dialog = theatre.page.get_by_role("dialog", name="Playing stopped here")
    expect(dialog).to_contain_text("It was stopped from another device, or goes on in another window. Your place is kept.")
    assert theatre.state()["paused"]
    axe.everywhere(theatre.page)
    theatre.fake.on(HEARTBEATS, _saved, "POST")
    dialog.get_by_role("button", name="Resume here").click()
    assert theatre.plays()["t"] > 10
    expect(dialog).to_have_count(0)
    theatre.errors.clear()


def test_a_token_that_expires_is_renewed_unseen(theatre: Theatre) -> None:
    theatre.open()
    renewals = len(theatre.fake.requests("/auth/tokens/refresh", "POST"))
    expired: list[Any] = [Problem(401, "token-invalid")]
    theatre.fake.on(HEARTBEATS, lambda asked: expired.pop() if expired else _saved(asked), "POST")
    theatre.eventually(lambda: len(theatre.fake.requests("/auth/tokens/refresh", "POST")) == renewals + 1)
    count = len(theatre.beats())
    theatre.eventually(lambda: len(theatre.beats()) > count + 1)
    assert len(theatre.fake.requests("/auth/tokens/refresh", "POST")) == renewals + 1
    assert not theatre.state()["paused"]
    assert theatre.page.url.endswith(f"/watch/{FILM}")
    expect(theatre.page.locator(".banner")).to_have_text("")
    theatre.errors.clear()


def test_two_requests_that_are_refused_at_once_renew_the_token_once(theatre: Theatre) -> None:
    fake = theatre.fake
    theatre.open()
    renewals = len(fake.requests("/auth/tokens/refresh", "POST"))
    fake.on("/auth/tokens/refresh", lambda _: {**catalogue.access_token(), "access_token": "renewed"}, "POST")

    def refused_if_old(asked: Asked) -> Json | Problem:
        if asked.headers["authorization"] != "Bearer renewed":
            return Problem(401, "token-invalid")
        return _saved(asked) if asked.method == "POST" else theatre.profile

    beats, keeps = fake.hold(HEARTBEATS, "POST"), fake.hold("/profiles/me/player", "PUT")
    renewing = fake.hold("/auth/tokens/refresh", "POST")
    fake.on(HEARTBEATS, refused_if_old, "POST")
    fake.on("/profiles/me/player", refused_if_old, "PUT")
    theatre.press("v")  # a language to keep
    theatre.eventually(lambda: beats.count and keeps.count)
    beats.release()
    keeps.release()
    theatre.eventually(lambda: renewing.count)
    assert renewing.count == 1
    renewing.release()
    theatre.eventually(lambda: [asked.headers["authorization"] for asked in fake.requests("/profiles/me/player", "PUT")][1:])
    beaten = len(theatre.beats())
    theatre.eventually(lambda: len(theatre.beats()) > beaten + 1)
    assert len(fake.requests("/auth/tokens/refresh", "POST")) == renewals + 1
    assert not theatre.state()["paused"]
    theatre.errors.clear()


def test_a_refusal_that_comes_late_takes_the_token_that_was_renewed_meanwhile(theatre: Theatre) -> None:
    fake = theatre.fake
    theatre.open()
    renewals = len(fake.requests("/auth/tokens/refresh", "POST"))
    fake.on("/auth/tokens/refresh", lambda _: {**catalogue.access_token(), "access_token": "renewed"}, "POST")
    keeps = fake.hold("/profiles/me/player", "PUT")
    theatre.press("v")
    theatre.eventually(lambda: keeps.count)

    def refused_if_old(asked: Asked) -> Json | Problem:
        if asked.headers["authorization"] != "Bearer renewed":
            return Problem(401, "token-invalid")
        return _saved(asked) if asked.method == "POST" else theatre.profile

    fake.on(HEARTBEATS, refused_if_old, "POST")
    fake.on("/profiles/me/player", refused_if_old, "PUT")
    theatre.eventually(lambda: any(asked.headers["authorization"] == "Bearer renewed" for asked in fake.requests(HEARTBEATS, "POST")))
    keeps.release()
    told = theatre.eventually(lambda: [asked.headers["authorization"] for asked in fake.requests("/profiles/me/player", "PUT")][1:])
    assert told == ["Bearer renewed"]
    assert len(fake.requests("/auth/tokens/refresh", "POST")) == renewals + 1
    theatre.errors.clear()


def test_a_device_that_was_signed_out_is_told_so_and_comes_back_to_its_place(theatre: Theatre, axe: Axe) -> None:
    fake, page = theatre.fake, theatre.page
    theatre.open(position_s=2.0)
    theatre.seek(20)
    refused = Problem(401, "token-invalid")
    fake.on("/auth/tokens/refresh", refused, "POST")
    fake.on("/playback/sessions/*", refused, "DELETE")
    fake.on(HEARTBEATS, refused, "POST")
    expect(page).to_have_url(re.compile(rf"/sign-in\?next=%2Fwatch%2F{FILM}$"), timeout=5_000)
    expect(page.get_by_role("status").filter(has_text="This device was signed out.")).to_contain_text("Your place in every film is kept.")
    expect(page.locator("hls-video")).to_have_count(0)
    axe.everywhere(page)
    beats = len(theatre.beats())
    fake.on("/auth/tokens", catalogue.access_token(), "POST")
    fake.on("/auth/tokens/refresh", catalogue.access_token(), "POST")
    fake.on(HEARTBEATS, _saved, "POST")
    fake.on("/playback/sessions/*", None, "DELETE")
    fake.on("/playback/positions/*", {**catalogue.place(FILM, FILM, 2.0, 40.0), "updated_at": "2020-01-01T00:00:00Z"})
    page.get_by_label("E-mail").fill("noor@example.org")
    page.get_by_label("Password").fill("a long password")
    page.get_by_role("button", name="Sign in").click()
    expect(page).to_have_url(re.compile("/profiles"))
    assert len(theatre.beats()) == beats, "nobody said anything while nobody was signed in"
    page.goto(f"/watch/{FILM}")
    assert theatre.plays()["t"] > 19
    theatre.errors.clear()


# --- names that are made of markup


MARKUP: Final = "<img src=x onerror=window.ran=1><script>window.ran=1</script>"


def test_names_made_of_markup_are_shown_as_they_are_written(theatre: Theatre) -> None:
    page = theatre.page
    episodes = [catalogue.episode("s-tide", 1, number, f"{MARKUP}{number}", still=[]) for number in (1, 2)]
    theatre.fake.on(
        "/titles/s-tide",
        catalogue.title("s-tide", name=f"Tide {MARKUP}", artwork=catalogue.NO_ARTWORK, seasons=[{"season": 1, "episodes": episodes}]),
    )
    theatre.profile = catalogue.profile(autoplay_next=False)
    theatre.open(EPISODE, markers=MARKERS, position_s=31.0)
    expect(page.get_by_role("heading", level=1)).to_have_text(f"Tide {MARKUP}")
    expect(page.locator(".above p")).to_have_text(f"S1 E1 · {MARKUP}1")
    expect(page).to_have_title(f"{MARKUP}1 · Tide {MARKUP} · Matinee")
    expect(page.get_by_role("link", name=f"Back to Tide {MARKUP}")).to_have_count(1)
    expect(page.get_by_role("region", name="Next episode")).to_contain_text(f"S1 E2 · {MARKUP}2")
    _nothing_ran(theatre)


def test_devices_and_streams_named_in_markup_are_shown_as_they_are_written(theatre: Theatre) -> None:
    stream = {**STREAM, "name": MARKUP}
    theatre.fake.on("/playback/sessions", Problem(409, "stream-limit", "Too many", members={"limit": 1, "streams": [stream]}), "POST")
    then = STREAM["started_at"]
    device = {"device_id": "d-tv", "name": f"TV {MARKUP}", "created_at": then, "seen_at": then, "current": False}
    theatre.fake.on("/auth/devices", {"items": [device], "next_cursor": None})
    theatre.page.goto(f"/watch/{FILM}")
    alert = theatre.page.get_by_role("alert")
    expect(alert.locator(".streams b")).to_have_text(f"TV {MARKUP}")
    expect(alert.locator(".streams .dim")).to_have_text(MARKUP)
    _nothing_ran(theatre)
    theatre.errors.clear()


def test_subtitles_and_sounds_made_of_markup_are_text_or_nothing(theatre: Theatre, reel: Path, tmp_path: Path) -> None:
    page = theatre.page
    folder = shutil.copytree(reel, tmp_path / "film")
    master = folder / "master.m3u8"
    master.write_text(
        master.read_text().replace('NAME="English"', f'NAME="English {MARKUP}"').replace('NAME="Deutsch"', f'NAME="Deutsch {MARKUP}"')
    )
    (folder / "text_en.vtt").write_text(f"WEBVTT\n\n00:00.000 --> 00:40.000\n<b>Hello</b> {MARKUP}\n")
    edge = Edge(folder)
    theatre.edges = [edge]
    label = f"English {MARKUP}"
    theatre.open(subtitles=[{"language": "en", "label": label}], audio=[{"language": "en", "label": label}])
    theatre.press("c")
    theatre.until(lambda s: s["read"] == "en" and "Hello" in (s["cue"] or ""))
    elements, text = page.locator("hls-video").evaluate(
        """video => {
          const track = [...video.nativeEl.textTracks].find(track => track.mode === "showing");
          const shown = track.activeCues[0].getCueAsHTML();
          return [[...shown.querySelectorAll("*")].map(element => element.localName), shown.textContent];
        }"""
    )
    assert elements == ["b"]
    assert text.startswith("Hello")
    page.mouse.move(400, 300)
    page.get_by_role("button", name="Subtitles").click()
    expect(page.get_by_role("menuitemradio", name=label)).to_be_visible()
    _nothing_ran(theatre)
    theatre.press("Escape")
    page.mouse.move(420, 300)
    page.get_by_role("button", name="Settings").click()
    page.get_by_role("menuitem", name="Audio").click()
    expect(page.get_by_role("menuitemradio", name=f"Deutsch {MARKUP}")).to_be_visible()
    theatre.press("a")
    _nothing_ran(theatre)
    edge.kill()


def _nothing_ran(theatre: Theatre) -> None:
    # Locators look into shadows too.
    expect(theatre.page.locator("img[src=x], [onerror]")).to_have_count(0)
    expect(theatre.page.locator("script:not([src], [type='application/json'])")).to_have_count(0)
    assert theatre.page.evaluate("() => window.ran === undefined")


def _heard(stops: Stops) -> list[str]:
    """Wait until the server itself heard that a session stops; the page may be gone."""
    until(lambda: bool(stops.heard))
    return stops.heard
