"""An edge needs no service to deliver what it may."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
from playwright.sync_api import Page

from tests.browser.players import Player
from tests.cluster.edge.running import SECRET, RunningEdge
from tests.films import two_language_film
from tests.running import MakePlatform
from tests.viewers import ingested, sign_up

pytestmark = [pytest.mark.browser, pytest.mark.ray, pytest.mark.timeout(900)]


def test_a_film_plays_on_after_everything_but_its_edge_is_down(
    page: Page, address: str, tmp_path: Path, new_platform: MakePlatform
) -> None:
    platform = new_platform(tmp_path / "data", secret=SECRET)
    platform.up()
    try:
        film = ingested(platform, two_language_film(tmp_path / "Two Tongues (2024).mkv"))
        settings = platform.settings
        home = tmp_path / "edge"
        home.mkdir()
        edge = RunningEdge(home, MATINEE_STORE=settings.store, MATINEE_OBJECTS=settings.objects)
        try:
            with sign_up(platform) as viewer:
                path = urlsplit(viewer.start(film)["hls_url"]).path
            player = Player(page, address)
            player.hls(edge.url + path, maxBufferLength=2, maxMaxBufferLength=2)
            player.until("s.position_s > 1")
            page.evaluate("video.pause()")
            platform.down()
            with pytest.raises(httpx.ConnectError):
                httpx.get(platform.site_url)
            fills = edge.counters()["fills"]
            page.evaluate("video.currentTime = 18; video.play()")
            assert player.until("s.position_s > 19")["errors"] == []
            assert edge.counters()["fills"] > fills  # also what no edge had fetched before
        finally:
            edge.stop()
    finally:
        platform.down()
