"""People in Chromium on a Matinee with the whole demo, for what is measured of its sites and for their pictures."""

from __future__ import annotations

import contextlib
import os
import re
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from bench.demo import LIMIT_S, limit
from cluster.launch.client import running
from cluster.launch.demo.fill import MEMBERS
from cluster.launch.instance import read
from cluster.settings import Settings, load
from tests.browser.chromium import ARGUMENTS, chromium
from tests.running import Platform

TIMEOUT_MS = 20_000
LOOPBACK = {"127.0.0.1", "localhost", "[::1]"}


@contextlib.contextmanager
def filled(*, own: bool) -> Iterator[Settings]:
    """A Matinee whose demo plays in full: one of its own, or the one of these settings that runs already."""
    if not own:
        settings = load()
        running(settings)
        yield settings
        return
    with tempfile.TemporaryDirectory() as folder:
        instance = Platform(Path(folder) / "data")
        try:
            instance.up("--demo")
            began_s = time.monotonic()
            while (state := read(instance.settings.data)) is None or not re.match("all|incomplete", state.demo):
                limit(began_s)
            print(f"demo: {state.demo}", flush=True)
            yield instance.settings
        finally:
            instance.command("down", timeout_s=LIMIT_S)


@contextlib.contextmanager
def opened_browser() -> Iterator[Browser]:
    """Chromium, headless."""
    found = chromium()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found.executable, args=ARGUMENTS, env={**os.environ, **found.environment})
        yield browser
        browser.close()


class Visitor:
    """Somebody at the site, one browser after the other: each has a cold cache, and knows who signed in."""

    def __init__(self, browser: Browser, settings: Settings, size: tuple[int, int] = (1440, 900)) -> None:
        self._browser, self._settings, self._size = browser, settings, size
        self._context: BrowserContext | None = None
        self.hosts: set[str] = set()
        """Every host that was asked."""
        self.complaints: list[str] = []
        """What the consoles said."""

    def page(self, *scripts: str) -> Page:
        """Return a page of a fresh browser; `scripts` run before each document's own."""
        kept = self._context.storage_state() if self._context else None
        self.leave()
        width, height = self._size
        self._context = self._browser.new_context(
            base_url=self._settings.site_url, viewport={"width": width, "height": height}, locale="en-GB", storage_state=kept
        )
        self._context.set_default_timeout(TIMEOUT_MS)
        for script in scripts:
            self._context.add_init_script(script)
        self._context.on("request", lambda request: self._asked(request.url))
        self._context.on("console", lambda said: self._said(said.text, said.page) if said.type == "error" else None)
        self._context.on("weberror", lambda error: self._said(str(error.error), error.page))
        return self._context.new_page()

    def _asked(self, url: str) -> None:
        if urlsplit(url).scheme not in ("blob", "data"):
            self.hosts.add(urlsplit(url).netloc)

    def _said(self, what: str, page: Page | None) -> None:
        self.complaints.append(f"{what} ({page.url if page else 'no page'})")

    def foreign(self) -> list[str]:
        """Return the hosts that are not on this machine."""
        return sorted(host for host in self.hosts if re.sub(r":\d+$", "", host) not in LOOPBACK)

    def sign_in(self, email: str = MEMBERS[0].email, password: str = MEMBERS[0].password, profile: str | None = MEMBERS[0].name) -> None:
        """Sign in as people do; by default as the first of the demo's members, in the first profile."""
        page = self.page()
        page.goto("/sign-in")
        page.get_by_label("E-mail").fill(email)
        page.get_by_label("Password").fill(password)
        page.get_by_role("button", name="Sign in").click()
        if profile is not None:
            page.get_by_role("button", name=profile, exact=True).click()
            page.locator("a.card").first.wait_for()
        else:
            page.get_by_role("heading", level=1, name="Who is watching?").wait_for()

    def leave(self) -> None:
        """Close the browser; what played there is stopped first."""
        if self._context:
            for page in self._context.pages:
                page.goto("about:blank")
            self._context.close()
            self._context = None
