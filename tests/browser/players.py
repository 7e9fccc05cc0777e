"""Serves a page with hls.js and Shaka Player to the browser under test, from the installed npm packages."""

from __future__ import annotations

import functools
import http.server
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from playwright.sync_api import Page

from tests.browser.chromium import HERE, node_modules


class _Handler(http.server.SimpleHTTPRequestHandler):
    def translate_path(self, path: str) -> str:
        if path.split("?", maxsplit=1)[0] == "/player.html":
            return str(HERE / "player.html")
        return super().translate_path(path)

    def log_message(self, *args: Any) -> None: ...


@contextmanager
def player_pages() -> Iterator[str]:
    """Serve the player page on loopback; yields its address."""
    handler = functools.partial(_Handler, directory=str(node_modules()))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/player.html"
        server.shutdown()


class Player:
    """A page that plays; `until` waits for a condition on its state."""

    def __init__(self, page: Page, address: str) -> None:
        self.page = page
        page.goto(address)

    def hls(self, url: str, **config: object) -> None:
        """Play by hls.js; `config` is its own."""
        self.page.evaluate("([url, config]) => playHls(url, config)", [url, config])

    def dash(self, url: str) -> None:
        self.page.evaluate("url => playShaka(url)", url)

    def state(self) -> dict[str, Any]:
        found: dict[str, Any] = self.page.evaluate("() => state()")
        return found

    def until(self, condition: str, timeout_s: float = 20.0) -> dict[str, Any]:
        """Wait until a JavaScript expression over `s` (the state) holds, and return the state."""
        self.page.wait_for_function(f"() => {{ const s = state(); return {condition}; }}", timeout=timeout_s * 1000)
        return self.state()
