"""What people do with the site of a running platform, by keyboard, by a remote control, by touch."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final
from urllib.parse import urlsplit

from playwright.sync_api import Browser, BrowserContext, Locator, Page, expect

from tests.running import Platform
from tests.viewers import Viewer

PASSWORD: Final = "a-seat-in-the-middle"
PHONE: Final[dict[str, Any]] = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}
TELEVISION: Final[dict[str, Any]] = {"viewport": {"width": 1280, "height": 720}}
_numbers = itertools.count(1)


class Visits:
    """Browsers of their own at the site; what their pages complain of is kept."""

    def __init__(self, browser: Browser, platform: Platform) -> None:
        self._browser, self._platform = browser, platform
        self._contexts: list[BrowserContext] = []
        self.wrong: list[str] = []

    def open(self, **options: Any) -> Page:
        """Open a browser in which nobody was before."""
        context = self._browser.new_context(base_url=self._platform.site_url, locale="en-GB", **options)
        context.set_default_timeout(30_000)
        self._contexts.append(context)
        page = context.new_page()
        page.on("console", lambda said: self.wrong.append(said.text) if said.type in ("error", "warning") else None)
        page.on("pageerror", lambda error: self.wrong.append(str(error)))
        return page

    def open_as(self, viewer: Viewer, **options: Any) -> Page:
        """Open a browser in which this viewer has signed in, by the cookie that signing in has set."""
        page = self.open(**options)
        host = urlsplit(self._platform.site_url).hostname or ""
        page.context.add_cookies(
            [{"name": each.name, "value": each.value or "", "domain": host, "path": each.path} for each in viewer.http.cookies.jar]
        )
        page.context.add_init_script(
            f"""if (!sessionStorage.getItem("came")) {{
                sessionStorage.setItem("came", "1");
                localStorage.setItem("matinee.signed-in", "1");
                localStorage.setItem("matinee.profile", "{viewer.profile_id}");
            }}"""
        )
        return page

    def forgive(self, *parts: str) -> None:
        """Take out what pages complained of in such words, because the test brought it about: browsers write each failed request."""
        self.wrong[:] = [said for said in self.wrong if not any(part in said for part in parts)]

    def pages(self) -> list[Page]:
        """Return all pages that are open."""
        return [page for context in self._contexts for page in context.pages]

    def close(self) -> None:
        for context in self._contexts:
            context.close()


@contextmanager
def visiting(browser: Browser, platform: Platform) -> Iterator[Visits]:
    """Open and close browsers."""
    visits = Visits(browser, platform)
    try:
        yield visits
    finally:
        visits.close()


def email() -> str:
    """Return an address that nobody has."""
    return f"new{next(_numbers)}-{time.time_ns()}@example.org"


def tab_to(page: Page, name: str) -> None:
    """Press Tab until what has this name has the focus."""
    for _ in range(60):
        page.keyboard.press("Tab")
        told = page.evaluate("(document.activeElement?.ariaLabel || document.activeElement?.textContent || '')")
        if name in told:
            return
    raise AssertionError(f"Tab does not reach {name!r}")


_WAY = """target => {
    const at = document.activeElement;
    if (target === at || target.contains(at)) return null;
    if (!at || at === document.body) return ["ArrowDown", "ArrowRight"];
    const [a, b] = [at.getBoundingClientRect(), target.getBoundingClientRect()];
    const clear = (low, high, from, to) => to[0] >= from[1] - 8 ? high : to[1] <= from[0] + 8 ? low : null;
    const down = clear("ArrowUp", "ArrowDown", [a.top, a.bottom], [b.top, b.bottom]);
    const across = clear("ArrowLeft", "ArrowRight", [a.left, a.right], [b.left, b.right]);
    return [down, across, "ArrowDown", "ArrowRight", "ArrowUp", "ArrowLeft"].filter(each => each);
}"""


def arrow_to(page: Page, target: Locator) -> None:
    """Press arrows until this has the focus, as somebody does who looks at the screen: towards it, else where the focus moves at all."""
    expect(target).to_be_visible()
    pressed: list[str] = []
    for _ in range(30):
        ways = target.evaluate(_WAY)
        if ways is None:
            return
        before = page.evaluate_handle("document.activeElement")
        for way in ways:
            page.keyboard.press(way)
            pressed.append(way)
            if page.evaluate("before => document.activeElement !== before", before):
                break
    raise AssertionError(f"Arrows do not reach it: {' '.join(pressed)}")


def sign_up_by_touch(page: Page, address: str, name: str = "Noor") -> None:
    """From the first page to the home of a new member, with taps."""
    page.goto("/")
    page.get_by_role("link", name="Make an account").tap()
    page.get_by_label("Your name").fill(name)
    page.get_by_label("E-mail").fill(address)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Make the account").tap()
    page.get_by_role("button", name=name).tap()
    expect(page.locator("a.card").first).to_be_visible()


def plays(page: Page, beyond_s: float = 0.0) -> float:
    """Wait until the film runs beyond a place; return where it is."""
    at_s: float = page.locator("hls-video").evaluate(
        """(video, beyond_s) => new Promise(seen => {
            const look = () => !video.paused && video.currentTime > beyond_s && video.readyState > 2
                ? seen(video.currentTime) : setTimeout(look, 20);
            look();
        })""",
        beyond_s,
    )
    return at_s
