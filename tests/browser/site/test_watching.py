"""The built site on a running Matinee: a member watches a film that was ingested, while parts of it die."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from cluster.durable import open_log, partition_of
from cluster.edge.registry import EdgeStatus
from cluster.events import TELEMETRY
from cluster.settings import MIN_RUNG_HEIGHT
from serve_apps.playback.policy import ranked
from tests.browser.site.catalogue import Json
from tests.browser.site.visiting import Visits
from tests.browser.site.waiting import eventually
from tests.cluster.edge.running import RunningEdge
from tests.running import Platform
from tests.viewers import Viewer, sign_up

pytestmark = [pytest.mark.browser, pytest.mark.ray]


LEASE_S = 30.0
"""After which a stream that is not heard of ends by itself."""


@pytest.fixture
def viewer(platform: Platform) -> Iterator[Viewer]:
    with sign_up(platform) as signed_up:
        yield signed_up


@pytest.fixture
def page(visits: Visits, viewer: Viewer) -> Page:
    """A page of this viewer's."""
    return visits.open_as(viewer, viewport={"width": 1280, "height": 844}, reduced_motion="reduce")


def at_s(page: Page) -> float:
    found: float = page.locator("hls-video").evaluate("video => video.paused ? -1 : video.currentTime")
    return found


def plays(page: Page, from_s: float = 0.0) -> float:
    """Wait until it plays on from there, and return where it is."""
    begun = eventually(page, lambda: at_s(page) > from_s and at_s(page))
    return float(eventually(page, lambda: at_s(page) > float(begun) + 0.5 and at_s(page)))


def place(viewer: Viewer, film: str) -> Json:
    found: Json = viewer.ask("GET", f"/api/v1/playback/positions/{film}").raise_for_status().json()
    return found


def known(viewer: Viewer, film: str) -> None:
    """Wait until the catalogue's replicas have heard of the film."""
    viewer.stop(viewer.start(film)["session_id"], 0)


def test_a_film_is_watched_and_gone_on_with(page: Page, viewer: Viewer, film: str) -> None:
    known(viewer, film)
    page.goto(f"/watch/{film}")
    plays(page)
    expect(page.get_by_role("heading", level=1)).to_have_text("Two Tongues")
    page.keyboard.press("c")
    cue = "v => [...v.nativeEl.textTracks].find(t => t.mode === 'showing')?.activeCues?.[0]?.text"
    eventually(page, lambda: page.locator("hls-video").evaluate(cue) == "Hello from the test film")
    page.keyboard.press("a")
    heard = "v => v.api.audioTracks[v.api.audioTrack].lang"
    eventually(page, lambda: page.locator("hls-video").evaluate(heard) == "de")
    kept = "/api/v1/profiles/" + viewer.profile_id
    eventually(page, lambda: viewer.ask("GET", kept).json()["audio_language"] == "de")
    page.keyboard.press("5")
    plays(page, 11.5)
    page.keyboard.press("k")
    left_s: float = page.locator("hls-video").evaluate("video => video.currentTime")
    page.get_by_role("link", name="Back to Two Tongues").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Two Tongues")
    eventually(page, lambda: abs(place(viewer, film)["position_s"] - left_s) < 0.6)
    assert viewer.ask("GET", "/api/v1/playback/sessions").json()["items"] == []
    page.go_back()
    assert plays(page) >= left_s - 0.5
    eventually(page, lambda: page.locator("hls-video").evaluate(heard) == "de")


def test_a_tab_that_is_closed_stops_its_stream_at_once(page: Page, viewer: Viewer, film: str) -> None:
    known(viewer, film)
    other = page.context.new_page()
    page.goto(f"/watch/{film}")
    left_s = plays(page, 3.0)
    page.close()
    eventually(other, lambda: viewer.ask("GET", "/api/v1/playback/sessions").json()["items"] == [], timeout_s=LEASE_S / 3)
    assert abs(place(viewer, film)["position_s"] - left_s) < 1


def test_what_happens_in_the_player_reaches_the_log(page: Page, viewer: Viewer, film: str, platform: Platform) -> None:
    known(viewer, film)
    other = page.context.new_page()
    page.goto(f"/watch/{film}")
    plays(page)
    page.locator("hls-video").evaluate("video => { video.currentTime = 15 }")
    plays(page, 15)
    page.close()

    async def logged() -> dict[str, Json]:
        log = await open_log(platform.settings.log)
        try:
            partition = partition_of(str(viewer.profile_id), TELEMETRY.partitions)
            found = [entry.event for entry in await log.read(TELEMETRY, partition, 0, wait_s=1)]
        finally:
            await log.close()
        return {event.kind: event.value for event in found if event.value["profile_id"] == viewer.profile_id}

    def complete() -> dict[str, Json]:
        with ThreadPoolExecutor(1) as aside:  # Playwright's own loop runs in this thread
            kinds = aside.submit(asyncio.run, logged()).result()
        return kinds if kinds.keys() >= {"player.sought", "player.quality-changed"} else {}

    found = eventually(other, complete)
    seek, shown = found["player.sought"], found["player.quality-changed"]
    assert seek["to_s"] == 15
    assert 0 <= seek["position_s"] < 15
    assert shown["height"] >= MIN_RUNG_HEIGHT
    assert seek["session_id"] == shown["session_id"] == found["play.begun"]["session_id"]


def leading(others: list[EdgeStatus], film: str) -> str:
    """Return an id by which an edge is ranked before these for the film."""
    ids = (f"first-{number}" for number in itertools.count())
    return next(each for each in ids if ranked([*others, EdgeStatus(each, "", 0.0, 0.0)], film)[0].edge_id == each)


def test_the_edge_that_delivers_dies(page: Page, visits: Visits, viewer: Viewer, film: str, platform: Platform, tmp_path: Path) -> None:
    known(viewer, film)
    settings = platform.settings
    home = tmp_path / "edge"
    home.mkdir()
    secret = settings.secret_bytes().decode()
    own = [EdgeStatus(each["edge_id"], each["url"], 0.0, 0.0) for each in platform.status()["edges"]]
    first = RunningEdge(
        home, edge_id=leading(own, film), MATINEE_STORE=settings.store, MATINEE_OBJECTS=settings.objects, MATINEE_SECRET=secret
    )
    try:
        eventually(page, lambda: viewer.start(film)["edges"][0]["url"] == first.url)
        viewer.stop(viewer.start(film)["session_id"], 0)
        asked: list[str] = []
        page.on("response", lambda answer: asked.append(answer.url) if answer.ok else None)
        page.goto(f"/watch/{film}")
        plays(page)
        assert any(url.startswith(first.url) for url in asked)
        src = page.locator("hls-video").get_attribute("src")
        first.kill()
        asked.clear()
        page.locator("hls-video").evaluate("video => { video.api.config.maxBufferLength = 2; video.currentTime = 18 }")
        plays(page, 18)
        assert page.locator("hls-video").get_attribute("src") == src
        assert not any(url.startswith(first.url) for url in asked)
        expect(page.locator(".banner")).to_have_text("")
        visits.forgive("ERR_CONNECTION_REFUSED", "ERR_CONNECTION_RESET", "ERR_EMPTY_RESPONSE", "ERR_INCOMPLETE_CHUNKED_ENCODING")
    finally:
        if first.process.poll() is None:
            first.stop()


def test_no_service_answers_for_twenty_seconds(page: Page, visits: Visits, viewer: Viewer, film: str) -> None:
    known(viewer, film)
    page.goto(f"/watch/{film}")
    plays(page)
    page.keyboard.press("<")
    page.keyboard.press("<")
    lost = 0

    def lose(route: Any) -> None:
        nonlocal lost
        lost += 1
        route.abort("connectionrefused")

    page.route("**/api/**", lose)
    ends_s = time.monotonic() + 20
    before_s = at_s(page)
    while time.monotonic() < ends_s:
        assert at_s(page) >= 0, "it stopped"
        page.wait_for_timeout(500)
    assert at_s(page) > before_s + 8
    assert lost > 1
    page.unroute("**/api/**")
    eventually(page, lambda: place(viewer, film)["position_s"] > before_s + 8)
    assert abs(place(viewer, film)["position_s"] - at_s(page)) < 6
    expect(page.locator(".banner")).to_have_text("")
    visits.forgive("ERR_CONNECTION_REFUSED")
