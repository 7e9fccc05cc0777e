from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Route, expect

from tests.browser.site import catalogue, world
from tests.browser.site.fake import Fake
from tests.browser.site.looking import SHIFTS, Axe, photograph
from tests.browser.site.operating import Booth
from tests.browser.site.serving import built_sites, serving
from tests.browser.site.stage import Edge, film
from tests.browser.site.theatre import Theatre
from tests.browser.site.visiting import Visits, visiting
from tests.running import Platform

SIGNED_IN: Final = f"""
if (localStorage.getItem("matinee.signed-in") === null && !sessionStorage.getItem("came")) {{
  sessionStorage.setItem("came", "1");
  localStorage.setItem("matinee.signed-in", "1");
  localStorage.setItem("matinee.profile", "{catalogue.PROFILE}");
}}
"""
"""As a browser is where somebody signed in before; signing out stays signed out."""


EXPECT_MS: Final = 20_000
"""How long a page may take to show what is expected of it: a machine under load is no failure."""
expect.set_options(timeout=EXPECT_MS)


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Where the built sites are."""
    data: Path = tmp_path_factory.mktemp("site")
    with serving(built_sites(), data) as address:
        yield address


@pytest.fixture(scope="session")
def axe(site: str) -> Axe:
    return Axe()


@pytest.fixture
def fake() -> Fake:
    """The services: those of a member who has something of everything."""
    made = Fake()
    world.fill(made)
    return made


@pytest.fixture
def context(browser: Browser, site: str) -> Iterator[BrowserContext]:
    opened = browser.new_context(base_url=site, viewport={"width": 1280, "height": 844}, reduced_motion="reduce", locale="en-GB")
    opened.set_default_timeout(10_000)
    opened.add_init_script(SHIFTS)
    yield opened
    opened.close()


@pytest.fixture
def site_page(context: BrowserContext, fake: Fake, request: pytest.FixtureRequest) -> Iterator[Page]:
    """A page of a stranger; at the end nothing was complained of in its console, and nothing asked that nobody answers."""
    opened = context.new_page()
    errors: list[str] = []

    def said(message: ConsoleMessage) -> None:
        where = message.location.get("url", "")
        if message.type in ("error", "warning") and where not in fake.refused:
            errors.append(f"{message.text} ({where})")

    opened.on("console", said)
    opened.on("pageerror", lambda error: errors.append(str(error)))
    fake.attach(opened)
    opened.route("**/artwork/**", _draw)
    yield opened
    wrong = [*errors, *fake.unknown]
    photograph(opened, request.node.name)
    assert wrong == []


@pytest.fixture
def members_page(site_page: Page, context: BrowserContext) -> Page:
    """A page of a member whose profile watches; go where the test begins."""
    context.add_init_script(SIGNED_IN)
    return site_page


@pytest.fixture
def booth(fake: Fake) -> Booth:
    """What runs, as operators see it."""
    return Booth(fake)


@pytest.fixture
def console(site_page: Page, context: BrowserContext, booth: Booth) -> Page:
    """A page of an operator; go where the test begins."""
    context.add_init_script(SIGNED_IN)
    return site_page


@pytest.fixture(scope="session")
def reel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of the film that edges deliver."""
    return film(tmp_path_factory.mktemp("film"))


@pytest.fixture
def edges(reel: Path) -> Iterator[list[Edge]]:
    """Two edges, the best-ranked first."""
    made = [Edge(reel), Edge(reel)]
    yield made
    for edge in made:
        edge.kill()


@pytest.fixture
def theatre(context: BrowserContext, fake: Fake, edges: list[Edge], request: pytest.FixtureRequest) -> Iterator[Theatre]:
    """A page of a member with the player; at the end its console is empty, and nothing was asked that nobody answers."""
    context.add_init_script(SIGNED_IN)
    page = context.new_page()
    made = Theatre(page, fake, edges)
    page.on("console", lambda said: made.errors.append(said.text) if said.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: made.errors.append(str(error)))
    page.route("**/artwork/**", _draw)
    fake.attach(page)
    yield made
    wrong = [*made.errors, *fake.unknown]
    photograph(page, request.node.name)
    assert wrong == []


@pytest.fixture
def visits(browser: Browser, platform: Platform, request: pytest.FixtureRequest) -> Iterator[Visits]:
    """Browsers at a running platform; whatever a page complains of fails the test."""
    with visiting(browser, platform) as opened:
        yield opened
        wrong = [*opened.wrong]
        for number, page in enumerate(opened.pages()):
            photograph(page, request.node.name, number)
    assert wrong == []


def _draw(route: Route) -> None:
    if "/api/" in route.request.url:
        route.fallback()
        return
    route.fulfill(content_type="image/svg+xml", body=catalogue.drawing(route.request.url))
