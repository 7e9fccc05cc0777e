"""A film that was ingested plays in a real browser, from the edge."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator

import httpx
import pytest
from playwright.sync_api import Page

from cluster.security.paths import PathSigner
from tests.browser.players import Player
from tests.running import Platform
from tests.viewers import Viewer, sign_up

pytestmark = [pytest.mark.browser, pytest.mark.ray]


@pytest.fixture(scope="package")
def viewer(platform: Platform) -> Iterator[Viewer]:
    with sign_up(platform) as signed_up:
        yield signed_up


def test_hls_plays_seeks_switches_and_offers_both_languages(page: Page, address: str, viewer: Viewer, film: str) -> None:
    player = Player(page, address)
    player.hls(viewer.start(film)["hls_url"])
    player.until("s.position_s > 1.5")
    page.evaluate("video.currentTime = 15")
    player.until("s.position_s > 15.5 && s.ready >= 3")
    heights = page.evaluate("hls.levels.map(level => level.height)")
    assert sorted(heights) == [234, 360]
    for height, at_s in ((360, 2), (234, 12), (360, 6)):
        page.evaluate("height => { hls.currentLevel = hls.levels.findIndex(level => level.height === height) }", height)
        page.evaluate("at_s => { video.currentTime = at_s }", at_s)
        player.until(f"s.height === {height} && s.position_s > {at_s + 0.5}")
    assert page.evaluate("hls.audioTracks.map(track => track.lang)") == ["en", "de"]
    assert set(player.state()["heard"]) == {"en"}
    page.evaluate("hls.audioTrack = 1")
    chosen = player.until("s.heard.at(-1) === 'de'")
    player.until(f"s.position_s > {chosen['position_s'] + 1}")
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
    assert page.evaluate("player.getAudioTracks().map(track => track.language).sort()") == ["de", "en"]
    page.evaluate("video.currentTime = 15")
    assert player.until("s.position_s > 15.5")["errors"] == []


@pytest.mark.parametrize("manifest", ["hls_url", "dash_url"])
def test_yt_dlp_reads_the_manifest(viewer: Viewer, film: str, manifest: str) -> None:
    url = viewer.start(film)[manifest]
    command = [sys.executable, "-m", "yt_dlp", "--list-formats", "--no-warnings", "--quiet", url]
    listed = subprocess.run(command, capture_output=True, text=True, check=False)
    assert "640x360" in listed.stdout, listed.stderr


def test_an_altered_or_expired_address_is_refused(viewer: Viewer, film: str, platform: Platform) -> None:
    session = viewer.start(film)
    assert httpx.get(session["hls_url"]).status_code == 200
    _, _, token, playable, version = session["path"].split("/")
    assert playable == film
    key_id, expiry, session_id, signature = token.split(".")

    def signed(secret: bytes, at_s: float, lifetime_s: float) -> str:
        return PathSigner(secret, lambda: at_s).sign(film, version, session_id, lifetime_s)

    now_s, secret = time.time(), platform.settings.secret_bytes()
    refused = {
        "changed path": session["path"].replace(film, "other"),
        "later expiry": session["path"].replace(expiry, str(int(expiry) + 60)),
        "earlier expiry": session["path"].replace(expiry, str(int(now_s) - 60)),
        "other key id": session["path"].replace(token, f"{int(key_id) + 1}.{expiry}.{session_id}.{signature}"),
        "expired": signed(secret, now_s - 60, 30),
        "other key": signed(b"another secret, as long as it is", now_s, 3600),
        "foreign prefix": "/x" + session["path"].removeprefix("/t"),
    }
    answers = {case: httpx.get(session["hls_url"].replace(session["path"], path)).status_code for case, path in refused.items()}
    assert answers == dict.fromkeys(refused, 403)
    allowed = session["hls_url"].replace(session["path"], signed(secret, now_s - 60, 3600))
    assert httpx.get(allowed).status_code == 200  # so the expired one was refused for its time alone
