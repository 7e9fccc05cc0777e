"""Journeys of somebody new on the running platform: from the first page to a film, and on elsewhere where it stopped."""

from __future__ import annotations

import re
from typing import Final

import pytest
from playwright.sync_api import expect

from tests.browser.site.visiting import PASSWORD, PHONE, TELEVISION, Visits, arrow_to, email, plays, sign_up_by_touch, tab_to

pytestmark = [pytest.mark.browser, pytest.mark.ray]

RESUMES_WITHIN_S: Final = 2.0
"""How far from where it was left it may go on."""


def test_a_stranger_signs_up_watches_by_keyboard_alone_and_goes_on_in_another_browser(visits: Visits, film: str) -> None:
    page = visits.open()
    address = email()
    page.goto("/")
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    tab_to(page, "Make an account")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Make an account")
    for typed in ("Noor", address, PASSWORD):
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

    phone = visits.open(**PHONE)
    phone.goto(f"/watch/{film}")
    expect(phone.get_by_role("heading", level=1)).to_have_text("Sign in")
    phone.get_by_label("E-mail").fill(address)
    phone.get_by_label("Password").fill(PASSWORD)
    phone.get_by_role("button", name="Sign in").tap()
    phone.get_by_role("button", name="Noor").tap()
    assert abs(plays(phone) - left_s) < RESUMES_WITHIN_S
    expect(phone.get_by_role("heading", level=1)).to_have_text("Two Tongues")


def test_a_television_is_let_in_by_a_phone_and_both_watch_with_arrows_and_taps_alone(visits: Visits, film: str) -> None:
    phone, television = visits.open(**PHONE), visits.open(**TELEVISION)
    sign_up_by_touch(phone, email())

    television.goto("/")
    arrow_to(television, television.get_by_role("link", name="This is a television"))
    television.keyboard.press("Enter")
    code = television.get_by_test_id("user-code")
    expect(code).to_have_text(re.compile("^[A-Z0-9]{4}-[A-Z0-9]{4}$"))
    phone.goto(f"/link?code={code.inner_text()}")
    phone.get_by_role("button", name="Yes, sign it in").tap()
    expect(phone.get_by_role("heading", level=1)).to_have_text("The television is signed in")

    arrow_to(television, television.get_by_role("button", name="Noor"))
    television.keyboard.press("Enter")
    card = television.get_by_role("link", name=re.compile("Two Tongues")).first
    arrow_to(television, card)
    television.keyboard.press("Enter")
    expect(television.get_by_role("heading", level=1)).to_have_text("Two Tongues")
    arrow_to(television, television.get_by_role("link", name=re.compile("^Play")))
    television.keyboard.press("Enter")
    before_s = plays(television, 1.0)
    television.keyboard.press("ArrowRight")  # with nothing shown, an arrow seeks
    plays(television, before_s + 4)
    television.keyboard.press("Enter")  # shows the controls, with the focus on pause
    expect(television.locator(".watch")).to_have_attribute("data-bar", re.compile("^(?!hidden)"))
    television.keyboard.press("Enter")
    expect(television.locator("hls-video")).to_have_js_property("paused", True)
    left_s: float = television.locator("hls-video").evaluate("video => video.currentTime")
    for _ in ("the controls", "the player"):  # Back takes one layer at a time
        television.keyboard.press("Escape")
    expect(television.get_by_role("heading", level=1)).to_have_text("Two Tongues")

    phone.get_by_role("link", name="Go home").tap()
    phone.get_by_role("link", name=re.compile("Two Tongues")).first.tap()
    if "/watch/" not in phone.url:
        phone.get_by_role("link", name=re.compile("^(Play|Resume|Go on)")).tap()
    assert abs(plays(phone) - left_s) < RESUMES_WITHIN_S
    phone.locator(".watch").tap(position={"x": 195, "y": 300})
    phone.get_by_role("link", name="Back to Two Tongues").tap()
    expect(phone.get_by_role("heading", level=1)).to_have_text("Two Tongues")
