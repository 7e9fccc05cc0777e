"""The pages before the house: welcome, signing up and in, televisions, a new password, profiles and the account."""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.site import catalogue
from tests.browser.site.catalogue import Json, profile
from tests.browser.site.fake import UNAVAILABLE, Asked, Fake, Made, Problem
from tests.browser.site.looking import Axe, assert_still
from tests.browser.site.operating import ago

pytestmark = pytest.mark.browser

MARKUP = '<img src=x onerror="window.hit=1"><script>window.hit=1</script>'
WEAK = Problem(422, "weak-password", "That password is too weak", "It is among the passwords that are tried first.")
WRONG = Problem(401, "wrong-credentials", "E-mail or password is wrong")
TOO_MANY = Made(
    429, {"type": "urn:matinee:error:too-many-requests", "title": "Too many tries", "status": 429, "detail": ""}, {"Retry-After": "90"}
)
PASSWORD = "a seat in the middle"
PENDING = Made(202, {"state": "authorization-pending", "interval_s": 1})
CODE = catalogue.DEVICE_CODE


def heading(page: Page) -> Locator:
    return page.get_by_role("heading", level=1)


def wrong(**fields: str) -> Problem:
    """A request that does not validate."""
    errors = [{"pointer": f"/{name}", "detail": detail} for name, detail in fields.items()]
    return Problem(422, "invalid-input", "The request does not validate", members={"errors": errors})


def tokens(profile_id: str | None = None) -> Made:
    return Made(201, {**catalogue.access_token(profile_id), "refresh_token": "r", "device_token": "d"})


def unharmed(page: Page) -> None:
    """Find that no markup became part of the page."""
    assert page.evaluate("() => window.hit") is None
    assert page.locator("img[src=x], #app script").count() == 0


# --- welcome


def test_a_stranger_is_welcomed_and_nothing_is_asked(site_page: Page, fake: Fake, axe: Axe) -> None:
    site_page.goto("/")
    expect(heading(site_page)).to_have_text("Take a seat. The film waits for you.")
    for name, href in (("Sign in", "/sign-in"), ("Make an account", "/sign-up"), ("This is a television", "/tv")):
        expect(site_page.get_by_role("link", name=name)).to_have_attribute("href", href)
    axe.everywhere(site_page)
    assert fake.asked == []


def test_a_page_whose_program_is_gone_says_so(site_page: Page, fake: Fake, axe: Axe) -> None:
    def lose(route: Any) -> None:
        fake.refused.add(route.request.url)
        route.fulfill(status=404)

    gone = re.compile(r"/assets/SignUp[^/]*\.js")
    site_page.goto("/")
    site_page.route(gone, lose)
    site_page.get_by_role("link", name="Make an account").click()
    expect(heading(site_page)).to_have_text("This page could not be loaded")
    axe.everywhere(site_page)
    site_page.unroute(gone)
    site_page.get_by_role("button", name="Load it again").click()
    expect(heading(site_page)).to_have_text("Make an account")


# --- signing up


def sign_up(page: Page) -> None:
    page.get_by_label("Your name").fill("Noor")
    page.get_by_label("E-mail").fill("noor@example.org")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Make the account").click()


def test_signing_up_leads_to_the_profiles(site_page: Page, fake: Fake, axe: Axe) -> None:
    held = fake.hold("/auth/accounts", "POST")
    fake.on("/auth/accounts", tokens(), "POST")
    site_page.goto("/sign-up?next=/list")
    expect(heading(site_page)).to_have_text("Make an account")
    axe.everywhere(site_page)
    sign_up(site_page)
    expect(site_page.get_by_role("button", name="Making your account…")).to_be_disabled()
    axe.everywhere(site_page)
    held.release()
    expect(site_page).to_have_url(re.compile(r"/profiles\?next=%2Flist$"))
    expect(heading(site_page)).to_have_text("Who is watching?")
    (asked,) = fake.requests("/auth/accounts", "POST")
    assert (asked.body["name"], asked.body["email"], asked.body["password"]) == ("Noor", "noor@example.org", PASSWORD)


@pytest.mark.parametrize(
    ("answer", "label", "said"),
    [
        (WEAK, "Password", "It is among the passwords that are tried first."),
        (Problem(409, "account-exists"), "E-mail", "There is an account with this e-mail already."),
        (wrong(name="No such letters."), "Your name", "No such letters."),
        (wrong(email="No address."), "E-mail", "No address."),
    ],
    ids=["weak", "taken", "name", "email"],
)
def test_what_is_wrong_with_a_new_account_stands_next_to_its_field(
    site_page: Page, fake: Fake, axe: Axe, answer: Problem, label: str, said: str
) -> None:
    fake.on("/auth/accounts", answer, "POST")
    site_page.goto("/sign-up")
    sign_up(site_page)
    field = site_page.get_by_label(label)
    expect(field).to_have_attribute("aria-invalid", "true")
    expect(field).to_have_accessible_description(said)
    expect(site_page.get_by_role("alert")).to_have_count(0)
    expect(site_page.get_by_label("Your name")).to_have_value("Noor")
    axe.everywhere(site_page)


def test_a_service_that_fails_loses_nothing_typed(site_page: Page, fake: Fake, axe: Axe) -> None:
    fake.on("/auth/accounts", UNAVAILABLE, "POST")
    site_page.goto("/sign-up")
    sign_up(site_page)
    expect(site_page.get_by_role("alert")).to_contain_text("A part of Matinee is starting or restarting.")
    expect(site_page.get_by_label("Password")).to_have_value(PASSWORD)
    axe.everywhere(site_page)
    fake.on("/auth/accounts", tokens(), "POST")
    site_page.get_by_role("button", name="Make the account").click()
    expect(heading(site_page)).to_have_text("Who is watching?")


# --- signing in


def sign_in(page: Page, password: str = PASSWORD) -> None:
    page.get_by_label("E-mail").fill("noor@example.org")
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in").click()


def test_signing_in_leads_to_the_profiles(site_page: Page, fake: Fake, axe: Axe) -> None:
    held = fake.hold("/auth/tokens", "POST")
    fake.on("/auth/tokens", tokens(), "POST")
    site_page.goto("/sign-in")
    expect(heading(site_page)).to_have_text("Sign in")
    axe.everywhere(site_page)
    sign_in(site_page)
    expect(site_page.get_by_role("button", name="Signing in…")).to_be_disabled()
    axe.everywhere(site_page)
    held.release()
    expect(heading(site_page)).to_have_text("Who is watching?")


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (WRONG, "E-mail and password do not match"),
        (Problem(403, "account-disabled"), "This account is disabled"),
        (TOO_MANY, "Too many tries"),
        (UNAVAILABLE, "Not available right now"),
    ],
    ids=["wrong", "disabled", "locked", "away"],
)
def test_a_refused_sign_in_says_why_and_keeps_the_e_mail(site_page: Page, fake: Fake, axe: Axe, answer: Any, said: str) -> None:
    fake.on("/auth/tokens", answer, "POST")
    site_page.goto("/sign-in")
    sign_in(site_page)
    expect(site_page.get_by_role("alert")).to_contain_text(said)
    expect(site_page.get_by_label("E-mail")).to_have_value("noor@example.org")
    # One try is one try, and nobody is signed in by what an older cookie says.
    assert [asked.path for asked in fake.asked] == ["/auth/tokens"]
    axe.everywhere(site_page)
    button = site_page.get_by_role("button", name="Sign in")
    if answer is TOO_MANY:
        expect(site_page.get_by_role("alert")).to_contain_text("Try again in")
        expect(button).to_be_disabled()
        return
    fake.on("/auth/tokens", tokens(), "POST")
    button.click()
    expect(heading(site_page)).to_have_text("Who is watching?")


# --- televisions


def test_a_television_shows_a_code_and_goes_on_by_itself(site_page: Page, fake: Fake, axe: Axe) -> None:
    held = fake.hold("/auth/device-codes", "POST")
    fake.on("/auth/device-codes", Made(201, CODE), "POST")
    fake.on("/auth/tokens/device-code", PENDING, "POST")
    site_page.goto("/tv")
    expect(heading(site_page)).to_have_text("Sign in with your phone")
    axe.everywhere(site_page)
    held.release()
    expect(site_page.get_by_test_id("user-code")).to_have_text("BCDF-GHJK")
    with site_page.expect_response("**/tokens/device-code"):
        axe.everywhere(site_page)
    with site_page.expect_response("**/tokens/device-code") as answered:
        pass
    assert answered.value.status == 202
    # Waiting is no refusal: the browser has nothing to write into its console.
    assert fake.refused == set()
    assert all(asked.body["accept_pending"] for asked in fake.requests("/auth/tokens/device-code", "POST"))
    fake.on("/auth/tokens/device-code", tokens(), "POST")
    expect(heading(site_page)).to_have_text("Who is watching?")


def test_a_television_that_asks_too_often_waits_as_long_as_it_is_told(site_page: Page, fake: Fake) -> None:
    fake.on("/auth/device-codes", Made(201, CODE), "POST")
    fake.on("/auth/tokens/device-code", Made(202, {"state": "slow-down", "interval_s": 600}), "POST")
    with site_page.expect_response("**/tokens/device-code"):
        site_page.goto("/tv")
    site_page.wait_for_timeout(2500)  # two of the interval that it began with
    assert len(fake.requests("/auth/tokens/device-code", "POST")) == 1


@pytest.mark.parametrize(
    ("slug", "said"),
    [("expired-token", "This code has run out"), ("access-denied", "This television was not let in")],
)
def test_a_code_that_is_over_is_replaced_by_a_new_one(site_page: Page, fake: Fake, axe: Axe, slug: str, said: str) -> None:
    fake.on("/auth/device-codes", Made(201, CODE), "POST")
    fake.on("/auth/tokens/device-code", Problem(400, slug), "POST")
    site_page.goto("/tv")
    expect(heading(site_page)).to_have_text(said)
    axe.everywhere(site_page)
    fake.on("/auth/device-codes", Made(201, {**CODE, "user_code": "LMNP-QRST"}), "POST")
    fake.on("/auth/tokens/device-code", PENDING, "POST")
    site_page.get_by_role("button", name="Show a new code").click()
    expect(site_page.get_by_test_id("user-code")).to_have_text("LMNP-QRST")


def test_a_television_without_a_code_says_so(site_page: Page, fake: Fake, axe: Axe) -> None:
    fake.on("/auth/device-codes", UNAVAILABLE, "POST")
    site_page.goto("/tv")
    expect(heading(site_page)).to_have_text("No code could be had")
    axe.everywhere(site_page)
    fake.on("/auth/device-codes", Made(201, CODE), "POST")
    fake.on("/auth/tokens/device-code", PENDING, "POST")
    site_page.get_by_role("button", name="Try again").click()
    expect(site_page.get_by_test_id("user-code")).to_have_text("BCDF-GHJK")


def waiting(state: str = "pending", name: str = "Living room") -> Json:
    return {"user_code": "BCDF-GHJK", "device_name": name, "expires_at": ago(-800), "state": state}


@pytest.mark.parametrize("typed", ["bcdfghjk", "BCDF-GHJK", "bcdf-ghjk", " bcdf ghj"], ids=["lower", "dash", "both", "short"])
def test_a_television_is_let_in_however_its_code_is_typed(members_page: Page, fake: Fake, axe: Axe, typed: str) -> None:
    fake.on("/auth/device-codes/BCDF-GHJK", waiting())
    fake.on("/auth/device-codes/BCDF-GHJK/approve", None, "POST")
    members_page.goto("/link")
    expect(heading(members_page)).to_have_text("Sign in a television")
    axe.everywhere(members_page)
    members_page.get_by_label("Code").press_sequentially(typed)
    go = members_page.get_by_role("button", name="Go on")
    if typed.endswith("ghj"):
        expect(go).to_be_disabled()
        return
    expect(members_page.get_by_label("Code")).to_have_value("BCDF-GHJK")
    go.click()
    expect(heading(members_page)).to_have_text("Let “Living room” in?")
    axe.everywhere(members_page)
    members_page.get_by_role("button", name="Yes, sign it in").click()
    expect(heading(members_page)).to_have_text("The television is signed in")
    axe.everywhere(members_page)
    assert len(fake.requests("/auth/device-codes/*/approve", "POST")) == 1


def test_a_television_is_kept_out(members_page: Page, fake: Fake, axe: Axe) -> None:
    fake.on("/auth/device-codes/BCDF-GHJK", waiting(name=MARKUP[:40]))
    fake.on("/auth/device-codes/BCDF-GHJK/deny", UNAVAILABLE, "POST")
    members_page.goto("/link?code=BCDF-GHJK")
    expect(heading(members_page)).to_contain_text(MARKUP[:40])
    members_page.get_by_role("button", name="No", exact=True).click()
    expect(members_page.get_by_role("alert")).to_contain_text("A part of Matinee is starting")
    axe.everywhere(members_page)
    fake.on("/auth/device-codes/BCDF-GHJK/deny", None, "POST")
    members_page.get_by_role("button", name="No", exact=True).click()
    expect(heading(members_page)).to_have_text("The television stays out")
    axe.everywhere(members_page)
    unharmed(members_page)


def test_a_code_that_no_television_shows_is_told_next_to_its_field(members_page: Page, fake: Fake, axe: Axe) -> None:
    fake.on("/auth/device-codes/*", Problem(404, "device-code-not-found"))
    members_page.goto("/link?code=bcdfghjk")
    expect(members_page.get_by_label("Code")).to_have_accessible_description("No television shows this code. It may have run out.")
    axe.everywhere(members_page)


def test_a_code_that_is_looked_up_slowly_can_be_waited_for(members_page: Page, fake: Fake, axe: Axe) -> None:
    fake.on("/auth/device-codes/BCDF-GHJK", {"user_code": "BCDF-GHJK", "device_name": "Living room", "state": "pending"})
    held = fake.hold("/auth/device-codes/BCDF-GHJK")
    members_page.goto("/link?code=bcdfghjk")
    expect(members_page.get_by_label("Code")).to_have_value("BCDF-GHJK")
    axe.everywhere(members_page)
    held.release()
    expect(heading(members_page)).to_have_text("Let “Living room” in?")
    assert_still(members_page)


def test_a_kids_profile_lets_no_television_in(members_page: Page, fake: Fake, axe: Axe) -> None:
    fake.on("/auth/tokens/refresh", catalogue.access_token(kids=True), "POST")
    members_page.goto("/link")
    expect(heading(members_page)).to_have_text("A grown-up signs televisions in")
    axe.everywhere(members_page)


# --- a new password


def set_password(page: Page) -> None:
    page.get_by_label("New password").fill(PASSWORD)
    page.get_by_role("button", name="Set the password").click()


def test_a_new_password_is_set_and_the_link_is_forgotten(site_page: Page, fake: Fake, axe: Axe) -> None:
    fake.on("/auth/password-resets", WEAK, "POST")
    site_page.goto("/reset#token-of-noor")
    expect(heading(site_page)).to_have_text("Set a new password")
    axe.everywhere(site_page)
    set_password(site_page)
    expect(site_page.get_by_label("New password")).to_have_accessible_description(WEAK.detail)
    axe.everywhere(site_page)
    fake.on("/auth/password-resets", UNAVAILABLE, "POST")
    set_password(site_page)
    expect(site_page.get_by_role("alert")).to_contain_text(UNAVAILABLE.title)
    axe.everywhere(site_page)
    fake.on("/auth/password-resets", None, "POST")
    set_password(site_page)
    expect(heading(site_page)).to_have_text("The new password is set")
    expect(site_page).to_have_url(re.compile(r"/reset$"))
    axe.everywhere(site_page)
    assert fake.requests("/auth/password-resets", "POST")[-1].body == {"token": "token-of-noor", "password": PASSWORD}


def test_a_link_that_was_used_says_so(site_page: Page, fake: Fake, axe: Axe) -> None:
    fake.on("/auth/password-resets", Problem(410, "reset-link-invalid"), "POST")
    site_page.goto("/reset#used")
    set_password(site_page)
    expect(heading(site_page)).to_have_text("This link does not work any more")
    axe.everywhere(site_page)
    site_page.goto("/reset")
    expect(heading(site_page)).to_have_text("This link does not work any more")


# --- profiles


@pytest.fixture
def two(fake: Fake) -> list[Json]:
    """The account's profiles: one watches, the other has a PIN."""
    found = [profile(), profile("p-sam", "Sam", avatar="3", has_pin=True)]
    fake.on("/profiles", lambda _: {"items": found, "next_cursor": None})
    return found


def test_profiles_have_their_space_and_say_what_failed(members_page: Page, fake: Fake, axe: Axe) -> None:
    held = fake.hold("/profiles")
    fake.on("/profiles", UNAVAILABLE)
    members_page.goto("/profiles")
    expect(members_page.locator(".ghost").first).to_be_visible()
    axe.everywhere(members_page)
    held.release()
    expect(members_page.get_by_role("alert")).to_contain_text("The profiles could not be loaded")
    axe.everywhere(members_page)
    fake.on("/profiles", {"items": [], "next_cursor": None})
    members_page.get_by_role("button", name="Try again").click()
    expect(members_page.get_by_role("button", name="Add a profile")).to_be_visible()
    axe.everywhere(members_page)


@pytest.mark.usefixtures("two")
def test_a_wrong_pin_says_so_and_one_tries_again(members_page: Page, fake: Fake, axe: Axe) -> None:
    fake.on("/auth/tokens/profile", Problem(403, "wrong-pin"), "POST")
    members_page.goto("/profiles?next=/list")
    axe.everywhere(members_page)
    members_page.get_by_role("button", name=re.compile("^Sam.*has a PIN")).click()
    dialog = members_page.get_by_role("dialog", name="PIN of Sam")
    pin = dialog.get_by_label("PIN", exact=True)
    expect(pin).to_be_focused()
    pin.fill("1111")
    dialog.get_by_role("button", name="Go on").click()
    expect(pin).to_have_accessible_description("That is not the PIN.")
    expect(pin).to_have_value("")
    axe.everywhere(members_page)
    fake.on("/auth/tokens/profile", TOO_MANY, "POST")
    pin.fill("2222")
    dialog.get_by_role("button", name="Go on").click()
    expect(pin).to_have_accessible_description(re.compile("^Too many tries. Again in"))
    axe.everywhere(members_page)
    fake.on("/auth/tokens/profile", catalogue.access_token("p-sam"), "POST")
    pin.fill("1234")
    dialog.get_by_role("button", name="Go on").click()
    expect(heading(members_page)).to_have_text("My list")
    assert fake.requests("/auth/tokens/profile", "POST")[-1].body == {"profile_id": "p-sam", "pin": "1234"}


@pytest.mark.usefixtures("two")
def test_a_forgotten_pin_is_replaced_by_the_password(members_page: Page, fake: Fake, axe: Axe) -> None:
    fake.on("/auth/tokens/profile", WRONG, "POST")
    members_page.goto("/profiles")
    members_page.get_by_role("button", name=re.compile("^Sam.*has a PIN")).click()
    members_page.get_by_role("button", name="Forgot the PIN?").click()
    password = members_page.get_by_role("dialog").get_by_label("Password", exact=True)
    password.fill("no")
    members_page.get_by_role("button", name="Go on").click()
    expect(password).to_have_accessible_description("That is not the account’s password.")
    axe.everywhere(members_page)


def test_a_profile_is_made_with_its_wishes(members_page: Page, fake: Fake, axe: Axe) -> None:
    fake.on("/profiles", wrong(name="Somebody is called that."), "POST")
    members_page.goto("/profiles")
    members_page.get_by_role("button", name="Add a profile").click()
    dialog = members_page.get_by_role("dialog", name="A new profile")
    axe.everywhere(members_page)
    dialog.get_by_label("Name").fill("Ida")
    dialog.get_by_label("Sound").select_option("de")
    dialog.get_by_label("Subtitles").select_option("off")
    dialog.get_by_text("Recommend films in any language").click()
    for tongue in ("Français", "Deutsch", "Français"):  # taken, taken, let go
        dialog.get_by_role("group", name="Recommend films in").get_by_label(tongue).click()
    expect(dialog.get_by_text("Recommend films in Deutsch")).to_be_visible()
    dialog.get_by_text("Ask for a PIN").click()
    dialog.get_by_label("PIN", exact=True).fill("1234")
    axe.everywhere(members_page)
    dialog.get_by_role("button", name="Save").click()
    expect(dialog.get_by_label("Name")).to_have_accessible_description("Somebody is called that.")
    axe.everywhere(members_page)
    fake.on("/profiles", UNAVAILABLE, "POST")
    dialog.get_by_role("button", name="Save").click()
    expect(dialog.get_by_role("alert")).to_contain_text(UNAVAILABLE.title)
    axe.everywhere(members_page)
    fake.on("/profiles", lambda asked: Made(201, profile("p-ida", asked.body["name"])), "POST")
    dialog.get_by_role("button", name="Save").click()
    expect(dialog).to_have_count(0)
    body = fake.requests("/profiles", "POST")[-1].body
    told = {name: body[name] for name in ("name", "audio_language", "subtitle_language", "watch_languages", "pin")}
    assert told == {"name": "Ida", "audio_language": "de", "subtitle_language": "off", "watch_languages": ["de"], "pin": "1234"}


def test_a_profile_with_a_pin_is_changed_with_it(members_page: Page, fake: Fake, two: list[Json], axe: Axe) -> None:
    two[1].update(audio_language="pt-BR", subtitle_language="off")
    fake.on("/profiles/p-sam", Problem(403, "wrong-pin"), "PATCH")
    members_page.goto("/profiles")
    members_page.get_by_role("button", name="Change profiles").click()
    axe.everywhere(members_page)
    members_page.get_by_role("button", name=re.compile("^Sam.*change")).click()
    dialog = members_page.get_by_role("dialog", name="Change Sam")
    expect(dialog.get_by_label("Sound")).to_have_value("pt-BR")
    expect(dialog.get_by_label("Subtitles")).to_have_value("off")
    dialog.get_by_label("Sound").select_option("")
    dialog.get_by_label("Subtitles").select_option("fr")
    dialog.get_by_label("Its PIN now").fill("1111")
    dialog.get_by_role("button", name="Save").click()
    expect(dialog.get_by_label("Its PIN now")).to_have_accessible_description("That is not the PIN.")
    axe.everywhere(members_page)
    fake.on("/profiles/p-sam", two[1], "PATCH")
    dialog.get_by_label("Its PIN now").fill("1234")
    dialog.get_by_role("button", name="Save").click()
    expect(dialog).to_have_count(0)
    body = fake.requests("/profiles/p-sam", "PATCH")[-1].body
    assert (body["audio_language"], body["subtitle_language"], body["current_pin"]) == (None, "fr", "1234")


# --- the account


@pytest.fixture
def account(fake: Fake) -> Json:
    """The account as it is kept, with a device here and one elsewhere."""
    kept: Json = {**catalogue.ACCOUNT}
    devices = [
        {"device_id": f"d-{n}", "name": name, "created_at": ago(90_000), "seen_at": ago(60), "current": n == 1}
        for n, name in enumerate(["This laptop", MARKUP], 1)
    ]

    def change(asked: Asked) -> Json:
        kept.update({field: asked.body[field] for field in ("name", "email") if field in asked.body})
        return kept

    def sign_out(asked: Asked) -> None:
        devices[:] = [each for each in devices if each["device_id"] != asked.path.rpartition("/")[2]]

    fake.on("/auth/account", lambda _: kept)
    fake.on("/auth/account", change, "PATCH")
    fake.on("/auth/devices", lambda _: {"items": devices, "next_cursor": None})
    fake.on("/auth/devices/*", sign_out, "DELETE")
    return kept


def test_an_account_has_its_space_and_says_what_failed(members_page: Page, fake: Fake, account: Json, axe: Axe) -> None:
    held = fake.hold("/auth/account")
    fake.on("/auth/account", UNAVAILABLE)
    fake.on("/auth/devices", UNAVAILABLE)
    members_page.goto("/account")
    expect(members_page.locator(".ghost").first).to_be_visible()
    axe.everywhere(members_page)
    held.release()
    expect(members_page.get_by_role("alert")).to_contain_text("The account could not be loaded")
    axe.everywhere(members_page)
    fake.on("/auth/account", account)
    members_page.get_by_role("button", name="Try again").click()
    expect(members_page.get_by_label("Name")).to_have_value("Mira")
    expect(members_page.get_by_role("alert")).to_contain_text("The devices could not be loaded")
    axe.everywhere(members_page)


def test_name_e_mail_and_password_change(members_page: Page, fake: Fake, account: Json, axe: Axe) -> None:
    members_page.goto("/account")
    expect(members_page.get_by_label("Name")).to_have_value("Mira")
    axe.everywhere(members_page)
    members_page.get_by_label("Name").fill(MARKUP[:40])
    members_page.get_by_role("button", name="Save the name").click()
    expect(members_page.get_by_text("Your name is changed.")).to_be_visible()
    axe.everywhere(members_page)
    members_page.get_by_role("button", name="Change e-mail").click()
    dialog = members_page.get_by_role("dialog")
    dialog.get_by_label("New e-mail").fill("new@example.org")
    dialog.get_by_label("Password now").fill(PASSWORD)
    dialog.get_by_role("button", name="Change it").click()
    expect(dialog).to_have_count(0)
    expect(members_page.get_by_text("new@example.org")).to_be_visible()
    members_page.get_by_role("button", name="Change password").click()
    dialog.get_by_label("Password now").fill(PASSWORD)
    dialog.get_by_label("New password").fill("another seat entirely")
    dialog.get_by_role("button", name="Change it").click()
    expect(members_page.get_by_text("The password is changed.")).to_be_visible()
    expect(dialog).to_have_count(0)
    assert fake.requests("/auth/account", "PATCH")[-1].body == {"password": "another seat entirely", "current_password": PASSWORD}
    assert account["name"] == MARKUP[:40]
    unharmed(members_page)


@pytest.mark.usefixtures("account")
@pytest.mark.parametrize(
    ("act", "answer", "label", "said"),
    [
        ("Change e-mail", Problem(409, "account-exists"), "New e-mail", "Another account has this e-mail."),
        ("Change e-mail", WRONG, "Password now", "That is not the password."),
        ("Change password", WEAK, "New password", WEAK.detail),
        ("Change password", WRONG, "Password now", "That is not the password."),
        ("Change password", UNAVAILABLE, None, UNAVAILABLE.title),
    ],
    ids=["taken", "e-mail-wrong", "weak", "password-wrong", "away"],
)
def test_a_refused_change_is_told_where_it_is(
    members_page: Page, fake: Fake, axe: Axe, act: str, answer: Problem, label: str | None, said: str
) -> None:
    fake.on("/auth/account", answer, "PATCH")
    members_page.goto("/account")
    members_page.get_by_role("button", name=act).click()
    dialog = members_page.get_by_role("dialog")
    dialog.get_by_label("Password now").fill(PASSWORD)
    dialog.get_by_label("New").fill("new@example.org")
    dialog.get_by_role("button", name="Change it").click()
    if label is None:
        expect(dialog.get_by_role("alert")).to_contain_text(said)
    else:
        expect(dialog.get_by_label(label)).to_have_accessible_description(said)
    assert len(fake.requests("/auth/account", "PATCH")) == 1
    axe.everywhere(members_page)


@pytest.mark.usefixtures("account")
def test_a_device_is_signed_out_and_markup_in_its_name_is_text(members_page: Page, fake: Fake, axe: Axe) -> None:
    members_page.goto("/account")
    devices = members_page.get_by_role("region", name="Devices")
    expect(devices.get_by_role("listitem")).to_have_count(2)
    expect(devices).to_contain_text(MARKUP)
    fake.on("/auth/devices/d-2", UNAVAILABLE, "DELETE")
    devices.get_by_role("button", name="Sign out").click()
    expect(devices.get_by_role("alert")).to_contain_text(UNAVAILABLE.title)
    axe.everywhere(members_page)
    fake.on("/auth/devices/d-2", None, "DELETE")
    fake.on("/auth/devices", {"items": [{**_here(), "name": MARKUP}], "next_cursor": None})
    devices.get_by_role("button", name="Sign out").click()
    expect(devices.get_by_role("listitem")).to_have_count(1)
    expect(members_page.get_by_text(f"{MARKUP} is signed out.")).to_be_visible()
    unharmed(members_page)


def _here() -> Json:
    return {"device_id": "d-1", "name": "Here", "created_at": ago(9), "seen_at": ago(9), "current": True}


def test_markup_in_the_names_of_profiles_is_text(members_page: Page, fake: Fake, two: list[Json]) -> None:
    two[1]["name"] = MARKUP
    members_page.goto("/profiles")
    members_page.get_by_role("button", name=MARKUP).click()
    expect(members_page.get_by_role("dialog")).to_contain_text(MARKUP)
    unharmed(members_page)


@pytest.mark.usefixtures("account")
def test_closing_the_account_asks_for_the_password(members_page: Page, fake: Fake, axe: Axe) -> None:
    fake.on("/auth/account", WRONG, "DELETE")
    members_page.goto("/account")
    members_page.get_by_role("button", name="Close the account").click()
    dialog = members_page.get_by_role("dialog", name="Close the account?")
    dialog.get_by_label("Password now").fill("no")
    dialog.get_by_role("button", name="Close it for good").click()
    expect(dialog.get_by_label("Password now")).to_have_accessible_description("That is not the password.")
    axe.everywhere(members_page)
    fake.on("/auth/account", None, "DELETE")
    dialog.get_by_role("button", name="Close it for good").click()
    expect(heading(members_page)).to_have_text("Take a seat. The film waits for you.")
