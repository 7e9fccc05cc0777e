"""The console on the running platform: a film given by a browser that closes meanwhile, replicas by the slider, two editors."""

from __future__ import annotations

import os
import re
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import imageio_ffmpeg
import pytest
from playwright.sync_api import Page, Request, expect

from cluster.launch.client import operator_password
from tests.browser.site.visiting import Visits
from tests.browser.site.waiting import eventually
from tests.running import Platform
from tests.viewers import INGEST_TIMEOUT_S, Viewer, sign_up

pytestmark = [pytest.mark.browser, pytest.mark.ray]

UPLOAD_BYTES_S = 600_000
SHOWN_WITHIN_S = 3.0


@pytest.fixture
def viewer(platform: Platform) -> Iterator[Viewer]:
    with sign_up(platform) as signed_up:
        yield signed_up


@pytest.fixture
def operator(visits: Visits, platform: Platform) -> Page:
    return signed_in(visits, platform)


def signed_in(visits: Visits, platform: Platform) -> Page:
    """Sign in at the console."""
    page = visits.open(viewport={"width": 1280, "height": 844})
    page.goto("/console")
    page.get_by_label("E-mail").fill(platform.settings.operator_email)
    page.get_by_label("Password").fill(operator_password(platform.settings))
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Overview")
    return page


def noise(path: Path) -> Path:
    """Write a film that cannot be made small."""
    picture = "nullsrc=s=320x180:r=24:d=8,geq=random(1)*255:128:128"
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-loglevel", "error", "-y", "-f", "lavfi", "-i", picture, "-f", "lavfi", "-i", "sine=d=8"]
    subprocess.run([*command, "-c:v", "libx264", "-preset", "ultrafast", "-qp", "12", "-c:a", "aac", str(path)], check=True)
    os.utime(path, (1_700_000_000, 1_700_000_000))
    return path


def dropped(page: Page, path: Path) -> None:
    """Drop a file into the console's page."""
    expect(page.get_by_role("region", name="Give films")).to_be_visible()
    page.evaluate(
        """() => {
            const hand = Object.assign(document.createElement("input"), { type: "file", id: "hand", hidden: true });
            document.body.append(hand);
        }"""
    )
    page.locator("#hand").set_input_files(path)
    page.evaluate(
        """() => {
            const carried = new DataTransfer(), hand = document.getElementById("hand");
            carried.items.add(hand.files[0]);
            hand.remove();
            const area = document.querySelector("[aria-label='Give films']");
            for (const type of ["dragover", "drop"])
                area.dispatchEvent(new DragEvent(type, { dataTransfer: carried, bubbles: true, cancelable: true }));
        }"""
    )


def slowly(page: Page) -> None:
    """Let the page send no faster than UPLOAD_BYTES_S."""
    network = page.context.new_cdp_session(page)
    network.send("Network.enable")
    network.send(
        "Network.emulateNetworkConditions",
        {"offline": False, "latency": 0, "downloadThroughput": -1, "uploadThroughput": UPLOAD_BYTES_S},
    )


def sent(page: Page) -> float:
    """Return which share of the film has left the page."""
    share: float = page.evaluate(
        """() => {
            const [item] = JSON.parse(localStorage.getItem("matinee.intake") ?? "[]");
            return item ? item.sentBytes / item.bytes : 0;
        }"""
    )
    return share


@pytest.mark.timeout(600)
@pytest.mark.usefixtures("film")  # something is on before
def test_a_film_is_dropped_the_tab_closed_half_way_and_members_see_it(
    visits: Visits, operator: Page, viewer: Viewer, platform: Platform, tmp_path: Path
) -> None:
    film = noise(tmp_path / "Half Way There (2025).mkv")
    operator.goto("/console/ingest")
    slowly(operator)
    dropped(operator, film)
    eventually(operator, lambda: sent(operator) > 0.4)
    again = operator.context.new_page()
    operator.close()
    again.on("console", lambda said: visits.wrong.append(said.text) if said.type == "error" else None)
    offsets: list[int] = []

    def watch(request: Request) -> None:
        if request.method == "PATCH":
            offsets.append(int(request.headers["upload-offset"]))

    again.on("request", watch)
    again.goto("/console/ingest")
    item = again.locator(".job", has_text="Half Way There").first
    expect(item).to_contain_text("Give “Half Way There (2025).mkv” again")
    again.get_by_label("Choose films").set_input_files(film)
    expect(item).to_contain_text(re.compile("Uploading|Waits for an encoder|Looking into|Encoding|Packaging|Published"))
    eventually(again, lambda: offsets)
    assert offsets[0] > 0, "what arrived before is not sent again"

    home = visits.open_as(viewer)
    home.goto("/")
    expect(home.locator("a.card").first).to_be_visible()
    expect(item).to_contain_text("Published", timeout=INGEST_TIMEOUT_S * 1000)
    published_s = time.monotonic()
    card = home.get_by_role("link", name=re.compile("Half Way There"))

    def on_focus() -> int:
        home.evaluate("dispatchEvent(new Event('focus'))")
        return card.count()

    eventually(home, on_focus)
    assert time.monotonic() - published_s < SHOWN_WITHIN_S


@pytest.mark.timeout(600)
def test_the_slider_gives_playback_three_replicas_and_status_agrees(operator: Page, platform: Platform) -> None:
    operator.goto("/console/services")
    slider = operator.get_by_role("slider", name="Replicas of playback")
    row = operator.locator("tr, li").filter(has=slider).first
    try:
        slider.focus()
        slider.press("Home")
        slider.press("ArrowRight")
        slider.press("ArrowRight")
        expect(row.locator("output")).to_have_text("3")
        expect(row).to_contain_text("3 of 3 ready", timeout=120_000)
        expect(row.locator(".seat.running")).to_have_count(3)
        [playback] = [each for each in platform.status()["applications"] if each["name"] == "playback"]
        assert (playback["replicas"], playback["target"]) == (3, 3)
    finally:
        assert platform.command("scale", "playback", "1..4").returncode == 0


def test_the_second_of_two_editors_is_told_sees_both_and_loses_nothing(visits: Visits, operator: Page, platform: Platform) -> None:
    with platform.operator as client:
        body = {"kind": "film", "name": "Two Pens", "synopsis": "As it was.", "year": 2001, "maturity": 6}
        title_id = client.request("POST", "/api/v1/titles", json=body).json()["title_id"]

        def title() -> Any:
            return client.get(f"/api/v1/titles/{title_id}")

        other = signed_in(visits, platform)
        for page in (operator, other):
            page.goto(f"/console/titles/{title_id}")
            expect(page.get_by_label("Name", exact=True)).to_have_value("Two Pens")
        operator.get_by_label("Name", exact=True).fill("One Pen")
        operator.get_by_label("Year").fill("2002")
        operator.get_by_role("button", name="Save", exact=True).click()
        expect(operator.get_by_text("Saved", exact=True)).to_be_visible()
        other.get_by_label("Name", exact=True).fill("Three Pens")
        other.get_by_label("Synopsis").fill("As it is now.")
        other.get_by_role("button", name="Save", exact=True).click()
        clash = other.get_by_role("alert").filter(has_text="Somebody else changed this title meanwhile")
        expect(clash).to_contain_text("One Pen")
        expect(clash).to_contain_text("Three Pens")
        assert (title()["name"], title()["synopsis"]) == ("One Pen", "As it was.")
        clash.get_by_label(re.compile("^Yours")).check()
        clash.get_by_role("button", name="Save both together").click()
        expect(clash).to_have_count(0)
        eventually(other, lambda: title()["name"] == "Three Pens")
        assert (title()["year"], title()["synopsis"]) == (2002, "As it is now.")
    visits.forgive("status of 412")
