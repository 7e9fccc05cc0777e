"""Every page at twice the letters, and with and without motion."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.site import catalogue
from tests.browser.site.conftest import SIGNED_IN
from tests.browser.site.fake import Fake
from tests.browser.site.operating import Booth

pytestmark = pytest.mark.browser

STRANGERS = ["/", "/sign-in", "/sign-up", "/reset#token"]
MEMBERS = ["/", "/films", "/series", "/title/t-salt", "/series/s-tide", "/search?q=salt", "/list", "/profiles", "/link"]
CONSOLE = [
    "/console",
    "/console/ingest",
    "/console/titles",
    "/console/titles/t-salt",
    "/console/services",
    "/console/edges",
    "/console/sessions",
    "/console/members",
    "/console/members/a-noor",
    "/console/audit",
]
CUT_OFF = """() => [...document.querySelectorAll("h1, h2, h3, p, label, legend, button, a.btn")]
    .filter(each => each.checkVisibility({ opacityProperty: true, visibilityProperty: true }))
    .filter(each => !each.closest(".unseen, .skip, .bar-top, .card"))
    .filter(each => {
        const style = getComputedStyle(each);
        const hides = style.overflowX !== "visible" && style.textOverflow !== "ellipsis";
        return hides && each.clientWidth > 1 && (each.scrollWidth > each.clientWidth + 2 || each.scrollHeight > each.clientHeight + 2);
    })
    .map(each => each.outerHTML.slice(0, 160))"""


def doubled(page: Page, path: str) -> None:
    page.goto(path)
    expect(page.get_by_role("heading", level=1).first).to_be_attached()
    expect(page.locator("[aria-busy=true]")).to_have_count(0)
    page.evaluate("() => { document.documentElement.style.fontSize = '200%' }")
    assert page.evaluate("() => document.documentElement.scrollWidth") <= 1280
    assert page.evaluate(CUT_OFF) == []


@pytest.mark.parametrize("path", STRANGERS)
def test_twice_the_letters_lose_nothing_of_a_strangers_page(site_page: Page, path: str) -> None:
    doubled(site_page, path)


@pytest.mark.parametrize("path", MEMBERS)
def test_twice_the_letters_lose_nothing_of_a_members_page(members_page: Page, path: str) -> None:
    doubled(members_page, path)


@pytest.mark.parametrize("path", CONSOLE)
def test_twice_the_letters_lose_nothing_of_the_console(console: Page, booth: Booth, fake: Fake, path: str) -> None:
    fake.on("/studio/jobs", {"items": booth.jobs, "next_cursor": None})
    doubled(console, path)


MOVES = """() => document.getAnimations().filter(each => {
    const { duration, iterations } = each.effect.getComputedTiming();
    return duration * iterations > 10;
}).map(each => each.effect.target?.className + ": " + (each.animationName ?? each.transitionProperty))"""


@pytest.mark.parametrize("motion", ["reduce", "no-preference"])
def test_motion_is_there_for_those_who_like_it_alone(browser: Browser, site: str, fake: Fake, motion: str) -> None:
    context = browser.new_context(base_url=site, viewport={"width": 1280, "height": 844}, locale="en-GB", reduced_motion=motion)  # type: ignore[arg-type]
    try:
        context.add_init_script(SIGNED_IN)
        page = context.new_page()
        fake.attach(page)
        page.route("**/artwork/**", lambda route: route.fulfill(content_type="image/svg+xml", body=catalogue.drawing(route.request.url)))
        moved: list[str] = []
        for path in ("/", "/films", "/title/t-salt", "/search?q=salt", "/profiles"):
            page.goto(path)
            expect(page.get_by_role("heading", level=1).first).to_be_attached()
            page.locator("main a, main button").first.hover()
            moved += page.evaluate(MOVES)
            page.keyboard.press("ArrowDown")
            moved += page.evaluate(MOVES)
        assert bool(moved) == (motion == "no-preference"), moved
    finally:
        context.close()
