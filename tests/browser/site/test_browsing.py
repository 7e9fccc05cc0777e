"""The pages where members look for something to watch."""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.site import catalogue, world
from tests.browser.site.catalogue import CARDS, card, item, next_to_watch, place, row, title
from tests.browser.site.fake import UNAVAILABLE, Asked, Fake, Lost, Made, Problem
from tests.browser.site.looking import Axe, assert_still

pytestmark = pytest.mark.browser

MARKUP = "<img src=x onerror=\"document.title='taken'\"><b>Bold</b> & 'quoted'"


def heading(page: Page) -> Locator:
    """The page's one first heading."""
    return page.get_by_role("heading", level=1)


def section(page: Page, name: str) -> Locator:
    return page.get_by_role("region", name=name)


def cards(within: Page | Locator) -> Locator:
    return within.locator("a.card")


# --- home


def test_home_shows_the_hero_and_its_rows(members_page: Page, fake: Fake, axe: Axe) -> None:
    members_page.goto("/")
    expect(heading(members_page)).to_have_text("Big Buck Bunny")
    expect(members_page).to_have_title("Home · Matinee")
    expect(members_page.get_by_text("Picked for Noor")).to_be_visible()
    expect(members_page.get_by_role("link", name="Play", exact=True)).to_have_attribute("href", "/watch/t-bunny")
    expect(members_page.get_by_role("link", name="About this film")).to_have_attribute("href", "/title/t-bunny")
    assert members_page.get_by_role("heading", level=2).all_inner_texts() == [each["label"] for each in catalogue.home()["rows"]]
    begun = cards(section(members_page, "Carry on watching")).first
    expect(begun).to_have_attribute("href", "/watch/s-tide-s1e2")
    expect(section(members_page, "Carry on watching")).to_contain_text("S1 E2, 18 min left")
    expect(begun.get_by_role("img", name="60 % watched")).to_be_attached()
    expect(cards(section(members_page, "New here")).first).to_have_attribute("href", "/title/t-bunny")
    expect(cards(section(members_page, "My list")).first).to_have_attribute("href", "/series/s-orchard")
    assert_still(members_page)
    axe.everywhere(members_page)


def test_cards_that_are_in_sight_are_told_once_with_their_places(members_page: Page, fake: Fake) -> None:
    with members_page.expect_response("**/telemetry/events") as told:
        members_page.goto("/")
    assert told.value.request.headers["authorization"].startswith("Bearer ")
    first = catalogue.home()["rows"][0]
    events = fake.requests("/telemetry/events", "POST")[0].body["events"]
    assert {event["kind"] for event in events} == {"impression"}
    assert len({event["page_id"] for event in events}) == 1
    assert len({(event["row_id"], event["title_id"]) for event in events}) == len({event["event_id"] for event in events}) == len(events)
    seen = next(event for event in events if event["row_id"] == first["row_id"] and event["position"] == 0)
    about = (seen["row_position"], seen["title_id"], seen["propensity"], seen["model_version"])
    assert about == (0, first["items"][0]["title"]["title_id"], 0.98, None)


def beginner(fake: Fake) -> None:
    """Have the profile neither watched nor kept anything."""
    rows = [each for each in catalogue.home()["rows"] if each["kind"] not in {"continue", "list"}]
    fake.on("/home", {**catalogue.home(), "rows": rows})
    fake.on("/profiles/me/ratings", {"items": [], "next_cursor": None})


def test_who_has_watched_nothing_is_asked_once_what_they_like(members_page: Page, fake: Fake, axe: Axe) -> None:
    beginner(fake)
    members_page.goto("/")
    asked = section(members_page, "Which of these do you like?")
    expect(asked.get_by_role("button", name="Not now")).to_be_visible()
    first, second = asked.locator("button.taste").nth(0), asked.locator("button.taste").nth(1)
    first.click()
    second.click()
    expect(second).to_have_attribute("aria-pressed", "true")
    second.click()
    expect(second).to_have_attribute("aria-pressed", "false")
    expect(first).to_have_attribute("aria-pressed", "true")
    axe.everywhere(members_page)
    before = len(fake.requests("/home"))
    with members_page.expect_response(re.compile("/api/v1/home")):
        asked.get_by_role("button", name="Done").click()
    expect(asked).to_have_count(0)
    assert len(fake.requests("/home")) == before + 1
    assert [sent.body for sent in fake.requests("/profiles/me/ratings/*", "PUT")] == [{"rating": 1}, {"rating": 1}]
    assert len(fake.requests("/profiles/me/ratings/*", "DELETE")) == 1
    members_page.reload()
    expect(section(members_page, "New here")).to_be_visible()
    expect(asked).to_have_count(0)


def test_who_has_rated_something_is_not_asked(members_page: Page, fake: Fake) -> None:
    beginner(fake)
    fake.on(
        "/profiles/me/ratings", {"items": [{"title_id": "s-kiln", "rating": -1, "rated_at": "2026-06-07T08:09:10Z"}], "next_cursor": None}
    )
    members_page.goto("/")
    expect(section(members_page, "New here")).to_be_visible()
    expect(section(members_page, "Which of these do you like?")).to_have_count(0)


def test_home_does_not_care_whether_anybody_takes_what_it_tells(members_page: Page, fake: Fake) -> None:
    fake.on("/telemetry/events", UNAVAILABLE, "POST")
    with members_page.expect_response("**/telemetry/events") as told:
        members_page.goto("/")
    assert told.value.status == 503
    expect(heading(members_page)).to_have_text("Big Buck Bunny")
    expect(members_page.get_by_role("alert")).to_have_count(0)


def test_home_keeps_the_space_of_what_comes_slowly(members_page: Page, fake: Fake, axe: Axe) -> None:
    held = fake.hold("/home")
    members_page.goto("/")
    expect(members_page.locator(".ghost").first).to_be_visible()
    axe.everywhere(members_page)
    members_page.set_viewport_size({"width": 1280, "height": 844})
    members_page.evaluate("() => { window.shifts.length = 0 }")
    held.release()
    expect(heading(members_page)).to_have_text("Big Buck Bunny")
    expect(members_page.locator(".ghost")).to_have_count(0)
    assert_still(members_page)


def test_a_row_that_failed_fails_alone_and_is_asked_for_again(members_page: Page, fake: Fake, axe: Axe) -> None:
    whole = catalogue.home()
    broken = {**whole, "rows": [whole["rows"][0], row("because", "Because you watched Tide Tables", [], failed=True)]}
    fake.on("/home", broken)
    members_page.goto("/")
    failed = section(members_page, "Because you watched Tide Tables")
    expect(failed.get_by_role("alert")).to_contain_text("This row did not come")
    expect(cards(section(members_page, "Carry on watching"))).to_have_count(3)
    axe.everywhere(members_page)
    fake.on("/home", whole)
    failed.get_by_role("button", name="Try again").click()
    expect(cards(failed)).to_have_count(4)


def test_a_home_that_fails_says_so_and_keeps_what_it_had(members_page: Page, fake: Fake, axe: Axe) -> None:
    fake.on("/home", UNAVAILABLE)
    members_page.goto("/")
    expect(heading(members_page)).to_have_text("Home could not be loaded")
    axe.everywhere(members_page)
    fake.on("/home", catalogue.home())
    members_page.get_by_role("button", name="Try again").click()
    expect(heading(members_page)).to_have_text("Big Buck Bunny")
    fake.on("/home", Lost())
    members_page.wait_for_timeout(2100)  # what is younger is not asked for again
    members_page.evaluate("() => window.dispatchEvent(new Event('focus'))")
    expect(members_page.get_by_text(re.compile(r"As of \d\d:\d\d"))).to_be_visible()
    expect(heading(members_page)).to_have_text("Big Buck Bunny")


def test_an_empty_catalogue_has_a_sentence_and_a_way_on(members_page: Page, fake: Fake, axe: Axe) -> None:
    fake.on("/home", {"hero": None, "rows": [row("continue", "Carry on watching", [])]})
    members_page.goto("/")
    expect(heading(members_page)).to_have_text("Nothing is on yet")
    axe.everywhere(members_page)
    fake.on("/home", {"hero": None, "rows": [row("new", "New here", [item("t-salt")])]})
    members_page.get_by_role("button", name="Look again").click()
    expect(cards(section(members_page, "New here"))).to_have_count(1)
    axe.everywhere(members_page)


def test_an_operator_is_led_from_an_empty_home_to_adding_a_film(members_page: Page, fake: Fake) -> None:
    fake.on("/auth/tokens/refresh", catalogue.access_token(roles=("member", "operator")), "POST")
    fake.on("/home", {"hero": None, "rows": []})
    members_page.goto("/")
    expect(members_page.get_by_role("link", name="Add the first film")).to_have_attribute("href", "/console/ingest")


def test_a_title_is_taken_off_what_was_begun(members_page: Page, fake: Fake, axe: Axe) -> None:
    places = [place("s-tide-s1e2", "s-tide", 1620, 2700), place("s-tide-s1e1", "s-tide", 2700, 2700, finished=True)]
    fake.on("/playback/titles/s-tide/places", {"items": [*places, place("s-tide-s0e1", "s-tide", 60, 2700)]})
    members_page.goto("/")
    begun = section(members_page, "Carry on watching")
    begun.get_by_role("button", name="Take Tide Tables off this row").click()
    dialog = members_page.get_by_role("dialog", name="Take Tide Tables off?")
    axe(members_page)
    dialog.get_by_role("button", name="Keep it").click()
    expect(cards(begun)).to_have_count(3)
    begun.get_by_role("button", name="Take Tide Tables off this row").click()
    dialog.get_by_role("button", name="Take it off").click()
    expect(cards(begun)).to_have_count(2)
    expect(dialog).to_have_count(0)
    # All that was left half-way, or the next of it would come back; what was finished stays watched.
    forgotten = [asked.path for asked in fake.requests("/playback/history/*", "DELETE")]
    assert forgotten == ["/playback/history/s-tide-s1e2", "/playback/history/s-tide-s0e1"]


def test_what_could_not_be_taken_off_stays(members_page: Page, fake: Fake) -> None:
    fake.on("/playback/titles/t-ferry/places", UNAVAILABLE)
    members_page.goto("/")
    begun = section(members_page, "Carry on watching")
    begun.get_by_role("button", name="Take Night Ferry off this row").click()
    members_page.get_by_role("button", name="Take it off").click()
    expect(members_page.get_by_text("Night Ferry is still here")).to_be_visible()
    expect(cards(begun)).to_have_count(3)


def test_arrows_reach_everything_on_home(members_page: Page) -> None:
    def at() -> dict[str, Any]:
        found: dict[str, Any] = members_page.evaluate(
            """() => { const at = document.activeElement; return {
              text: (at.getAttribute("aria-label") ?? at.innerText).split("\\n").pop(),
              title: at.dataset.title ?? null, row: at.closest("section")?.querySelector("h2").innerText ?? null } }"""
        )
        return found

    def press(*keys: str) -> dict[str, Any]:
        for key in keys:
            members_page.keyboard.press(f"Arrow{key}")
        return at()

    members_page.goto("/")
    expect(cards(section(members_page, "Carry on watching"))).to_have_count(3)
    expect(members_page.get_by_role("button", name="On my list").first).to_be_enabled()
    assert press("Down")["text"] == "Play"
    assert press("Right")["text"] == "About this film"
    assert press("Right")["text"] == "On my list"
    assert press("Left", "Left")["text"] == "Play"
    assert press("Down")["title"] == "s-tide"
    assert press("Right", "Right")["title"] == "t-velvet"
    assert press("Down")["text"] == "Take Velvet off this row"
    assert press("Left")["text"] == "Take Night Ferry off this row"
    assert press("Up")["title"] == "t-ferry"
    assert press("Down", "Down")["row"] == "My list"
    assert press("Down")["row"] == "New here"
    last = press("Right", "Right", "Right")
    assert last["title"] is not None
    assert last["row"] == "New here"
    there = press("Down")
    assert there["row"] == "Because you watched Tide Tables"
    assert press("Up")["title"] == last["title"], "a row remembers where one was"
    for _ in range(12):
        press("Up")
    assert press("Up")["row"] is None, "the bar is reached, and the ends hold"


def test_tab_reaches_cards_in_order_and_skips_to_the_content(members_page: Page) -> None:
    members_page.goto("/")
    expect(heading(members_page)).to_have_text("Big Buck Bunny")
    members_page.keyboard.press("Tab")
    expect(members_page.get_by_role("link", name="Skip to content")).to_be_focused()
    members_page.keyboard.press("Enter")
    members_page.keyboard.press("Tab")
    expect(members_page.get_by_role("link", name="Play", exact=True)).to_be_focused()


def test_going_back_comes_back_to_where_one_was(members_page: Page) -> None:
    members_page.goto("/")
    far = cards(section(members_page, "Because you watched Tide Tables")).first
    far.scroll_into_view_if_needed()
    before = members_page.evaluate("() => scrollY")
    assert before > 200
    far.click()
    expect(heading(members_page)).to_have_text("Kiln")
    expect(heading(members_page)).to_be_focused()
    assert members_page.evaluate("() => scrollY") == 0
    members_page.go_back()
    expect(heading(members_page)).to_have_text("Big Buck Bunny")
    members_page.wait_for_timeout(200)
    assert abs(members_page.evaluate("() => scrollY") - before) < 40


# --- films and series


def test_films_are_narrowed_by_the_address(members_page: Page, fake: Fake, axe: Axe) -> None:
    members_page.goto("/films")
    expect(heading(members_page)).to_have_text("Films")
    films = [each for each in CARDS if each["kind"] == "film"]
    expect(cards(members_page)).to_have_count(len(films))
    expect(members_page.get_by_role("link", name="Deutsch")).to_be_visible()
    assert_still(members_page)
    axe.everywhere(members_page)
    members_page.set_viewport_size({"width": 1280, "height": 844})
    members_page.get_by_role("link", name="Animation").click()
    expect(cards(members_page)).to_have_count(1)
    expect(members_page).to_have_url(re.compile(r"/films\?genre=Animation$"))
    expect(members_page.get_by_role("link", name="Animation")).to_have_attribute("aria-current", "true")
    members_page.get_by_role("link", name="A to Z").click()
    expect(members_page).to_have_url(re.compile(r"/films\?genre=Animation&sort=name$"))
    members_page.get_by_role("link", name="All genres").click()
    expect(cards(members_page)).to_have_count(len(films))
    assert fake.requests("/titles")[-1].query == {"kind": "film", "sort": "name", "limit": "48"}
    members_page.get_by_role("link", name="Français").click()
    expect(cards(members_page)).to_have_count(1)
    members_page.go_back()
    expect(cards(members_page)).to_have_count(len(films))
    members_page.get_by_role("link", name="Series").click()
    expect(heading(members_page)).to_have_text("Series")
    expect(cards(members_page)).to_have_count(len(CARDS) - len(films))


def test_a_narrowed_address_is_shown_as_such(members_page: Page, fake: Fake) -> None:
    members_page.goto("/series?genre=Mystery&language=en&sort=year")
    expect(cards(members_page)).to_have_count(1)
    for chosen in ("Mystery", "English", "By year"):
        expect(members_page.get_by_role("link", name=chosen, exact=True)).to_have_attribute("aria-current", "true")


def test_what_nothing_fits_says_so(members_page: Page, axe: Axe) -> None:
    members_page.goto("/films?genre=Western")
    expect(members_page.get_by_role("heading", name="No films like that")).to_be_visible()
    axe.everywhere(members_page)
    members_page.get_by_role("link", name="Show all films").click()
    expect(cards(members_page).first).to_be_visible()


def test_no_films_at_all_says_so(members_page: Page, fake: Fake, axe: Axe) -> None:
    fake.on("/titles", {"items": [], "next_cursor": None})
    fake.on("/titles/genres", {"items": []})
    members_page.goto("/films")
    expect(members_page.get_by_role("heading", name="No films yet")).to_be_visible()
    axe.everywhere(members_page)


def test_more_films_come_as_one_scrolls(members_page: Page, fake: Fake, axe: Axe) -> None:
    many = [card(f"t-{number:03}", f"Film {number}") for number in range(130)]
    fake.on("/titles", lambda asked: world.titles(asked, many))
    members_page.goto("/films")
    expect(cards(members_page)).to_have_count(48)
    cards(members_page).last.scroll_into_view_if_needed()
    expect(cards(members_page)).to_have_count(96)
    fake.on("/titles", lambda asked: UNAVAILABLE if "cursor" in asked.query else world.titles(asked, many))
    cards(members_page).last.scroll_into_view_if_needed()
    expect(members_page.get_by_role("alert")).to_contain_text("The rest could not be loaded")
    expect(cards(members_page)).to_have_count(96)
    axe(members_page)
    fake.on("/titles", lambda asked: world.titles(asked, many))
    members_page.get_by_role("button", name="Try again").click()
    expect(cards(members_page)).to_have_count(130)
    expect(members_page.get_by_role("button", name="Show more")).to_have_count(0)
    assert [asked.query.get("cursor") for asked in fake.requests("/titles")][-1] == "96"
    assert members_page.evaluate("() => new Set([...document.querySelectorAll('a.card')].map(a => a.href)).size") == 130


def test_films_that_fail_say_so(members_page: Page, fake: Fake, axe: Axe) -> None:
    fake.on("/titles", UNAVAILABLE)
    members_page.goto("/films")
    expect(members_page.get_by_role("heading", name="Films could not be loaded")).to_be_visible()
    axe.everywhere(members_page)
    fake.on("/titles", world.titles)
    members_page.get_by_role("button", name="Try again").click()
    expect(cards(members_page).first).to_be_visible()


# --- a title


def test_a_film_says_what_it_is(members_page: Page, fake: Fake, axe: Axe) -> None:
    members_page.goto("/title/t-bunny")
    expect(heading(members_page)).to_have_text("Big Buck Bunny")
    expect(members_page).to_have_title("Big Buck Bunny · Matinee")
    page = members_page.get_by_role("main")
    for said in ("2008", "From 6 years", "10 min", "A very large, very gentle rabbit", "Ada Quist", "The keeper", "Nederlands"):
        expect(page.get_by_text(said).first).to_be_attached()
    expect(page.get_by_role("link", name="Comedy")).to_have_attribute("href", "/films?genre=Comedy")
    expect(page.get_by_role("link", name="Ada Quist")).to_have_attribute("href", "/search?q=Ada%20Quist")
    expect(page.get_by_role("link", name="Play", exact=True)).to_have_attribute("href", "/watch/t-bunny")
    expect(cards(section(members_page, "Trailer"))).to_have_attribute("href", "/watch/t-bunny-t1")
    expect(cards(section(members_page, "More like this"))).to_have_count(4)
    assert_still(members_page)
    axe.everywhere(members_page)


def test_a_film_left_half_way_is_resumed(members_page: Page, fake: Fake, axe: Axe) -> None:
    fake.on("/playback/titles/t-ferry/next", next_to_watch("t-ferry", "resume", position_s=4110.0, duration_s=5340.0))
    members_page.goto("/title/t-ferry")
    expect(members_page.get_by_role("link", name="Resume")).to_have_attribute("href", "/watch/t-ferry")
    expect(members_page.get_by_text("21 min left")).to_be_visible()
    assert_still(members_page)
    fake.on("/playback/titles/t-water/next", next_to_watch("t-water", "again"))
    members_page.goto("/title/t-water")
    expect(members_page.get_by_role("link", name="Watch again")).to_be_visible()


def test_a_film_that_is_coming_cannot_be_played_and_nothing_asks_how_far_one_is(members_page: Page, fake: Fake, axe: Axe) -> None:
    fake.on("/titles/t-salt", title("t-salt", available=False, media=None, trailers=[], cast=[]))
    members_page.goto("/title/t-salt")
    expect(members_page.get_by_text("Not ready to watch yet")).to_be_visible()
    expect(members_page.get_by_role("link", name="Play")).to_have_count(0)
    axe.everywhere(members_page)
    assert fake.requests("/playback/titles/*/next") == []


def test_a_series_shows_the_season_that_is_watched_and_how_far(members_page: Page, fake: Fake, axe: Axe) -> None:
    fake.on(
        "/playback/titles/s-tide/places",
        {"items": [place("s-tide-s1e2", "s-tide", 1620, 2700), place("s-tide-s1e1", "s-tide", 2700, 2700, finished=True)]},
    )
    members_page.goto("/series/s-tide")
    expect(members_page.get_by_role("link", name="Resume S1 E2")).to_have_attribute("href", "/watch/s-tide-s1e2")
    expect(members_page.get_by_text("2 seasons")).to_be_visible()
    episodes = (
        members_page.get_by_role("region", name="Episodes").get_by_role("listitem").filter(has=members_page.locator(".title-episode"))
    )
    expect(episodes).to_have_count(3)
    expect(episodes.nth(0)).to_contain_text("Watched")
    expect(episodes.nth(1)).to_contain_text("18 min left")
    expect(episodes.nth(1)).to_contain_text("Up next")
    expect(episodes.nth(2)).to_contain_text("45 min")
    expect(episodes.nth(2).get_by_role("link")).to_have_attribute("href", "/watch/s-tide-s1e3")
    assert_still(members_page)
    axe.everywhere(members_page)
    members_page.set_viewport_size({"width": 1280, "height": 844})
    members_page.get_by_role("link", name="Season 2").click()
    expect(members_page).to_have_url(re.compile(r"\?season=2$"))
    expect(episodes).to_have_count(2)
    expect(episodes.nth(1)).to_contain_text("Not ready yet")
    expect(episodes.nth(1).get_by_role("link")).to_have_count(0)
    members_page.get_by_role("link", name="Specials").click()
    expect(episodes).to_have_count(1)
    axe.everywhere(members_page)


def test_a_season_is_part_of_the_address(members_page: Page) -> None:
    members_page.goto("/series/s-tide?season=2")
    expect(members_page.get_by_role("link", name="Season 2")).to_have_attribute("aria-current", "true")
    members_page.goto("/title/s-tide?season=2")
    expect(members_page).to_have_url(re.compile(r"/series/s-tide\?season=2$"))
    expect(members_page.get_by_role("link", name="Season 2")).to_have_attribute("aria-current", "true")


def test_a_series_plays_from_its_start_where_nobody_knows_how_far_one_is(members_page: Page, fake: Fake) -> None:
    fake.on("/playback/titles/s-tide/next", UNAVAILABLE)
    fake.on("/playback/titles/s-tide/places", UNAVAILABLE)
    fake.on("/home/similar/*", UNAVAILABLE)
    members_page.goto("/series/s-tide")
    expect(members_page.get_by_role("link", name="Play S1 E1")).to_have_attribute("href", "/watch/s-tide-s1e1")
    failed = section(members_page, "More like this")
    expect(failed.get_by_role("alert")).to_be_visible()
    fake.on("/home/similar/*", {"items": [catalogue.BY_ID["s-kiln"]]})
    failed.get_by_role("button", name="Try again").click()
    expect(cards(failed)).to_have_count(1)


def test_a_title_that_is_not_there_leads_on(members_page: Page, fake: Fake, axe: Axe) -> None:
    members_page.goto("/title/t-nowhere")
    expect(heading(members_page)).to_have_text("This title is not here")
    axe.everywhere(members_page)
    fake.on("/titles/t-bunny", UNAVAILABLE)
    members_page.goto("/title/t-bunny")
    expect(heading(members_page)).to_have_text("This title could not be loaded")
    axe.everywhere(members_page)
    fake.on("/titles/t-bunny", title("t-bunny"))
    members_page.get_by_role("button", name="Try again").click()
    expect(heading(members_page)).to_have_text("Big Buck Bunny")


def test_one_title_leads_to_another(members_page: Page) -> None:
    members_page.goto("/title/t-bunny")
    cards(section(members_page, "More like this")).first.click()
    expect(heading(members_page)).to_have_text("Kiln")
    expect(heading(members_page)).to_be_focused()
    expect(members_page.get_by_role("region", name="Episodes")).to_be_visible()


# --- my list and ratings


def test_a_title_is_put_on_the_list_and_rated_at_once(members_page: Page, fake: Fake) -> None:
    members_page.goto("/title/t-bunny")
    on_list = members_page.get_by_role("button", name="On my list")
    expect(on_list).to_have_attribute("aria-pressed", "false")
    held = fake.hold("/profiles/me/list/t-bunny", "PUT")
    on_list.click()
    expect(on_list).to_have_attribute("aria-pressed", "true")
    held.release()
    love, like = (members_page.get_by_role("button", name=name) for name in ("I love it", "I like it"))
    love.click()
    expect(love).to_have_attribute("aria-pressed", "true")
    like.click()
    expect(love).to_have_attribute("aria-pressed", "false")
    like.click()
    expect(like).to_have_attribute("aria-pressed", "false")
    members_page.wait_for_timeout(200)
    sent = [(asked.method, asked.body) for asked in fake.asked if asked.path == "/profiles/me/ratings/t-bunny"]
    assert sent[0] == ("PUT", {"rating": 2})
    assert sent[-1] == ("DELETE", None)


def test_a_refused_change_goes_back_and_can_be_tried_again(members_page: Page, fake: Fake, axe: Axe) -> None:
    fake.on("/profiles/me/list/t-bunny", Problem(409, "list-full", "The list is full", "At most 1000 titles."), "PUT")
    members_page.goto("/title/t-bunny")
    on_list = members_page.get_by_role("button", name="On my list")
    on_list.click()
    expect(members_page.get_by_text("could not be put on your list. At most 1000 titles.")).to_be_visible()
    expect(on_list).to_have_attribute("aria-pressed", "false")
    axe.everywhere(members_page)
    on_list.click()  # once more: a notice goes by itself, and looking at everything takes its time
    expect(members_page.get_by_role("button", name="Try again").last).to_be_visible()
    fake.on("/profiles/me/list/t-bunny", None, "PUT")
    members_page.get_by_role("button", name="Try again").last.click()
    expect(on_list).to_have_attribute("aria-pressed", "true")


def test_my_list_shows_what_was_put_on_it(members_page: Page, fake: Fake, axe: Axe) -> None:
    fake.on("/profiles/me/list", world.kept("s-orchard", "t-gone", "t-salt", "t-bunny"))
    members_page.goto("/list")
    expect(heading(members_page)).to_have_text("My list")
    expect(cards(members_page)).to_have_count(3)
    expect(members_page.get_by_text("1 title of your list is not here at the moment.")).to_be_visible()
    assert [each.get_attribute("data-title") for each in cards(members_page).all()] == ["s-orchard", "t-salt", "t-bunny"]
    assert_still(members_page)
    axe.everywhere(members_page)
    off = members_page.get_by_role("button", name="Take Salt Road off my list")
    off.focus()
    members_page.keyboard.press("Enter")
    expect(cards(members_page)).to_have_count(2)
    expect(members_page.get_by_role("button", name="Take Big Buck Bunny off my list")).to_be_focused()
    members_page.get_by_role("button", name="Undo").click()
    expect(cards(members_page)).to_have_count(3)
    members_page.wait_for_timeout(200)
    sent = [asked.method for asked in fake.asked if asked.path == "/profiles/me/list/t-salt"]
    assert sent == ["DELETE", "PUT"]


def test_a_notice_stays_as_long_as_the_pointer_or_the_focus_is_on_it(members_page: Page, fake: Fake) -> None:
    fake.on("/profiles/me/list", world.kept("s-orchard", "t-salt"))
    fake.on("/profiles/me/list/*", None, "DELETE")
    members_page.clock.install()
    members_page.goto("/list")
    members_page.get_by_role("button", name="Take Salt Road off my list").click()
    undo = members_page.get_by_role("button", name="Undo")
    undo.hover()
    members_page.clock.run_for(30_000)
    undo.focus()
    members_page.mouse.move(0, 0)
    members_page.clock.run_for(30_000)
    expect(undo).to_be_visible()
    undo.blur()
    members_page.clock.run_for(8_000)
    expect(undo).to_be_visible()
    members_page.clock.run_for(2_000)
    expect(undo).to_have_count(0)


def test_a_long_list_comes_as_one_scrolls(members_page: Page, fake: Fake) -> None:
    ids = [f"t-{number:03}" for number in range(110)]
    pages = {None: ids[:100], "more": ids[100:]}

    def page(asked: Asked) -> Any:
        cursor = asked.query.get("cursor")
        return {**world.kept(*pages[cursor]), "next_cursor": None if cursor else "more"}

    fake.on("/profiles/me/list", page)
    fake.on("/titles/*", lambda asked: {**title("t-salt"), "title_id": asked.path[8:], "name": f"Film {asked.path[8:]}"})
    members_page.goto("/list")
    expect(members_page.get_by_text("110 titles")).to_be_visible()
    expect(cards(members_page).first).to_be_visible()
    expect(cards(members_page)).to_have_count(24)
    for count in (48, 72, 96, 110):
        members_page.mouse.wheel(0, 60_000)
        expect(cards(members_page)).to_have_count(count)
    assert len(fake.requests("/titles/*")) == 110, "each title is asked for once"


def test_an_empty_list_says_how_to_fill_it(members_page: Page, fake: Fake, axe: Axe) -> None:
    fake.on("/profiles/me/list", world.kept())
    members_page.goto("/list")
    expect(members_page.get_by_role("heading", name="Nothing on it yet")).to_be_visible()
    expect(members_page.get_by_role("link", name="Look at the films")).to_have_attribute("href", "/films")
    axe.everywhere(members_page)


def test_a_list_that_fails_says_so(members_page: Page, fake: Fake, axe: Axe) -> None:
    fake.on("/profiles/me/list", UNAVAILABLE)
    members_page.goto("/list")
    expect(members_page.get_by_role("heading", name="Your list could not be loaded")).to_be_visible()
    axe.everywhere(members_page)
    fake.on("/profiles/me/list", world.kept("t-salt"))
    fake.on("/titles/t-salt", UNAVAILABLE)
    with members_page.expect_response("**/titles/t-salt"):
        members_page.get_by_role("button", name="Try again").click()
    expect(members_page.get_by_role("heading", name="Your list could not be loaded")).to_be_visible()
    fake.on("/titles/t-salt", title("t-salt"))
    members_page.get_by_role("button", name="Try again").click()
    expect(cards(members_page)).to_have_count(1)


# --- search


def test_search_finds_as_one_types(members_page: Page, fake: Fake, axe: Axe) -> None:
    members_page.goto("/")
    expect(heading(members_page)).to_have_text("Big Buck Bunny")
    members_page.keyboard.press("/")
    members_page.keyboard.type("night", delay=20)
    expect(members_page).to_have_url(re.compile(r"/search\?q=night$"))
    expect(cards(members_page)).to_have_count(1)
    expect(members_page).to_have_title("Search: night · Matinee")
    assert [asked.query["q"] for asked in fake.requests("/search")][-1] == "night"
    assert len(fake.requests("/search")) < len("night"), "a pause is waited for"
    expect(members_page.get_by_role("searchbox")).to_be_focused()
    axe.everywhere(members_page)


def test_search_is_narrowed_and_finds_people(members_page: Page, fake: Fake, axe: Axe) -> None:
    members_page.goto("/search?q=t")
    every = [each for each in CARDS if "t" in each["name"].lower()]
    expect(cards(members_page)).to_have_count(len(every))
    assert_still(members_page)
    axe.everywhere(members_page)
    members_page.set_viewport_size({"width": 1280, "height": 844})
    members_page.get_by_role("navigation", name="Kind").get_by_role("link", name="Series").click()
    expect(members_page).to_have_url(re.compile(r"q=t&kind=series$"))
    expect(cards(members_page)).to_have_count(sum(each["kind"] == "series" for each in every))
    members_page.goto("/search?q=quist")
    expect(members_page.get_by_text("With Ada Quist")).to_be_visible()
    members_page.get_by_role("navigation", name="People").get_by_role("link", name="Ada Quist").click()
    expect(heading(members_page)).to_have_text("“Ada Quist”")
    expect(members_page.get_by_role("searchbox").first).to_have_value("Ada Quist")


def test_nothing_found_names_what_is_near(members_page: Page, fake: Fake, axe: Axe) -> None:
    members_page.goto("/search?q=tyde")
    expect(members_page.get_by_role("heading", name="Nothing found for “tyde”")).to_be_visible()
    axe.everywhere(members_page)
    members_page.get_by_role("link", name="Tide Tables").click()
    expect(cards(members_page)).to_have_count(1)


def test_what_led_somewhere_is_offered_again_until_it_is_forgotten(members_page: Page, fake: Fake, axe: Axe) -> None:
    members_page.goto("/search?q=salt")
    cards(members_page).first.click()
    expect(heading(members_page)).to_have_text("Salt Road")
    members_page.goto("/search")
    lately = section(members_page, "Lately")
    expect(lately.get_by_role("link")).to_have_text(["salt"])
    axe.everywhere(members_page)
    lately.get_by_role("button", name="Forget these").click()
    expect(lately).to_have_count(0)
    members_page.reload()
    expect(section(members_page, "Genres")).to_be_visible()
    expect(lately).to_have_count(0)


def test_a_search_that_fails_says_so(members_page: Page, fake: Fake, axe: Axe) -> None:
    fake.on("/search", Made(429, UNAVAILABLE.document(), {"Content-Type": "application/problem+json", "Retry-After": "1"}))
    members_page.goto("/search?q=night")
    expect(members_page.get_by_role("heading", name="The search did not work")).to_be_visible()
    axe.everywhere(members_page)


def test_on_a_phone_the_page_holds_the_input(members_page: Page, fake: Fake, axe: Axe) -> None:
    members_page.set_viewport_size({"width": 390, "height": 844})
    members_page.goto("/")
    members_page.get_by_role("searchbox").click(force=True)
    expect(members_page).to_have_url(re.compile(r"/search$"))
    own = members_page.get_by_role("searchbox")
    expect(own).to_be_focused()
    members_page.keyboard.type("velvet", delay=20)
    expect(cards(members_page)).to_have_count(1)
    expect(own).to_be_focused()
    axe(members_page)


# --- what all of them keep to


@pytest.mark.parametrize("path", ["/", "/title/t-bunny", "/series/s-tide", "/films", "/search?q=x", "/list"])
def test_markup_in_what_titles_say_is_text(members_page: Page, fake: Fake, path: str) -> None:
    named = card("t-bunny", MARKUP, genres=[MARKUP[:40]], artwork=catalogue.NO_ARTWORK)
    series = title("s-tide", name=MARKUP, synopsis=MARKUP, cast=[{"name": MARKUP, "role": MARKUP}])
    for season in series["seasons"]:
        season["episodes"] = [{**each, "name": MARKUP, "synopsis": MARKUP} for each in season["episodes"]]
    shown = {**item("t-bunny"), "title": named, "synopsis": MARKUP, "reason": MARKUP, "label": MARKUP}
    fake.on("/home", {"hero": shown, "rows": [row("because", MARKUP, [shown])]})
    fake.on("/titles", {"items": [named], "next_cursor": None})
    fake.on("/titles/*", {**title("t-bunny"), **named, "synopsis": MARKUP, "cast": [{"name": MARKUP, "role": MARKUP}]})
    fake.on("/titles/genres", {"items": [{"genre": MARKUP[:40], "titles": 1}]})
    fake.on("/titles/s-tide", series)
    fake.on("/profiles/me/list", world.kept("t-bunny"))
    fake.on(
        "/search",
        {
            "items": [{"title": named, "matched": "person", "person": MARKUP}],
            "people": [{"name": MARKUP, "titles": 1}],
            "facets": {"kinds": [], "genres": [{"genre": MARKUP[:40], "titles": 1}]},
            "near": [MARKUP],
        },
    )
    members_page.goto(path)
    expect(members_page.get_by_text(MARKUP).first).to_be_attached()
    members_page.wait_for_timeout(200)
    assert members_page.locator("main b").count() == 0
    assert members_page.locator("img[src=x]").count() == 0
    assert members_page.title() != "taken"


@pytest.mark.parametrize("path", ["/", "/title/t-bunny", "/series/s-tide", "/films", "/search?q=t", "/list"])
def test_twice_the_letters_fit_a_phone(members_page: Page, path: str) -> None:
    members_page.set_viewport_size({"width": 390, "height": 844})
    members_page.goto(path)
    members_page.evaluate("() => { document.documentElement.style.fontSize = '200%' }")
    expect(cards(members_page).first).to_be_attached()
    assert members_page.evaluate("() => document.documentElement.scrollWidth") <= 390


def test_home_is_small(members_page: Page) -> None:
    members_page.goto("/")
    expect(heading(members_page)).to_have_text("Big Buck Bunny")
    sizes: dict[str, float] = members_page.evaluate(
        """() => Object.fromEntries(performance.getEntriesByType("resource").map(({ name, encodedBodySize }) => [name, encodedBodySize]))"""
    )
    scripts = sum(size for name, size in sizes.items() if name.endswith(".js"))
    fonts = sum(size for name, size in sizes.items() if name.endswith(".woff2"))
    assert 0 < scripts <= 40_000, sizes
    assert 0 < fonts <= 80_000, sizes
    own = members_page.evaluate("() => location.origin")
    assert all(name.startswith((own, catalogue.EDGE)) for name in sizes), "nothing is asked of strangers"
