"""A film that was ingested plays in a real browser, from the edge."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator

import httpx
import pytest
from playwright.sync_api import Page

from tests.browser.players import Player, player_pages
from tests.running import Platform
from tests.viewers import Viewer, sign_up

pytestmark = [pytest.mark.browser, pytest.mark.ray]


@pytest.fixture(scope="package")
def viewer(platform: Platform) -> Iterator[Viewer]:
    with sign_up(platform) as signed_up:
        yield signed_up


@pytest.fixture(scope="package")
def address() -> Iterator[str]:
    with player_pages() as found:
        yield found


def test_hls_plays_seeks_switches_and_offers_both_languages(page: Page, address: str, viewer: Viewer, film: str) -> None:
    player = Player(page, address)
    player.hls(viewer.start(film)["hls_url"])
    player.until("s.position_s > 1.5")
    page.evaluate("video.currentTime = 15")
    player.until("s.position_s > 15.5 && s.ready >= 3")
    heights = page.evaluate("hls.levels.map(level => level.height)")
    assert sorted(heights) == [234, 360]
    page.evaluate("hls.nextLevel = hls.levels.findIndex(level => level.height === 360)")
    player.until("s.height === 360")
    assert page.evaluate("hls.audioTracks.map(track => track.lang)") == ["en", "de"]
    page.evaluate("hls.audioTrack = 1")
    page.wait_for_function("hls.audioTrack === 1")
    assert page.evaluate("hls.subtitleTracks.map(track => track.lang)") == ["en", "fr"]
    page.evaluate("hls.subtitleTrack = 1; hls.subtitleDisplay = true")
    page.wait_for_function("[...video.textTracks].some(track => track.cues && track.cues.length && track.cues[0].text.includes('Bonjour'))")
    assert player.state()["errors"] == []


def test_dash_plays_in_shaka_player(page: Page, address: str, viewer: Viewer, film: str) -> None:
    player = Player(page, address)
    player.dash(viewer.start(film)["dash_url"])
    state = player.until("s.position_s > 2")
    assert state["errors"] == []
    assert page.evaluate("player.getTextTracks().map(track => track.language).sort()") == ["en", "fr"]


def test_a_film_plays_on_while_the_services_are_gone(page: Page, address: str, viewer: Viewer, film: str) -> None:
    """The edge needs nobody to deliver what it may: only the manifest's address came from a service."""
    session = viewer.start(film)
    player = Player(page, address)
    player.hls(session["hls_url"])
    player.until("s.position_s > 1")
    viewer.stop(session["session_id"], 1.0)
    page.evaluate("video.currentTime = 12")
    player.until("s.position_s > 12.5")


@pytest.mark.parametrize("manifest", ["hls_url", "dash_url"])
def test_yt_dlp_reads_the_manifest(viewer: Viewer, film: str, manifest: str) -> None:
    url = viewer.start(film)[manifest]
    command = [sys.executable, "-m", "yt_dlp", "--list-formats", "--no-warnings", "--quiet", url]
    listed = subprocess.run(command, capture_output=True, text=True, check=False)
    assert "640x360" in listed.stdout, listed.stderr


def test_an_altered_address_is_refused(viewer: Viewer, film: str, platform: Platform) -> None:
    session = viewer.start(film)
    assert httpx.get(session["hls_url"]).status_code == 200
    head, _, tail = session["hls_url"].partition(film)
    other_film = f"{head}other{tail}"
    key, expiry, *rest = session["path"].split("/")[2].split(".")
    forged = [".".join([str(int(key) + 1), expiry, *rest]), ".".join([key, str(int(expiry) - 10**6), *rest])]
    addresses = [other_film, *(session["hls_url"].replace(session["path"].split("/")[2], token) for token in forged)]
    assert [httpx.get(each).status_code for each in addresses] == [403] * 3
