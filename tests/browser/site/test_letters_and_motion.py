"""Every page at twice the letters, and with and without motion."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.site import catalogue
from tests.browser.site.conftest import SIGNED_IN
from tests.browser.site.fake import Fake
from tests.browser.site.operating import Booth
from tests.browser.site.theatre import EPISODE, MARKERS, NEXT, Theatre

pytestmark = pytest.mark.browser

STRANGERS = ["/", "/sign-in", "/sign-up", "/reset#token", "/tv"]
MEMBERS = ["/", "/films", "/series", "/title/t-salt", "/series/s-tide", "/search?q=salt", "/list", "/profiles", "/link", "/account"]
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

OUTSIDE = """() => [...document.querySelectorAll(".watch *")]
    .filter(each => each.matches("button, a, [role=button], media-play-button, media-mute-button, media-fullscreen-button"))
    .filter(each => each.checkVisibility({ opacityProperty: true, visibilityProperty: true }))
    .filter(each => {
        const box = each.getBoundingClientRect();
        return box.width > 0 && (box.left < 0 || box.right > 1280 || box.bottom > 844);
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


def test_twice_the_letters_lose_nothing_of_the_player(theatre: Theatre) -> None:
    theatre.open(EPISODE, position_s=1.0, markers=MARKERS, next_playable_id=NEXT)
    theatre.pause()
    theatre.page.evaluate("() => { document.documentElement.style.fontSize = '200%' }")
    assert theatre.page.evaluate("() => document.documentElement.scrollWidth") <= 1280
    assert theatre.page.evaluate(CUT_OFF) == []
    assert theatre.page.evaluate(OUTSIDE) == []


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


def test_nothing_moves_in_the_console_for_those_who_do_not_like_it(console: Page, booth: Booth, fake: Fake) -> None:
    fake.on("/studio/jobs", {"items": booth.jobs, "next_cursor": None})
    for path in CONSOLE:
        console.goto(path)
        expect(console.get_by_role("heading", level=1).first).to_be_attached()
        assert console.evaluate(MOVES) == []
        console.locator("nav a").first.hover()
        assert console.evaluate(MOVES) == []


def test_nothing_moves_around_the_film_for_those_who_do_not_like_it(theatre: Theatre) -> None:
    theatre.open(EPISODE, position_s=1.0, markers=MARKERS, next_playable_id=NEXT)
    theatre.pause()
    sheet = theatre.page.get_by_role("dialog", name="Keys")
    for key, sheets in (("ArrowRight", 0), ("m", 0), ("?", 1), ("Escape", 0), ("k", 0)):
        theatre.press(key)
        expect(sheet).to_have_count(sheets)
        assert theatre.page.evaluate(MOVES) == []
    theatre.hide_bar()
    assert theatre.page.evaluate(MOVES) == []
