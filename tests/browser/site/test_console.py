"""The operators' console: who may see it, how live it is, and that every page can be used by everybody."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, Route, expect

from tests.browser.site import catalogue
from tests.browser.site.fake import UNAVAILABLE, Fake, Lost, Problem
from tests.browser.site.looking import THEMES, Axe, assert_still
from tests.browser.site.operating import Booth, act, application, device, edge, job, member, stream

pytestmark = pytest.mark.browser

MARKUP = "<img src=x onerror=\"document.title='taken'\"><b>Bold</b> & 'quoted'"
PAGES = {
    "/console": "Overview",
    "/console/services": "Services",
    "/console/edges": "Edges",
    "/console/sessions": "Sessions",
    "/console/members": "Members",
    "/console/members/a-noor": "Noor Haddad",
    "/console/audit": "Audit",
}


def settled(page: Page, heading: str) -> None:
    """Wait until a page shows what it was asked for."""
    expect(page.get_by_role("heading", level=1)).to_have_text(heading)
    expect(page.get_by_text(re.compile(r"^Live, \d+ s ago$"))).to_be_visible()
    expect(page.locator("[aria-busy=true]")).to_have_count(0)


# --- who may


def test_a_stranger_signs_in_first_and_nothing_is_asked(site_page: Page, fake: Fake) -> None:
    site_page.goto("/console/members?q=noor")
    expect(site_page).to_have_url(re.compile(r"/sign-in\?next=%2Fconsole%2Fmembers%3Fq%3Dnoor$"))
    expect(site_page.get_by_role("heading", level=1)).to_be_visible()
    assert [asked for asked in fake.asked if asked.path.startswith(("/operations", "/auth/members"))] == []


def test_a_member_is_told_that_it_is_for_operators(members_page: Page, fake: Fake, axe: Axe) -> None:
    members_page.goto("/console/services")
    expect(members_page.get_by_role("heading", level=1)).to_have_text("The console is for operators")
    expect(members_page.get_by_role("link", name="Go to the site")).to_have_attribute("href", "/")
    expect(members_page.get_by_role("navigation")).to_have_count(0)
    axe.everywhere(members_page)
    assert {asked.path for asked in fake.asked} == {"/auth/tokens/refresh"}


def test_an_operator_with_a_kids_profile_chooses_another_one(console: Page, fake: Fake, axe: Axe) -> None:
    fake.on("/auth/tokens/refresh", catalogue.access_token(roles=("member", "operator"), kids=True), "POST")
    console.goto("/console")
    expect(console.get_by_role("link", name="Choose a profile")).to_have_attribute("href", "/profiles?next=%2Fconsole")
    axe.everywhere(console)
    assert fake.requests("/operations/status") == []


# --- every page


@pytest.mark.parametrize(("path", "heading"), PAGES.items())
def test_every_page_can_be_used_by_everybody(console: Page, axe: Axe, path: str, heading: str) -> None:
    console.goto(path)
    settled(console, heading)
    expect(console).to_have_title(f"{heading} · Matinee console")
    assert_still(console)
    axe.everywhere(console)


@pytest.mark.parametrize("path", [path for path in PAGES if path != "/console/members/a-noor"])
def test_a_page_says_what_could_not_be_found_out_and_asks_again_by_itself(console: Page, fake: Fake, axe: Axe, path: str) -> None:
    for asked in ("/operations/status", "/playback/streams", "/auth/members", "/operations/audit"):
        fake.on(asked, UNAVAILABLE)
    console.goto(path)
    expect(console.get_by_role("alert")).to_contain_text("A part of Matinee is starting or restarting.")
    axe.everywhere(console)
    expect(console.get_by_role("button", name="Try again")).to_be_visible()
    Booth(fake)
    settled(console, PAGES[path])


@pytest.mark.parametrize("path", ["/console", "/console/edges", "/console/sessions", "/console/members", "/console/audit"])
def test_an_empty_place_says_so(console: Page, booth: Booth, axe: Axe, path: str) -> None:
    booth.edges, booth.streams, booth.members, booth.audit, booth.jobs, booth.actors = [], [], [], [], [], []
    console.goto(path)
    settled(console, PAGES[path])
    expect(console.locator("main .calm").first).to_be_visible()
    axe.everywhere(console)


@pytest.mark.parametrize("path", ["/console", "/console/services", "/console/sessions"])
def test_what_comes_slowly_has_its_space(console: Page, fake: Fake, axe: Axe, path: str) -> None:
    held = [fake.hold(each) for each in ("/operations/status", "/playback/streams")]
    console.goto(path)
    expect(console.locator(".ghost").first).to_be_visible()
    axe.everywhere(console)
    for each in held:
        each.release()
    settled(console, PAGES[path])


def test_old_figures_stay_and_say_of_when_they_are(console: Page, fake: Fake, booth: Booth, axe: Axe) -> None:
    console.goto("/console/services")
    settled(console, "Services")
    fake.on("/operations/status", Lost())
    expect(console.get_by_text(re.compile(r"^As of \d\d:\d\d$"))).to_be_visible()
    expect(console.get_by_role("row").filter(has_text="playback")).to_contain_text("3 of 3 ready")
    axe.everywhere(console)
    fake.on("/operations/status", lambda _: booth.status())
    settled(console, "Services")


def test_figures_are_asked_every_two_seconds(console: Page, fake: Fake, booth: Booth) -> None:
    console.goto("/console")
    settled(console, "Overview")
    booth.streams = [stream(f"s-{number}") for number in range(1284)]
    expect(console.get_by_role("region", name="Now")).to_contain_text("1,284", timeout=4000)


def test_markup_in_names_is_text(console: Page, fake: Fake, booth: Booth) -> None:
    booth.members = [member("a-noor", MARKUP, email=f"{MARKUP}@example.org")]
    booth.devices = {"a-noor": [device("d-1", MARKUP)]}
    booth.streams = [stream("s-1", name=MARKUP)]
    booth.applications = [application(MARKUP, "/api/v1/x", 1)]
    booth.edges = [edge(1, edge_id=MARKUP, url=MARKUP)]
    booth.jobs = [job(name=MARKUP)]
    booth.actors = [{"name": MARKUP, "answers": False}]
    booth.audit = [act(1, MARKUP, f"/api/v1/{MARKUP}", account_id="a-noor")]
    for path, heading in PAGES.items():
        console.goto(path)
        settled(console, MARKUP if path.endswith("a-noor") else heading)
        expect(console.locator("main")).to_contain_text("<b>Bold</b>")
        assert console.locator("main img, main b:text-is('Bold')").count() == 0
        assert console.title() != "taken"


def test_a_dashboard_address_that_is_none_is_no_link(console: Page, fake: Fake, booth: Booth) -> None:
    fake.on("/operations/status", lambda _: {**booth.status(), "dashboard_url": "javascript:alert(1)"})
    console.goto("/console")
    settled(console, "Overview")
    expect(console.get_by_role("link", name="Back to the site")).to_be_visible()
    expect(console.get_by_role("link", name=re.compile("Ray dashboard"))).to_have_count(0)


# --- the ways


def test_the_side_bar_leads_everywhere(console: Page, booth: Booth, axe: Axe) -> None:
    console.goto("/console")
    settled(console, "Overview")
    bar = console.get_by_role("navigation", name="Console")
    expect(bar.get_by_role("link", name="Ingest 1 job running")).to_be_visible()
    expect(bar.get_by_role("link", name="Ray dashboard")).to_have_attribute("href", "http://127.0.0.1:8265")
    expect(bar.get_by_role("link", name="Back to the site")).to_have_attribute("href", "/")
    bar.get_by_text("Documents").click()
    expect(bar.get_by_role("link", name="catalog")).to_have_attribute("href", "/api/v1/titles/docs")
    expect(bar.get_by_role("link", name=re.compile("^web"))).to_have_count(0)
    axe.everywhere(console)
    console.set_viewport_size({"width": 1280, "height": 844})
    bar.get_by_role("link", name="Edges").click()
    settled(console, "Edges")
    expect(console.get_by_role("heading", level=1)).to_be_focused()
    expect(bar.get_by_role("link", name="Edges")).to_have_attribute("aria-current", "page")
    console.go_back()
    settled(console, "Overview")


def test_on_a_phone_the_bar_shows_where_one_is(console: Page) -> None:
    console.set_viewport_size({"width": 390, "height": 844})
    console.goto("/console/audit")
    settled(console, "Audit")
    expect(console.get_by_role("link", name="Audit")).to_be_in_viewport(ratio=1)


def test_an_address_that_leads_nowhere_says_so(console: Page, axe: Axe) -> None:
    console.goto("/console/nothing")
    expect(console.get_by_role("heading", level=1)).to_have_text("There is nothing at this address")
    axe.everywhere(console)


# --- overview and edges


def test_overview_names_what_needs_a_look(console: Page, booth: Booth, axe: Axe) -> None:
    booth.actors[1]["answers"] = False
    console.goto("/console")
    settled(console, "Overview")
    attention = console.get_by_role("region", name="What needs a look")
    expect(attention.get_by_role("listitem")).to_have_count(3)
    expect(attention).to_contain_text("1 unhealthy")
    expect(attention).to_contain_text("Does not answer")
    now = console.get_by_role("region", name="Now")
    expect(now.get_by_role("link", name="Streams playing")).to_have_attribute("href", "/console/sessions")
    expect(now.get_by_role("img", name=re.compile("^Streams playing: 2, unchanged"))).to_be_visible()
    expect(now.locator("canvas")).to_have_count(4)
    booth.edges.pop()
    expect(attention).to_contain_text("Went away")
    axe.everywhere(console)


def test_a_chart_takes_the_colours_of_its_theme(console: Page) -> None:
    console.goto("/console/edges")
    settled(console, "Edges")
    pictures = []
    for theme in THEMES:
        console.evaluate("theme => { document.documentElement.dataset.theme = theme }", theme)
        console.wait_for_timeout(50)
        pictures.append(console.locator(".chart canvas").evaluate("canvas => canvas.toDataURL()"))
    assert pictures[0] != pictures[1]


def test_figures_are_shown_also_where_no_chart_can_be_drawn(console: Page, fake: Fake) -> None:
    def lose(route: Route) -> None:
        fake.refused.add(route.request.url)
        route.abort()

    console.route(re.compile(r"/assets/uPlot[^/]*\.js"), lose)
    console.goto("/console")
    settled(console, "Overview")
    now = console.get_by_role("region", name="Now")
    expect(now.get_by_role("img", name=re.compile("^Streams playing: 2"))).to_be_attached()
    assert any("uPlot" in url for url in fake.refused)
    expect(now.locator("canvas")).to_have_count(0)


def test_a_page_whose_program_is_gone_says_so(console: Page, fake: Fake, axe: Axe) -> None:
    def lose(route: Route) -> None:
        fake.refused.add(route.request.url)
        route.fulfill(status=404)

    console.goto("/console")
    settled(console, "Overview")
    console.route(re.compile(r"/assets/Audit[^/]*\.js"), lose)
    console.get_by_role("link", name="Audit").click()
    expect(console.get_by_role("heading", level=1)).to_have_text("This page could not be loaded")
    axe.everywhere(console)
    console.unroute(re.compile(r"/assets/Audit[^/]*\.js"))
    console.get_by_role("button", name="Load it again").click()
    settled(console, "Audit")


def test_an_edge_that_goes_away_is_told_while_the_console_is_open(console: Page, booth: Booth, axe: Axe) -> None:
    console.goto("/console/edges")
    settled(console, "Edges")
    row = console.get_by_role("row").filter(has_text="edge-1")
    expect(row).to_contain_text("96.4 %")
    expect(row).to_contain_text("3.1 GB of 10.0 GB")
    expect(row).to_contain_text("52.0 GB free")
    booth.edges[0] = edge(1, hits=9740, misses=370, seen_s_ago=30)
    expect(row).to_contain_text("Silent for 30 s")
    expect(row).to_contain_text(re.compile(r"\d /s"))
    del booth.edges[0]
    expect(row).to_contain_text("Gone since")
    axe.everywhere(console)


def test_thousands_of_edges_are_pages(console: Page, booth: Booth) -> None:
    booth.edges = [edge(number) for number in range(1, 2001)]
    console.goto("/console/edges")
    settled(console, "Edges")
    expect(console.get_by_role("row")).to_have_count(51)
    console.get_by_role("button", name="Next page").click()
    expect(console.get_by_text("51 to 100 of 2000")).to_be_visible()


def test_a_refusal_in_the_middle_keeps_the_page(console: Page, fake: Fake, axe: Axe) -> None:
    console.goto("/console/audit")
    settled(console, "Audit")
    fake.on("/operations/audit", Problem(503, "unavailable", "The log does not answer", "Try again in a moment."))
    expect(console.get_by_text("the log does not answer")).to_be_visible()
    expect(console.get_by_role("row").filter(has_text="changed the scale of playback")).to_be_visible()
    axe.everywhere(console)
