"""The console's ingest and titles: what they show, an upload under way, and a title under the hands of two editors."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.browser.site import catalogue
from tests.browser.site.catalogue import Json
from tests.browser.site.fake import UNAVAILABLE, Asked, Fake, Made, Problem
from tests.browser.site.looking import Axe
from tests.browser.site.operating import job
from tests.browser.site.stage import Edge, session
from tests.browser.site.waiting import eventually

pytestmark = pytest.mark.browser

MARKUP = '<img src=x onerror="window.hit=1"><script>window.hit=1</script>'

STATES = [
    job(
        job_id=state,
        state=state,
        name=MARKUP,
        error={"type": "about:blank", "title": "Damaged", "detail": MARKUP} if state == "failed" else None,
    )
    for state in ("queued", "probing", "encoding", "packaging", "ready", "failed", "cancelled")
]


class Desk:
    """A title with its version: an edit of an older one is refused."""

    def __init__(self, fake: Fake) -> None:
        self.title = catalogue.title("t-salt")
        self.version = 1
        fake.on("/titles/t-salt", lambda _: self._answer())
        fake.on("/titles/t-salt", self._edit, "PATCH")
        fake.on("/titles/t-salt/markers", self._mark, "PUT")

    def change(self, **fields: object) -> None:
        self.title = {**self.title, **fields}
        self.version += 1

    def _answer(self) -> Made:
        return Made(200, self.title, {"ETag": f'"{self.version}"'})

    def _edit(self, asked: Asked) -> Made | Problem:
        if asked.headers["if-match"] != f'"{self.version}"':
            return Problem(412, "precondition-failed", "It was changed meanwhile")
        body: Json = asked.body
        self.change(**body)
        return self._answer()

    def _mark(self, asked: Asked) -> Made:
        self.change(markers=asked.body)
        return self._answer()


@pytest.mark.parametrize("side", ["Yours", "Theirs"])
def test_the_second_editor_sees_both_versions_and_loses_nothing(console: Page, fake: Fake, axe: Axe, side: str) -> None:
    desk = Desk(fake)
    console.goto("/console/titles/t-salt")
    words = console.get_by_role("region", name="Words")
    words.get_by_label("Name", exact=True).fill("Salt and Road")
    words.get_by_label("Original name").fill("Salzweg")
    desk.change(name=MARKUP, synopsis="Theirs alone.")
    words.get_by_role("button", name="Save", exact=True).click()
    clash = words.get_by_role("alert")
    expect(clash).to_contain_text("Somebody else changed this title meanwhile")
    expect(clash).to_contain_text("Salt and Road")
    expect(clash).to_contain_text(MARKUP)
    expect(clash.get_by_role("button", name="Save both together")).to_be_disabled()
    axe.everywhere(console)
    clash.get_by_role("radio", name=side).check()
    clash.get_by_role("button", name="Save both together").click()
    expect(clash).to_have_count(0)
    kept = "Salt and Road" if side == "Yours" else MARKUP
    expect(console.get_by_role("heading", level=1)).to_have_text(kept)
    expect(words.get_by_label("Original name")).to_have_value("Salzweg")
    assert (desk.title["name"], desk.title["original_name"], desk.title["synopsis"]) == (kept, "Salzweg", "Theirs alone.")
    assert console.evaluate("() => window.hit") is None
    axe.everywhere(console)


@pytest.mark.parametrize("jobs", [STATES, []], ids=["jobs in every state", "no jobs"])
def test_ingest_can_be_used_by_everybody(console: Page, fake: Fake, axe: Axe, jobs: list[Json]) -> None:
    fake.on("/studio/jobs", {"items": jobs, "next_cursor": None})
    console.goto("/console/ingest")
    expect(console.get_by_role("heading", level=1)).to_have_text("Ingest")
    expect(console.get_by_role("region", name="All jobs")).to_contain_text(MARKUP if jobs else "Nothing")
    axe.everywhere(console)
    assert console.evaluate("window.hit") is None


def test_an_upload_under_way_can_be_used_by_everybody(console: Page, fake: Fake, axe: Axe) -> None:
    fake.on("/studio/jobs", {"items": [], "next_cursor": None})
    fake.on("/titles", {"items": [], "next_cursor": None})
    fake.on("/titles", Made(201, catalogue.title("t-salt")), "POST")
    fake.on("/studio/uploads", Made(201, None, {"Location": "/api/v1/studio/uploads/u-1", "Tus-Resumable": "1.0.0"}), "POST")
    part = fake.hold("/studio/uploads/u-1", "PATCH")
    console.goto("/console/ingest")
    names = ["Salt Road (2019).mkv", '<img src=x onerror="window.hit=1"> (2020).mkv', "holiday.txt"]
    console.get_by_label("Choose films").set_input_files([{"name": name, "mimeType": "", "buffer": b"film" * 1000} for name in names])
    expect(console.get_by_text("holiday.txt is no film, and was left.")).to_be_visible()
    eventually(console, lambda: part.count)
    expect(console.locator(".job", has_text="Salt Road").first).to_contain_text("Uploading")
    expect(console.locator(".job", has_text="<img src=x").first).to_contain_text("Waits its turn")
    axe.everywhere(console)
    assert console.evaluate("window.hit") is None


def test_titles_can_be_used_by_everybody(console: Page, fake: Fake, axe: Axe) -> None:
    console.goto("/console/titles")
    expect(console.get_by_role("heading", level=1)).to_have_text("Titles")
    expect(console.get_by_role("link", name="Salt Road").first).to_be_visible()
    axe.everywhere(console)


@pytest.mark.parametrize(
    ("path", "asked"), [("/console/ingest", "/studio/jobs"), ("/console/titles", "/titles"), ("/console/titles/t-salt", "/titles/*")]
)
def test_a_page_says_what_could_not_be_found_out(console: Page, fake: Fake, axe: Axe, path: str, asked: str) -> None:
    fake.on("/studio/jobs", {"items": [], "next_cursor": None})
    fake.on(asked, UNAVAILABLE)
    console.goto(path)
    expect(console.get_by_role("alert").first).to_contain_text("A part of Matinee is starting or restarting.")
    axe.everywhere(console)


def test_markers_are_set_while_the_film_plays(console: Page, fake: Fake, axe: Axe, edges: list[Edge]) -> None:
    desk = Desk(fake)
    fake.on("/playback/sessions", Made(201, session("t-salt", "t-salt", edges)), "POST")
    fake.on("/playback/sessions/*/heartbeats", lambda asked: {"sequence": asked.body["sequence"], "lease_s": 30.0}, "POST")
    fake.on("/playback/sessions/*", None, "DELETE")
    console.goto("/console/titles/t-salt")
    console.get_by_role("button", name="Set markers").click()
    dialog = console.get_by_role("dialog", name="Markers of Salt Road")
    film = dialog.locator("hls-video")
    eventually(console, lambda: film.evaluate("film => film.readyState > 2"))
    for label, at_s in (("Intro from", 2), ("Intro to", 14), ("Credits from", 30)):
        film.evaluate("(film, at_s) => { film.currentTime = at_s }", at_s)
        dialog.get_by_role("button", name=f"{label}: take 0:{at_s:02d}").click()
    dialog.get_by_label("Intro to", exact=True).fill("nonsense")
    expect(dialog.get_by_label("Intro to", exact=True)).to_have_accessible_description("A time like 1:23")
    axe.everywhere(console)
    dialog.get_by_label("Intro to", exact=True).fill("0:14")
    dialog.get_by_role("button", name="Save").click()
    expect(dialog).to_have_count(0)
    assert desk.title["markers"] == {"intro": {"start_s": 2, "end_s": 14}, "credits": {"start_s": 30}}
    eventually(console, lambda: fake.requests("/playback/sessions/*", "DELETE"))


def test_a_picture_is_chosen_from_the_film(console: Page, fake: Fake, axe: Axe) -> None:
    desk = Desk(fake)
    stills = [
        {"object_name": f"stills/{n}.jpg", "url": f"/artwork/still-{n}.jpg", "width": 1280, "height": 720, "at_s": 60.0 * n}
        for n in range(6)
    ]
    fake.on("/studio/playables/*/candidates", {"items": stills, "next_cursor": None})
    fake.on("/titles/t-salt/artwork/poster", lambda _: Made(200, desk.title, {"ETag": '"1"'}), "PUT")
    console.goto("/console/titles/t-salt")
    console.get_by_role("button", name="Choose the poster from the film").click()
    dialog = console.get_by_role("dialog", name="Choose a poster")
    expect(dialog.get_by_role("button", name="Still")).to_have_count(6)
    axe.everywhere(console)
    dialog.get_by_role("button", name="Still 3 of 6").click()
    expect(dialog).to_have_count(0)
    [put] = fake.requests("/titles/t-salt/artwork/poster", "PUT")
    assert put.body == {"object_name": "stills/2.jpg"}
    fake.on("/studio/playables/*/candidates", UNAVAILABLE)
    console.reload()
    console.get_by_role("button", name="Choose the poster from the film").click()
    expect(dialog).to_contain_text("The stills could not be loaded")
    axe.everywhere(console)
