"""What is refused on the running platform, and what the site says of it."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser.site.visiting import Visits, plays
from tests.browser.site.waiting import eventually
from tests.running import Platform
from tests.viewers import Viewer, another_device, sign_up

pytestmark = [pytest.mark.browser, pytest.mark.ray]

OUT_WITHIN_S = 5.0


@pytest.fixture
def viewer(platform: Platform) -> Iterator[Viewer]:
    with sign_up(platform) as signed_up:
        yield signed_up


def made(viewer: Viewer, path: str, **body: Any) -> Any:
    return viewer.ask("POST", path, json=body).raise_for_status().json()


def signed_out(viewer: Viewer) -> None:
    """Sign all the other devices of this viewer's account out."""
    devices = viewer.ask("GET", "/api/v1/auth/devices").raise_for_status().json()["items"]
    others = [each for each in devices if not each["current"]]
    assert others, devices
    for each in others:
        viewer.ask("DELETE", f"/api/v1/auth/devices/{each['device_id']}").raise_for_status()


def test_a_third_device_is_told_who_watches_and_stops_one(visits: Visits, platform: Platform, viewer: Viewer, film: str) -> None:
    viewer.stop(viewer.start(film)["session_id"], 0)
    with another_device(platform, viewer) as second, another_device(platform, viewer) as third:
        first_page, second_page, third_page = (visits.open_as(each) for each in (viewer, second, third))
        for page in (first_page, second_page):
            page.goto(f"/watch/{film}")
            plays(page, 0.5)
            page.keyboard.press("k")  # or the small film is over before its device has heard that it was stopped
        third_page.goto(f"/watch/{film}")
        expect(third_page.get_by_role("heading", level=1)).to_have_text("Too many devices are watching")
        expect(third_page.locator(".streams li")).to_have_count(2)
        expect(third_page.locator(".streams li").first).to_contain_text("Two Tongues")
        third_page.get_by_role("button", name=re.compile("^Stop .* and play here")).first.click()
        plays(third_page, 0.5)
        stopped = "Playing stopped here"
        eventually(third_page, lambda: any(page.get_by_role("dialog", name=stopped).count() for page in (first_page, second_page)))
    visits.forgive("status of 404", "status of 409", "status of 410")


@pytest.mark.parametrize("at", ["/", "film"])
def test_a_device_that_is_signed_out_elsewhere_is_out_within_seconds_though_nobody_touches_it(
    visits: Visits, platform: Platform, viewer: Viewer, film: str, at: str
) -> None:
    viewer.stop(viewer.start(film)["session_id"], 0)
    with another_device(platform, viewer) as other:
        page = visits.open_as(other)
        page.goto("/" if at == "/" else f"/watch/{film}")
        if at == "/":
            expect(page.locator("a.card").first).to_be_visible()
        else:
            plays(page, 0.5)
        signed_out(viewer)
        since_s = time.monotonic()
        expect(page.get_by_role("heading", level=1)).to_have_text("Sign in")
        assert time.monotonic() - since_s < OUT_WITHIN_S
        expect(page.get_by_text("This device was signed out.")).to_be_visible()
    visits.forgive("status of 401")


def test_a_wrong_pin_is_told_and_the_right_one_lets_in(visits: Visits, viewer: Viewer) -> None:
    made(viewer, "/api/v1/profiles", name="Ines", pin="2468")
    page = visits.open_as(viewer)
    page.goto("/profiles")
    page.get_by_role("button", name="Ines").click()
    pin = page.get_by_role("textbox", name="PIN")
    pin.fill("1357")
    pin.press("Enter")
    expect(page.get_by_text("That is not the PIN.")).to_be_visible()
    expect(pin).to_have_value("")
    pin.fill("2468")
    pin.press("Enter")
    expect(page.get_by_label("Profile: Ines. Menu")).to_be_visible()
    visits.forgive("status of 403")


def test_a_kids_profile_that_types_a_hidden_titles_address_finds_nothing(visits: Visits, platform: Platform, viewer: Viewer) -> None:
    with platform.operator as operator:
        body = {"kind": "film", "name": "Not For Kids", "maturity": 18, "published": True}
        hidden = operator.request("POST", "/api/v1/titles", json=body).json()["title_id"]
    made(viewer, "/api/v1/profiles", name="Pip", kids=True)
    grown_up = visits.open_as(viewer)
    eventually(grown_up, lambda: viewer.ask("GET", f"/api/v1/titles/{hidden}").is_success)
    grown_up.goto(f"/title/{hidden}")
    expect(grown_up.get_by_role("heading", level=1)).to_have_text("Not For Kids")
    grown_up.goto("/profiles")
    grown_up.get_by_role("button", name="Pip").click()
    expect(grown_up.get_by_label("Profile: Pip. Menu")).to_be_visible()
    for address, words in (
        (f"/title/{hidden}", "This title is not here"),
        (f"/series/{hidden}", "This title is not here"),
        (f"/watch/{hidden}", "This is not for this profile"),
    ):
        grown_up.goto(address)
        expect(grown_up.get_by_role("heading", level=1)).to_have_text(words)
        expect(grown_up.locator("body")).not_to_contain_text("Not For Kids")
    grown_up.goto("/search?q=not+for+kids")
    expect(grown_up.get_by_role("heading", level=1)).to_be_visible()
    expect(grown_up.locator("a.card", has_text="Not For Kids")).to_have_count(0)
    visits.forgive("status of 403", "status of 404")
