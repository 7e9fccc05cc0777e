"""An edge needs no service to deliver what it may."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
from playwright.sync_api import Page

from tests.browser.players import Player
from tests.cluster.edge.running import RunningEdge
from tests.films import two_language_film
from tests.running import Platform
from tests.viewers import ingested, sign_up

pytestmark = [pytest.mark.browser, pytest.mark.ray, pytest.mark.timeout(900)]


def test_a_film_plays_on_after_everything_but_its_edge_is_down(page: Page, address: str, tmp_path: Path, upright: Platform) -> None:
    film = ingested(upright, two_language_film(tmp_path / "Two Tongues (2024).mkv", duration_s=12))
    settings = upright.settings
    edge = RunningEdge(tmp_path, MATINEE_STORE=settings.store, MATINEE_OBJECTS=settings.objects)
    try:
        with sign_up(upright) as viewer:
            path = urlsplit(viewer.start(film)["hls_url"]).path
        player = Player(page, address)
        player.hls(edge.url + path, maxBufferLength=2, maxMaxBufferLength=2)
        player.until("s.position_s > 1")
        page.evaluate("video.pause()")
        upright.down()
        with pytest.raises(httpx.ConnectError):
            httpx.get(upright.site_url)
        fills = edge.counters()["fills"]
        page.evaluate("video.currentTime = 9; video.play()")
        assert player.until("s.position_s > 10")["errors"] == []
        assert edge.counters()["fills"] > fills  # also what no edge had fetched before
    finally:
        edge.stop()
