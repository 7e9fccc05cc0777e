"""The player: it plays real media from real edges, with services that answer as the test says."""

from __future__ import annotations

import gzip

import httpx
import pytest
from playwright.sync_api import Browser, expect

from tests.browser.site import catalogue
from tests.browser.site.conftest import SIGNED_IN
from tests.browser.site.fake import Fake, Problem
from tests.browser.site.looking import SHIFTS, Axe
from tests.browser.site.stage import DURATION_S, Edge
from tests.browser.site.theatre import EPISODE, FILM, MARKERS, NEXT, Theatre

pytestmark = pytest.mark.browser

# --- the place


def test_it_plays_from_where_the_profile_stopped_and_tells_where_it_is(theatre: Theatre, edges: list[Edge]) -> None:
    theatre.open(position_s=21.0, heartbeat_interval_s=2.0)  # by then it has moved on a busy machine too
    assert theatre.state()["t"] > 20.9
    segments = [name for name in edges[0].asked if name.startswith(("360_", "180_"))]
    assert segments[0].endswith("_010.m4s"), "the first segment is the one of the place"
    expect(theatre.page.get_by_role("heading", level=1)).to_have_text("Big Buck Bunny")
    expect(theatre.page).to_have_title("Big Buck Bunny · Matinee")
    theatre.eventually(lambda: len(theatre.beats()) >= 3)
    beats = theatre.beats()
    assert [beat["sequence"] for beat in beats[:3]] == [1, 2, 3]
    assert 21 < beats[0]["position_s"] < beats[2]["position_s"] < 30
    assert beats[2]["state"] == "playing"
    theatre.pause()
    theatre.eventually(lambda: theatre.beats()[-1]["state"] == "paused")


def test_leaving_stops_the_session_with_its_place(theatre: Theatre) -> None:
    theatre.open(position_s=10.0)
    at = theatre.pause()["t"]
    theatre.page.get_by_role("link", name="Back to Big Buck Bunny").click()
    expect(theatre.page).to_have_url(f"{_origin(theatre)}/title/t-bunny")
    [stop] = theatre.eventually(lambda: theatre.fake.requests("/playback/sessions/*", "DELETE"))
    assert abs(float(stop.query["position_s"]) - at) < 0.5
    assert stop.headers["authorization"] == "Bearer header.body.signature"
    beats = len(theatre.beats())
    theatre.page.wait_for_timeout(1500)
    assert len(theatre.beats()) == beats


def test_a_link_may_say_where_to_begin(theatre: Theatre) -> None:
    theatre.open(query="?t=0", position_s=21.0)
    assert theatre.state()["t"] < 10


def test_a_play_tells_from_which_card_it_began(theatre: Theatre) -> None:
    theatre.page.goto("/")
    theatre.page.get_by_role("region", name="Carry on watching").locator("a.card").first.click()
    [event], first = theatre.eventually(lambda: theatre.told("play_begun")), catalogue.home()["rows"][0]
    assert (event["row_id"], event["row_position"], event["position"]) == (first["row_id"], 0, 0)
    assert (event["playable_id"], event["title_id"]) == (first["items"][0]["playable_id"], first["items"][0]["title"]["title_id"])


def test_a_play_tells_where_it_was_sought_and_what_is_shown(theatre: Theatre) -> None:
    theatre.open(position_s=4.0)
    theatre.seek(30)
    [seek] = theatre.eventually(lambda: theatre.told("seek"))
    assert (seek["session_id"], seek["to_s"]) == (f"session-of-{FILM}", 30)
    assert 4 <= seek["position_s"] < 12
    shown = theatre.eventually(lambda: theatre.told("quality_change"))
    assert {event["height"] for event in shown} <= {360, 180}
    assert all(event["bitrate_bps"] > 0 for event in shown)
    assert theatre.told("stall") == theatre.told("error") == []


# --- keys


def test_every_key_does_what_the_sheet_says(theatre: Theatre) -> None:
    theatre.open(position_s=10.0)
    at = theatre.pause()["t"]
    for key, moved in (("ArrowRight", 5), ("ArrowLeft", -5), ("l", 10), ("j", -10)):
        theatre.press(key)
        at += moved
        theatre.moved(at)
    for key, to in (("5", DURATION_S / 2), ("Home", 0), ("End", DURATION_S - 0.5), ("0", 0), ("2", DURATION_S / 5)):
        theatre.press(key)
        theatre.moved(to)
    before = theatre.state()["t"]
    theatre.press(".")
    assert 0 < theatre.until(lambda s: s["t"] > before)["t"] - before < 0.1
    theatre.press(",")
    theatre.until(lambda s: abs(s["t"] - before) < 0.005)
    theatre.press("ArrowDown", "ArrowDown")
    theatre.until(lambda s: s["volume"] == pytest.approx(0.9))
    theatre.press("ArrowUp")
    theatre.until(lambda s: s["volume"] == pytest.approx(0.95))
    theatre.press("m")
    theatre.until(lambda s: s["muted"])
    theatre.press("m")
    theatre.until(lambda s: not s["muted"])
    theatre.press(">", ">")
    theatre.until(lambda s: s["speed"] == 1.5)
    theatre.press("<")
    theatre.until(lambda s: s["speed"] == 1.25)
    theatre.press("f")
    theatre.until(lambda s: s["full"] == "watch")
    theatre.press("f")
    theatre.until(lambda s: s["full"] is None)
    theatre.press("Space")
    theatre.until(lambda s: not s["paused"])
    theatre.press("Space")
    theatre.until(lambda s: s["paused"])
    theatre.press("?")
    sheet = theatre.page.get_by_role("dialog", name="Keys")
    expect(sheet.get_by_text("Picture in picture")).to_be_visible()
    theatre.press("k")
    assert theatre.state()["paused"], "a dialog keeps its keys"
    theatre.press("Escape")
    expect(sheet).to_have_count(0)
    theatre.press("/")
    expect(theatre.page).to_have_url(f"{_origin(theatre)}/search")


def test_what_comes_with_control_alt_or_meta_is_the_browsers(theatre: Theatre) -> None:
    theatre.open()
    for held in ("Control", "Alt", "Meta"):
        for key in ("k", "m", "ArrowRight"):
            theatre.page.evaluate(
                """([held, key]) => {
                  const event = new KeyboardEvent("keydown", { key, [held]: true, bubbles: true, cancelable: true });
                  document.body.dispatchEvent(event);
                  if (event.defaultPrevented) throw new Error(`${held}+${key} was taken`);
                }""",
                [f"{'ctrl' if held == 'Control' else held.lower()}Key", key],
            )
    state = theatre.state()
    assert not state["paused"]
    assert not state["muted"]


def test_presses_add_up_to_one_seek_and_show_a_thin_line(theatre: Theatre) -> None:
    theatre.open(position_s=5.0)
    theatre.pause()
    video = theatre.page.locator("hls-video")
    video.evaluate("video => { window.seeks = 0; video.addEventListener('seeking', () => window.seeks++) }")
    at = theatre.state()["t"]
    theatre.page.keyboard.down("ArrowRight")
    for _ in range(3):
        theatre.page.keyboard.down("ArrowRight")
    expect(theatre.page.locator(".thin[data-on]")).to_contain_text("0:25 / 0:40")
    assert theatre.state()["t"] == at
    theatre.page.keyboard.up("ArrowRight")
    theatre.until(lambda s: abs(s["t"] - at - 20) < 0.2)
    assert theatre.page.evaluate("() => window.seeks") == 1


def test_a_click_takes_no_key_away_and_a_focused_button_keeps_its_own(theatre: Theatre) -> None:
    theatre.open()
    page = theatre.page
    page.mouse.move(400, 400)
    page.get_by_role("button", name="Sound off").click()
    theatre.until(lambda s: s["muted"])
    theatre.press("Space")
    theatre.until(lambda s: s["paused"] and s["muted"])
    page.get_by_role("button", name="Sound on").focus()
    theatre.press("Space")
    theatre.until(lambda s: not s["muted"] and s["paused"])
    theatre.press("k")
    theatre.until(lambda s: not s["paused"])


def test_arrows_seek_with_the_bar_hidden_and_walk_it_when_it_is_open(theatre: Theatre) -> None:
    theatre.open(position_s=2.0)
    theatre.hide_bar()
    theatre.press("ArrowRight")
    theatre.until(lambda s: s["t"] > 6.5)
    assert theatre.bar() == "hidden"
    theatre.press("Enter")
    assert theatre.bar() == "shown"
    assert theatre.focused() == "Pause (k)"
    at = theatre.state()["t"]
    theatre.press("ArrowRight")
    assert theatre.focused() == "10 s back (j)"
    theatre.press("ArrowLeft", "ArrowUp")
    assert theatre.page.evaluate("() => document.activeElement.localName") == "media-time-range"
    theatre.press("ArrowRight")
    theatre.until(lambda s: s["t"] > at + 4.5)
    theatre.press("ArrowUp")
    assert theatre.focused() == "Back to Big Buck Bunny"
    theatre.press("Escape")
    assert theatre.bar() == "hidden"
    assert theatre.page.evaluate("() => document.activeElement.localName") == "main", "where every key is the player's"
    theatre.press("Escape")
    expect(theatre.page).to_have_url(f"{_origin(theatre)}/title/t-bunny")


def test_escape_takes_one_layer_at_a_time(theatre: Theatre) -> None:
    theatre.open()
    page = theatre.page
    theatre.press("f")
    theatre.until(lambda s: s["full"] == "watch")
    page.mouse.move(400, 300)
    page.get_by_role("button", name="Settings").click()
    menu = page.locator("media-settings-menu")
    expect(menu).to_be_visible()
    theatre.press("Escape")
    expect(menu).to_be_hidden()
    assert theatre.state()["full"] == "watch"
    theatre.press("Escape")
    assert theatre.bar() == "hidden"
    assert theatre.state()["full"] == "watch"
    theatre.press("Escape")
    theatre.until(lambda s: s["full"] is None)
    assert page.url.endswith(f"/watch/{FILM}")
    theatre.press("Escape")
    expect(page).to_have_url(f"{_origin(theatre)}/title/t-bunny")


def test_media_keys_act(theatre: Theatre) -> None:
    theatre.page.add_init_script(
        """window.keys = {};
        MediaSession.prototype.setActionHandler = (action, handler) => { window.keys[action] = handler };"""
    )
    theatre.open(EPISODE, position_s=20.0)

    def key(action: str) -> None:
        theatre.page.evaluate("action => window.keys[action]({ action })", action)

    key("pause")
    at = theatre.until(lambda s: s["paused"])["t"]
    key("seekbackward")
    theatre.moved(at - 10)
    key("seekforward")
    theatre.moved(at)
    key("play")
    theatre.until(lambda s: not s["paused"])
    theatre.eventually(lambda: theatre.page.evaluate("() => !!window.keys.nexttrack"))
    key("nexttrack")
    expect(theatre.page).to_have_url(f"{_origin(theatre)}/watch/{NEXT}")


def test_only_what_the_browser_can_do_has_a_button(theatre: Theatre) -> None:
    theatre.open()
    theatre.pause()
    assert theatre.page.evaluate("() => document.pictureInPictureEnabled")
    expect(theatre.page.locator("media-pip-button")).to_be_visible()
    expect(theatre.page.locator("media-airplay-button")).to_be_hidden()


# --- sound, subtitles, quality


def test_captions_are_chosen_kept_and_dressed(theatre: Theatre) -> None:
    theatre.profile = catalogue.profile(caption_size="huge", caption_style="yellow")
    theatre.open()
    assert theatre.state()["read"] is None
    theatre.press("c")
    theatre.until(lambda s: s["read"] == "en" and s["cue"])
    theatre.press("v")
    assert theatre.until(lambda s: s["read"] == "fr" and s["cue"])["cue"].startswith("Bonjour")
    theatre.eventually(lambda: {"subtitle_language": "fr"} in theatre.kept())
    dressed = theatre.page.locator("hls-video").evaluate("v => v.shadowRoot.adoptedStyleSheets.map(s => s.cssRules[0]?.cssText).join()")
    assert "190%" in dressed
    theatre.page.mouse.move(400, 300)
    theatre.page.get_by_role("button", name="Subtitles").click()
    theatre.page.get_by_role("menuitemradio", name="Off").click()
    theatre.until(lambda s: s["read"] is None)
    theatre.eventually(lambda: theatre.kept()[-1] == {"subtitle_language": "off"})
    theatre.press("c")
    theatre.until(lambda s: s["read"] is not None)


def test_a_profiles_languages_are_heard_and_read_from_the_start(theatre: Theatre) -> None:
    theatre.profile = catalogue.profile(audio_language="de", subtitle_language="fr")
    theatre.open()
    theatre.until(lambda s: s["heard"] == "de" and s["read"] == "fr")


def test_a_series_keeps_its_languages_and_the_profile_the_last_ones(theatre: Theatre) -> None:
    theatre.open(EPISODE)
    assert theatre.state()["heard"] == "en"
    theatre.page.mouse.move(400, 300)
    theatre.page.get_by_role("button", name="Settings").click()
    theatre.page.get_by_role("menuitem", name="Audio").click()
    theatre.page.get_by_role("menuitemradio", name="Deutsch").click()
    theatre.until(lambda s: s["heard"] == "de")
    theatre.eventually(lambda: theatre.kept() == [{"audio_language": "de"}])
    theatre.profile = catalogue.profile(audio_language="en")
    theatre.open(NEXT)
    theatre.until(lambda s: s["heard"] == "de")
    theatre.open(FILM)
    theatre.until(lambda s: s["heard"] == "en")


def test_a_quality_that_was_chosen_stays_over_the_next_episode(theatre: Theatre) -> None:
    theatre.open(EPISODE)
    page = theatre.page
    page.mouse.move(400, 300)
    page.get_by_role("button", name="Settings").click()
    page.get_by_role("menuitem", name="Quality").click()
    page.get_by_role("menuitemradio", name="180p").click()
    theatre.until(lambda s: s["height"] == 180 and not s["auto"])
    theatre.press("Shift+N")
    expect(page).to_have_url(f"{_origin(theatre)}/watch/{NEXT}")
    theatre.plays()
    theatre.until(lambda s: s["height"] == 180 and not s["auto"])


# --- what comes next


def test_the_intro_is_skipped(theatre: Theatre) -> None:
    theatre.open(EPISODE, markers=MARKERS, position_s=3.0)
    expect(theatre.page.get_by_role("button", name="Skip intro")).to_be_visible()
    theatre.press("s")
    theatre.until(lambda s: s["t"] >= 14)
    expect(theatre.page.get_by_role("button", name="Skip intro")).to_have_count(0)
    theatre.seek(4)
    theatre.page.get_by_role("button", name="Skip intro").click()
    theatre.until(lambda s: s["t"] >= 14)


def test_the_next_episode_begins_by_itself_and_keeps_full_screen(theatre: Theatre) -> None:
    theatre.open(EPISODE, markers=MARKERS, position_s=25.0)
    expect(theatre.page.locator(".above")).to_contain_text("S1 E1 · Spring")
    theatre.press("f")
    theatre.until(lambda s: s["full"] == "watch")
    theatre.page.locator("hls-video").evaluate("video => { window.before = video }")
    theatre.changes = {"markers": MARKERS}
    theatre.seek(30.5)
    offer = theatre.page.get_by_role("region", name="Next episode")
    expect(offer).to_contain_text("S1 E2 · Neap")
    expect(theatre.page).to_have_url(f"{_origin(theatre)}/watch/{NEXT}", timeout=20_000)
    theatre.plays()
    assert theatre.state()["full"] == "watch"
    assert theatre.page.locator("hls-video").evaluate("video => video === window.before")
    expect(theatre.page.locator(".above")).to_contain_text("S1 E2 · Neap")
    [stop] = theatre.fake.requests("/playback/sessions/*", "DELETE")
    assert stop.path.endswith(EPISODE)
    assert float(stop.query["position_s"]) > 30


def test_the_countdown_can_be_stopped_and_next_works_without_it(theatre: Theatre, axe: Axe) -> None:
    theatre.open(EPISODE, markers=MARKERS, position_s=31.0)
    offer = theatre.page.get_by_role("region", name="Next episode")
    offer.get_by_role("button", name="Watch the credits").click()
    expect(offer).not_to_contain_text("by itself")
    theatre.until(lambda s: s["ended"], 30)
    theatre.page.wait_for_timeout(1500)
    assert theatre.page.url.endswith(EPISODE)
    axe.everywhere(theatre.page)
    offer.get_by_role("button", name="Play now").click()
    expect(theatre.page).to_have_url(f"{_origin(theatre)}/watch/{NEXT}")


def test_a_profile_that_wants_no_autoplay_is_only_offered_the_next(theatre: Theatre) -> None:
    theatre.profile = catalogue.profile(autoplay_next=False)
    theatre.open(EPISODE, markers=MARKERS, position_s=31.0)
    offer = theatre.page.get_by_role("region", name="Next episode")
    expect(offer.get_by_role("button", name="Play now")).to_be_visible()
    expect(offer).not_to_contain_text("by itself")
    theatre.press("Shift+N")
    expect(theatre.page).to_have_url(f"{_origin(theatre)}/watch/{NEXT}")
    theatre.plays()
    theatre.press("Shift+P")
    expect(theatre.page).to_have_url(f"{_origin(theatre)}/watch/{EPISODE}")


def test_after_three_episodes_without_a_touch_it_asks(theatre: Theatre, axe: Axe) -> None:
    episodes = [catalogue.episode("s-tide", 1, number, f"Part {number}") for number in range(1, 7)]
    theatre.fake.on("/titles/s-tide", catalogue.title("s-tide", seasons=[{"season": 1, "episodes": episodes}]))
    theatre.page.clock.install()
    theatre.open(EPISODE, markers=MARKERS, position_s=30.5)
    for number in (2, 3, 4):
        for _ in range(12):
            theatre.page.clock.run_for(1000)
        expect(theatre.page).to_have_url(f"{_origin(theatre)}/watch/s-tide-s1e{number}")
        theatre.plays()
    for _ in range(12):
        theatre.page.clock.run_for(1000)
    asking = theatre.page.get_by_role("dialog", name="Still watching?")
    expect(asking).to_be_visible()
    assert theatre.state()["paused"]
    axe(theatre.page)
    asking.get_by_role("button", name="Keep watching").click()
    expect(theatre.page).to_have_url(f"{_origin(theatre)}/watch/s-tide-s1e5")


def test_the_end_of_a_film_has_two_ways_on(theatre: Theatre, axe: Axe) -> None:
    theatre.open(position_s=38.0)
    end = theatre.page.get_by_role("region", name="The end")
    expect(end).to_contain_text("That was Big Buck Bunny", timeout=15_000)
    axe.everywhere(theatre.page)
    end.get_by_role("button", name="Watch again").click()
    theatre.until(lambda s: s["t"] < 10 and not s["paused"])


# --- what it may not


@pytest.mark.parametrize(
    ("problem", "words", "way"),
    [
        (Problem(403, "maturity"), "This is not for this profile", "Change profile"),
        (Problem(409, "not-playable"), "Not ready yet", "Go home"),
        (Problem(404, "playable-not-found"), "There is nothing to play here", "Go home"),
        (Problem(409, "conflict"), "It cannot be played right now", "Go home"),
    ],
    ids=lambda value: value.slug if isinstance(value, Problem) else "",
)
def test_a_refusal_is_told_in_words_with_a_way_back(theatre: Theatre, axe: Axe, problem: Problem, words: str, way: str) -> None:
    theatre.fake.on("/playback/sessions", problem, "POST")
    theatre.page.goto(f"/watch/{FILM}")
    expect(theatre.page.get_by_role("heading", level=1)).to_have_text(words)
    expect(theatre.page.get_by_role("link", name=way)).to_be_visible()
    axe.everywhere(theatre.page)
    theatre.press("Escape")
    expect(theatre.page).to_have_url(f"{_origin(theatre)}/")
    theatre.errors.clear()


# --- how it is


def test_thumbnails_show_while_one_seeks(theatre: Theatre) -> None:
    theatre.open()
    line = theatre.page.locator("media-time-range")
    theatre.page.mouse.move(400, 300)
    box = line.bounding_box()
    assert box
    theatre.page.mouse.move(box["x"] + box["width"] * 0.75, box["y"] + box["height"] / 2)
    expect(theatre.page.locator("media-preview-thumbnail[slot=preview]")).to_have_attribute("mediapreviewcoords", "160 0 160 90")
    expect(line).to_have_attribute(
        "mediapreviewimage", f"{theatre.edges[0].url}/t/1.9999999999.session.signature/film/v1/thumbnails_001.jpg#xywh=160,0,160,90"
    )


def test_a_phone_shows_the_bar_at_a_tap_and_seeks_at_two(browser: Browser, site: str, fake: Fake, edges: list[Edge], axe: Axe) -> None:
    context = browser.new_context(
        base_url=site, viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True, reduced_motion="reduce"
    )
    context.add_init_script(SHIFTS)
    context.add_init_script(SIGNED_IN)
    page = context.new_page()
    fake.attach(page)
    page.route("**/artwork/**", lambda route: route.fulfill(content_type="image/svg+xml", body="<svg xmlns='http://www.w3.org/2000/svg'/>"))
    theatre = Theatre(page, fake, edges)
    theatre.open(position_s=10.0)
    theatre.hide_bar()
    page.touchscreen.tap(195, 300)
    theatre.eventually(lambda: theatre.bar() == "shown")
    assert not theatre.state()["paused"]
    page.wait_for_timeout(500)
    at = theatre.state()["t"]
    page.touchscreen.tap(360, 300)
    page.touchscreen.tap(360, 300)
    theatre.until(lambda s: s["t"] > at + 9)
    page.wait_for_timeout(500)
    at = theatre.state()["t"]
    page.touchscreen.tap(30, 300)
    page.touchscreen.tap(30, 300)
    theatre.until(lambda s: s["t"] < at - 6)
    theatre.page.locator("hls-video").evaluate("video => video.pause()")
    axe(page)
    assert page.evaluate("() => document.documentElement.scrollWidth") <= 390
    context.close()


def _origin(theatre: Theatre) -> str:
    found: str = theatre.page.evaluate("() => location.origin")
    return found


def test_people_can_use_it(theatre: Theatre, axe: Axe) -> None:
    theatre.open(EPISODE)
    theatre.pause()
    axe.everywhere(theatre.page)
    theatre.page.set_viewport_size({"width": 1280, "height": 844})
    for button in ("Settings", "Subtitles"):
        theatre.page.get_by_role("button", name=button).click()
        theatre.page.wait_for_timeout(400)
        axe(theatre.page)
        theatre.press("Escape")
    for button in ("Play", "10 s back", "Sound off", "Subtitles", "Settings", "Keys", "Full screen"):
        theatre.page.get_by_role("button", name=button).hover()
        tooltip = theatre.page.get_by_role("button", name=button).locator("media-tooltip")
        theatre.eventually(lambda tooltip=tooltip: tooltip.evaluate("tip => getComputedStyle(tip).opacity === '1'"))  # type: ignore[misc]
        axe(theatre.page)
    theatre.press("?")
    axe.everywhere(theatre.page)


def test_the_player_weighs_at_most_250_kb_more_than_the_first_page(theatre: Theatre, site: str) -> None:
    loaded: set[str] = set()
    theatre.page.on("request", lambda request: loaded.add(request.url) if request.url.endswith(".js") else None)
    theatre.page.goto("/")
    theatre.page.wait_for_load_state("networkidle")
    first = set(loaded)
    theatre.open()
    weight = sum(len(gzip.compress(httpx.get(url).content, 9)) for url in loaded - first)
    assert 100_000 < weight <= 250_000
