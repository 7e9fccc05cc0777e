"""The journey of somebody new on the running platform: from the first page to a film, and on elsewhere where it stopped."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.running import Platform

pytestmark = [pytest.mark.browser, pytest.mark.ray]

PASSWORD = "a-seat-in-the-middle"
_numbers = itertools.count(1)
Opened = Callable[..., Page]


@pytest.fixture
def opened(browser: Browser, platform: Platform) -> Iterator[Opened]:
    """Opens browsers of their own at the site; whatever a page complains of fails the test."""
    contexts: list[BrowserContext] = []
    wrong: list[str] = []

    def open_(**options: object) -> Page:
        context = browser.new_context(base_url=platform.site_url, locale="en-GB", **options)
        context.set_default_timeout(30_000)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda said: wrong.append(said.text) if said.type in ("error", "warning") else None)
        page.on("pageerror", lambda error: wrong.append(str(error)))
        return page

    yield open_
    for context in contexts:
        context.close()
    assert wrong == []


def tab_to(page: Page, name: str) -> None:
    """Press Tab until what has this name has the focus."""
    for _ in range(60):
        page.keyboard.press("Tab")
        told = page.evaluate("(document.activeElement?.ariaLabel || document.activeElement?.textContent || '')")
        if name in told:
            return
    raise AssertionError(f"Tab does not reach {name!r}")


def plays(page: Page, beyond_s: float = 0.0) -> float:
    """Wait until the film runs beyond a place; return where it is."""
    page.locator("hls-video").evaluate(
        """(video, beyond_s) => new Promise(seen => {
            const look = () => !video.paused && video.currentTime > beyond_s && video.readyState > 2 ? seen() : setTimeout(look, 50);
            look();
        })""",
        beyond_s,
    )
    at_s: float = page.locator("hls-video").evaluate("video => video.currentTime")
    return at_s


def test_a_stranger_signs_up_watches_by_keyboard_alone_and_goes_on_in_another_browser(opened: Opened, film: str) -> None:
    page = opened()
    email = f"new{next(_numbers)}@example.org"
    page.goto("/")
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    tab_to(page, "Make an account")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Make an account")
    for typed in ("Noor", email, PASSWORD):
        page.keyboard.press("Tab")
        while page.evaluate("document.activeElement.tagName") != "INPUT":
            page.keyboard.press("Tab")
        page.keyboard.type(typed)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Who is watching?")
    expect(page.get_by_role("button", name="Noor")).to_be_visible()
    tab_to(page, "Noor")
    page.keyboard.press("Enter")
    expect(page.get_by_role("link", name=re.compile("Two Tongues")).first).to_be_visible()
    page.keyboard.press("/")
    page.keyboard.type("two ton")
    expect(page.get_by_role("heading", level=1)).to_contain_text("two ton")
    card = page.locator("a.card").first
    expect(card).to_contain_text("Two Tongues")
    for _ in range(20):  # arrows, as a remote control has them
        page.keyboard.press("ArrowDown")
        if card.evaluate("card => card === document.activeElement"):
            break
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Two Tongues")
    expect(page.get_by_role("link", name=re.compile("^Play"))).to_be_visible()
    tab_to(page, "Play")
    page.keyboard.press("Enter")
    plays(page, 1.0)
    page.keyboard.press("3")
    plays(page, 7.5)
    page.keyboard.press("k")
    left_s: float = page.locator("hls-video").evaluate("video => video.currentTime")
    page.keyboard.press("Escape")
    page.keyboard.press("Escape")
    if "/watch/" in page.url:
        page.go_back()
    expect(page.get_by_role("heading", level=1)).to_have_text("Two Tongues")

    phone = opened(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    phone.goto(f"/watch/{film}")
    expect(phone.get_by_role("heading", level=1)).to_have_text("Sign in")
    phone.get_by_label("E-mail").fill(email)
    phone.get_by_label("Password").fill(PASSWORD)
    phone.get_by_role("button", name="Sign in").tap()
    phone.get_by_role("button", name="Noor").tap()
    assert abs(plays(phone, left_s - 2) - left_s) < 4
    expect(phone.get_by_role("heading", level=1)).to_have_text("Two Tongues")


def test_a_device_that_is_signed_out_elsewhere_is_out(opened: Opened) -> None:
    page, other = opened(), opened()
    email = f"new{next(_numbers)}@example.org"
    page.goto("/sign-up")
    page.get_by_label("Your name").fill("Noor")
    page.get_by_label("E-mail").fill(email)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Make the account").click()
    expect(page.get_by_role("button", name="Noor")).to_be_visible()
    other.goto("/sign-in?next=/account")
    other.get_by_label("E-mail").fill(email)
    other.get_by_label("Password").fill(PASSWORD)
    other.get_by_role("button", name="Sign in").click()
    other.get_by_role("button", name="Noor").click()
    expect(other.get_by_role("heading", level=1)).to_have_text("Account")
    other.get_by_role("button", name=re.compile("^Sign out (Chrome|A browser|Headless)")).first.click()
    expect(other.get_by_text("is signed out.")).to_be_visible()
    expect(other.get_by_text("This device", exact=True)).to_be_visible()
