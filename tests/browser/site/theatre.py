"""A page with the player, and what its services answer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, TypeVar

from playwright.sync_api import Page

from tests.browser.site import catalogue
from tests.browser.site.catalogue import Json
from tests.browser.site.fake import Asked, Fake, Made
from tests.browser.site.stage import Edge, session
from tests.browser.site.waiting import eventually

T = TypeVar("T")

FILM: Final = "t-bunny"
EPISODE: Final = "s-tide-s1e1"
NEXT: Final = "s-tide-s1e2"
MARKERS: Final[Json] = {"intro": {"start_s": 2.0, "end_s": 14.0}, "credits": {"start_s": 30.0}}


class Theatre:
    """A page with the player, and what its services answer."""

    def __init__(self, page: Page, fake: Fake, edges: list[Edge]) -> None:
        self.page, self.fake, self.edges = page, fake, edges
        self.errors: list[str] = []
        """What was said in the console; a test that breaks things empties it."""
        self.changes: Json = {}
        self.profile = catalogue.profile()
        fake.on("/profiles/*", lambda _: self.profile)
        fake.on("/profiles/me/player", self._keep, "PUT")
        fake.on("/playback/sessions", self.start, "POST")
        fake.on("/playback/sessions/*/heartbeats", lambda asked: {"sequence": asked.body["sequence"], "lease_s": 30.0}, "POST")
        fake.on("/playback/sessions/*", None, "DELETE")
        fake.on("/auth/devices", {"items": [], "next_cursor": None})

    def _keep(self, asked: Asked) -> Json:
        self.profile = {**self.profile, **asked.body}
        return self.profile

    def start(self, asked: Asked) -> Made:
        playable = asked.body["playable_id"]
        title = playable if playable in catalogue.BY_ID else playable.rpartition("-")[0]
        return Made(201, session(playable, title, self.edges, **self.changes))

    def open(self, playable_id: str = FILM, *, query: str = "", **changes: Any) -> None:
        """Go to the player and wait until it plays."""
        self.changes = changes
        self.page.goto(f"/watch/{playable_id}{query}")
        self.plays()

    def state(self) -> Json:
        found: Json = self.page.locator("hls-video").evaluate(
            """video => ({
              t: video.currentTime, paused: video.paused, muted: video.muted, volume: video.volume, speed: video.playbackRate,
              ready: video.readyState, ended: video.ended, height: video.nativeEl.videoHeight, src: video.src,
              auto: video.api?.autoLevelEnabled, heard: video.api?.audioTracks[video.api.audioTrack]?.lang,
              ahead: video.buffered.length ? video.buffered.end(video.buffered.length - 1) - video.currentTime : 0,
              read: [...video.nativeEl.textTracks].find(t => t.mode === "showing")?.language ?? null,
              cue: [...video.nativeEl.textTracks].find(t => t.mode === "showing")?.activeCues?.[0]?.text ?? null,
              full: document.fullscreenElement?.id ?? null,
            })"""
        )
        return found

    def eventually(self, look: Callable[[], T], timeout_s: float = 20.0) -> T:
        return eventually(self.page, look, timeout_s)

    def until(self, holds: Callable[[Json], object], timeout_s: float = 20.0) -> Json:
        def look() -> Json | None:
            state = self.state()
            return state if holds(state) else None

        found = self.eventually(look, timeout_s)
        assert found is not None
        return found

    def plays(self) -> Json:
        at = self.until(lambda s: s["ready"] >= 3 and not s["paused"])["t"]
        return self.until(lambda s: s["t"] > at)

    def pause(self) -> Json:
        self.page.keyboard.press("k")
        return self.until(lambda s: s["paused"])

    def seek(self, to_s: float) -> None:
        self.page.locator("hls-video").evaluate("(video, to) => { video.currentTime = to }", to_s)
        self.until(lambda s: abs(s["t"] - to_s) < 2)

    def moved(self, to_s: float) -> None:
        """Wait until it is there; it is paused."""
        self.until(lambda s: abs(s["t"] - to_s) < 0.2)

    def press(self, *keys: str) -> None:
        for key in keys:
            self.page.keyboard.press(key)

    def bar(self) -> str:
        found: str = self.page.locator(".watch").get_attribute("data-bar") or ""
        return found

    def hide_bar(self) -> None:
        self.page.locator("media-controller").dispatch_event("mouseleave")
        self.eventually(lambda: self.bar() == "hidden")

    def focused(self) -> str:
        found: str = self.page.evaluate(
            "() => { const at = document.activeElement; return at.getAttribute('aria-label') ?? at.innerText ?? at.localName }"
        )
        return found

    def beats(self) -> list[Json]:
        return [asked.body for asked in self.fake.requests("/playback/sessions/*/heartbeats", "POST")]

    def kept(self) -> list[Json]:
        return [asked.body for asked in self.fake.requests("/profiles/me/player", "PUT")]

    def told(self, kind: str) -> list[Json]:
        """Return what the page has told of this kind."""
        events = [event for asked in self.fake.requests("/telemetry/events", "POST") for event in asked.body["events"]]
        return [event for event in events if event["kind"] == kind]
