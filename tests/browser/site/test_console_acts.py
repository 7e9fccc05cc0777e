"""What operators do in the console: scale, stop a stream, look after members, look back."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import BrowserContext, Locator, Page, expect

from tests.browser.site.fake import Fake, Lost, Problem
from tests.browser.site.looking import Axe
from tests.browser.site.operating import OPERATOR, Booth, act, device, member, stream
from tests.browser.site.test_console import settled
from tests.browser.site.waiting import eventually

pytestmark = pytest.mark.browser

SCALE = "/operations/applications/playback/scale"


def row(page: Page, text: str) -> Locator:
    return page.get_by_role("row").filter(has_text=text)


# --- services


def grab(page: Page, slider: Locator, share: float) -> None:
    """Take the slider and drag it to a share of its width, without letting go."""
    box = slider.bounding_box()
    assert box is not None
    value, top = int(slider.input_value()), int(slider.get_attribute("max") or 0)
    thumb = 24
    y = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + thumb / 2 + (value - 1) / (top - 1) * (box["width"] - thumb), y)
    page.mouse.down()
    page.mouse.move(box["x"] + share * box["width"], y, steps=8)


def test_seats_say_how_replicas_are(console: Page) -> None:
    console.goto("/console/services")
    settled(console, "Services")
    expect(row(console, "/api/v1/playback")).to_contain_text("Healthy")
    expect(row(console, "/api/v1/playback").locator(".seat.running")).to_have_count(3)
    scaling = row(console, "/api/v1/titles")
    expect(scaling).to_contain_text("Scaling up")
    expect(scaling).to_contain_text("2 of 4 ready")
    expect(scaling.locator(".seat.starting")).to_have_count(2)
    expect(scaling.get_by_text("Replicas: 2 of 4 ready, 2 starting")).to_be_attached()
    torn = row(console, "/api/v1/auth")
    expect(torn).to_contain_text("1 unhealthy")
    expect(torn.locator(".seat.unhealthy")).to_have_count(1)
    expect(row(console, "/api/v1/search").locator("output")).to_have_text("1–4")


def test_a_slider_sends_when_it_is_let_go_and_shows_the_wish_then_the_truth(console: Page, fake: Fake, booth: Booth, axe: Axe) -> None:
    console.goto("/console/services")
    settled(console, "Services")
    playback, slider = row(console, "/api/v1/playback"), console.get_by_role("slider", name="Replicas of playback")
    held = fake.hold(SCALE, "PUT")
    grab(console, slider, 1.0)
    expect(playback.locator("output")).to_have_text("12")
    assert fake.requests(SCALE, "PUT") == []
    console.mouse.up()
    expect(playback.locator(".seat.wished")).to_have_count(9)
    expect(playback).to_contain_text("3 of 12 ready")
    axe.everywhere(console)
    assert [asked.body for asked in fake.requests(SCALE, "PUT")] == [{"min_replicas": 12, "max_replicas": 12}]
    held.release()
    expect(playback).to_contain_text("Scaling up")
    booth.applications[0].update(replicas=12, state="healthy", seats=["running"] * 12)
    expect(playback).to_contain_text("12 of 12 ready")
    expect(playback.locator("output")).to_have_text("12")


def test_an_older_status_does_not_take_the_wish_back(console: Page, fake: Fake, booth: Booth) -> None:
    console.goto("/console/services")
    settled(console, "Services")
    before = booth.status()
    stale = {**before, "applications": [dict(each) for each in before["applications"]]}
    fake.on("/operations/status", stale)
    console.get_by_role("slider", name="Replicas of playback").focus()
    console.keyboard.press("ArrowRight")
    expect(row(console, "/api/v1/playback").locator("output:not(.busy)")).to_have_text("4")
    asked = len(fake.requests("/operations/status"))
    while len(fake.requests("/operations/status")) < asked + 2:
        console.wait_for_timeout(200)
    expect(row(console, "/api/v1/playback").locator("output")).to_have_text("4")


def test_keys_are_sent_once_they_rest(console: Page, fake: Fake) -> None:
    console.goto("/console/services")
    settled(console, "Services")
    console.get_by_role("slider", name="Replicas of playback").focus()
    for _ in range(3):
        console.keyboard.press("ArrowRight")
    expect(row(console, "/api/v1/playback").locator("output")).to_have_text("6")
    expect(row(console, "/api/v1/playback")).to_contain_text("Scaling up")
    assert [asked.body["max_replicas"] for asked in fake.requests(SCALE, "PUT")] == [6]


@pytest.mark.parametrize("refusal", [Problem(503, "unavailable", "Not now", "Ray Serve does not take it now."), Lost()])
def test_a_refused_scale_is_undone_with_words(console: Page, fake: Fake, axe: Axe, refusal: object) -> None:
    console.goto("/console/services")
    settled(console, "Services")
    playback = row(console, "/api/v1/playback")
    fake.on(SCALE, refusal, "PUT")
    grab(console, console.get_by_role("slider", name="Replicas of playback"), 1.0)
    console.mouse.up()
    words = playback.get_by_role("alert")
    expect(words).to_contain_text("Not changed to 12: ")
    if isinstance(refusal, Problem):
        expect(words).to_contain_text(refusal.detail)
    expect(playback.locator("output")).to_have_text("3")
    expect(console.get_by_role("slider", name="Replicas of playback")).to_have_value("3")
    expect(playback).to_contain_text("3 of 3 ready")
    axe.everywhere(console)
    Booth(fake)
    words.get_by_role("button", name="Try again").click()
    expect(playback.locator("output")).to_have_text("12")
    expect(playback.get_by_role("alert")).to_have_count(0)


def test_a_range_is_typed_and_checked(console: Page, fake: Fake, axe: Axe) -> None:
    console.goto("/console/services")
    settled(console, "Services")
    console.get_by_role("button", name="Range of playback").click()
    dialog = console.get_by_role("dialog", name="How many replicas of playback")
    dialog.get_by_label("At least").fill("5")
    dialog.get_by_label("At most").fill("2")
    dialog.get_by_role("button", name="Set the range").click()
    expect(dialog.get_by_label("At most")).to_have_attribute("aria-invalid", "true")
    axe.everywhere(console)
    dialog.get_by_label("At most").fill("8")
    dialog.get_by_role("button", name="Set the range").click()
    expect(row(console, "/api/v1/playback").locator("output")).to_have_text("5–8")
    [asked] = eventually(console, lambda: fake.requests(SCALE, "PUT"))
    assert asked.body == {"min_replicas": 5, "max_replicas": 8}


# --- sessions


def test_streams_have_names_and_one_is_stopped(console: Page, fake: Fake, axe: Axe) -> None:
    console.goto("/console/sessions")
    settled(console, "Sessions")
    noor = row(console, "Big Buck Bunny")
    expect(noor.get_by_role("link", name="Noor Haddad")).to_have_attribute("href", "/console/members/a-noor")
    expect(noor.get_by_role("link", name="Big Buck Bunny")).to_have_attribute("href", "/console/titles/t-bunny")
    for text in ("a-noor@example.org", "Living room", "26 min ago", "Playing", "at 12:14"):
        expect(noor).to_contain_text(text)
    expect(row(console, "Tidewater")).to_contain_text("Paused")
    noor.get_by_role("button", name="Stop Big Buck Bunny of Noor Haddad").click()
    dialog = console.get_by_role("dialog", name="Stop this stream?")
    expect(dialog).to_contain_text("Noor Haddad watches Big Buck Bunny on Living room.")
    axe.everywhere(console)
    dialog.get_by_role("button", name="Keep it").click()
    assert fake.requests("/playback/streams/*/*", "DELETE") == []
    noor.get_by_role("button", name=re.compile("^Stop")).click()
    dialog.get_by_role("button", name="Stop it").click()
    expect(noor).to_have_count(0)
    expect(console.get_by_role("heading", name="1 live stream")).to_be_visible()
    assert [asked.path for asked in fake.requests("/playback/streams/*/*", "DELETE")] == ["/playback/streams/a-noor/s-1"]


def test_a_stream_that_cannot_be_stopped_says_why(console: Page, fake: Fake, axe: Axe) -> None:
    fake.on("/playback/streams/*/*", Problem(503, "unavailable", "Not now", "The sessions do not answer."), "DELETE")
    console.goto("/console/sessions")
    settled(console, "Sessions")
    row(console, "Tidewater").get_by_role("button", name=re.compile("^Stop")).click()
    dialog = console.get_by_role("dialog")
    dialog.get_by_role("button", name="Stop it").click()
    expect(dialog.get_by_role("alert")).to_contain_text("The sessions do not answer.")
    axe.everywhere(console)
    fake.on("/playback/streams/*/*", Problem(404, "session-not-found", "There is no such session"), "DELETE")
    dialog.get_by_role("button", name="Stop it").click()
    expect(console.get_by_text("It had ended already.")).to_be_visible()


def test_thousands_of_streams_are_pages_and_names_are_asked_once(console: Page, fake: Fake, booth: Booth) -> None:
    booth.members = [member(f"a-{number}", f"Member {number}") for number in range(30)]
    booth.devices = {each["account_id"]: [device("d-1", "Phone")] for each in booth.members}
    booth.streams = [stream(f"s-{number}", account_id=f"a-{number % 30}") for number in range(3000)]
    console.goto("/console/sessions")
    settled(console, "Sessions")
    expect(console.get_by_role("heading", name="3,000 live streams")).to_be_visible()
    expect(console.get_by_role("row")).to_have_count(26)
    expect(row(console, "Member 24")).to_have_count(1)
    console.get_by_role("button", name="Next page").click()
    expect(console.get_by_text("Page 2")).to_be_visible()
    expect(row(console, "Member 29")).to_have_count(1)
    asked = [each.path for each in fake.requests("/auth/members/*")]
    assert len(asked) == len(set(asked))
    booth.streams = booth.streams[:10]
    expect(console.get_by_role("heading", name="The streams of this page have ended")).to_be_visible()
    console.get_by_role("button", name="Back to the first page").click()
    expect(console.get_by_role("row")).to_have_count(11)


# --- members


def test_members_are_found_as_one_types(console: Page, fake: Fake, booth: Booth, axe: Axe) -> None:
    booth.members += [member(f"a-{number}", f"Member {number}") for number in range(3000)]
    console.goto("/console/members")
    settled(console, "Members")
    expect(console.get_by_role("row")).to_have_count(51)
    console.get_by_role("button", name="Next page").click()
    expect(row(console, "Member 96")).to_have_count(1)
    console.get_by_label("Find a member").press_sequentially("NOOR", delay=20)
    expect(console.get_by_role("row")).to_have_count(2)
    expect(row(console, "Noor Haddad")).to_contain_text("a-noor@example.org")
    expect(console).to_have_url(re.compile(r"/console/members\?q=NOOR$"))
    assert {each.query.get("q", "") for each in fake.requests("/auth/members")} <= {"", "NO", "NOO", "NOOR"}
    console.get_by_label("Find a member").fill("nobody at all")
    expect(console.get_by_role("heading", name="Nobody found for “nobody at all”")).to_be_visible()
    axe.everywhere(console)


def test_a_search_that_found_nothing_yet_goes_on(console: Page, fake: Fake) -> None:
    found = {"items": [member("a-far", "Far Back")], "next_cursor": None}
    fake.on(
        "/auth/members",
        lambda asked: (
            found if asked.query.get("cursor") == "9" else {"items": [], "next_cursor": str(int(asked.query.get("cursor", 0)) + 1)}
        ),
    )
    console.goto("/console/members?q=far")
    console.get_by_role("button", name="Search further back").click()
    expect(row(console, "Far Back")).to_be_visible()


def test_a_member_is_disabled_and_enabled(console: Page, fake: Fake, axe: Axe) -> None:
    console.goto("/console/members/a-noor")
    settled(console, "Noor Haddad")
    account = console.get_by_role("region", name="Account")
    expect(account).to_contain_text("Active")
    console.get_by_role("button", name="Disable").click()
    dialog = console.get_by_role("dialog", name="Disable Noor Haddad?")
    axe.everywhere(console)
    fake.on("/auth/members/*/disable", Problem(503, "unavailable", "Not now", "The store is away."), "POST")
    dialog.get_by_role("button", name="Disable").click()
    expect(dialog.get_by_role("alert")).to_contain_text("The store is away.")
    Booth(fake)
    dialog.get_by_role("button", name="Disable").click()
    expect(dialog).to_have_count(0)
    expect(account).to_contain_text("Disabled")
    console.get_by_role("button", name="Enable").click()
    expect(account).to_contain_text("Active")


def test_nobody_disables_themselves(console: Page) -> None:
    console.goto(f"/console/members/{OPERATOR}")
    settled(console, "Mira Okafor")
    expect(console.get_by_role("button", name="Disable")).to_be_disabled()
    expect(console.get_by_text("This is your own account")).to_be_visible()


def test_a_device_of_a_member_is_signed_out(console: Page, fake: Fake, axe: Axe) -> None:
    console.goto("/console/members/a-noor")
    settled(console, "Noor Haddad")
    console.get_by_role("button", name="Sign out Phone").click()
    axe.everywhere(console)
    console.get_by_role("dialog", name="Sign Phone out?").get_by_role("button", name="Sign out").click()
    expect(row(console, "Phone")).to_have_count(0)
    expect(row(console, "Living room")).to_be_visible()
    assert [asked.path for asked in fake.requests("/auth/members/*/devices/*", "DELETE")] == ["/auth/members/a-noor/devices/d-2"]


def test_a_reset_link_is_shown_once(console: Page, context: BrowserContext, fake: Fake, axe: Axe) -> None:
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    console.goto("/console/members/a-noor")
    settled(console, "Noor Haddad")
    console.get_by_role("button", name="Password reset link").click()
    console.get_by_role("button", name="Make the link").click()
    field = console.get_by_label("Password reset link for Noor Haddad")
    expect(field).to_have_value("https://films.example/reset#token-of-noor")
    expect(console.get_by_text(re.compile(r"Works once, until \d\d:\d\d\."))).to_be_visible()
    axe.everywhere(console)
    console.get_by_role("button", name="Copy the link").click()
    expect(console.get_by_text("The link is on the clipboard.")).to_be_visible()
    assert console.evaluate("() => navigator.clipboard.readText()") == "https://films.example/reset#token-of-noor"
    console.get_by_role("button", name="Done").click()
    expect(console.get_by_role("dialog")).to_have_count(0)
    assert "token-of-noor" not in console.content()
    assert len(fake.requests("/auth/members/*/password-reset", "POST")) == 1
    assert "token-of-noor" not in str(console.evaluate("() => [JSON.stringify(localStorage), JSON.stringify(sessionStorage)]"))


def test_a_member_that_is_gone_is_told(console: Page, axe: Axe) -> None:
    console.goto("/console/members/a-nobody")
    expect(console.get_by_role("heading", name="There is no such member")).to_be_visible()
    axe.everywhere(console)


# --- audit


def test_the_audit_tells_who_did_what_in_words(console: Page, booth: Booth) -> None:
    booth.audit.append(act(3, "DELETE", "/api/v1/titles/t-old", 204, account_id="a-deleted"))
    console.goto("/console/audit")
    settled(console, "Audit")
    scaled = row(console, "changed the scale of playback")
    expect(scaled.get_by_role("link", name="Mira Okafor")).to_have_attribute("href", f"/console/members/{OPERATOR}")
    expect(scaled).to_contain_text("Done")
    expect(row(console, "disabled a member").get_by_role("link", name="disabled a member")).to_have_attribute(
        "href", "/console/members/a-noor"
    )
    expect(row(console, "disabled a member")).to_contain_text("Failed, 503")
    expect(row(console, "deleted a title")).to_contain_text("A member who is gone")


def test_the_audit_is_filtered_and_goes_back_page_by_page(console: Page, fake: Fake, booth: Booth, axe: Axe) -> None:
    booth.audit = [act(number, "PATCH", f"/api/v1/titles/t-{number}") for number in range(1, 3001)]
    booth.audit[2500] = act(2501, "POST", "/api/v1/auth/members/a-noor/enable", 204)
    console.goto("/console/audit")
    settled(console, "Audit")
    expect(console.get_by_role("row")).to_have_count(51)
    console.get_by_role("button", name="Older").click()
    expect(row(console, "/api/v1/titles/t-51")).to_be_visible()
    console.get_by_label("Filter by").fill("mira enabled")
    expect(console.get_by_text("The last 1,000 entries were looked through.")).to_be_visible()
    axe.everywhere(console)
    for _ in range(2):
        console.get_by_role("button", name="Search further back").first.click()
        expect(console.locator("[aria-busy=true]")).to_have_count(0)
    expect(row(console, "enabled a member")).to_be_visible()
    console.get_by_label("Filter by").fill("")
    expect(console.get_by_role("row")).to_have_count(51)


def test_an_operators_role_that_was_taken_is_told(console: Page, fake: Fake, axe: Axe) -> None:
    fake.on("/operations/audit", Problem(403, "operator-only", "Operators only", "This account is no operator's."))
    console.goto("/console/audit")
    expect(console.get_by_role("alert")).to_contain_text("This account is no operator's.")
    axe.everywhere(console)
