"""Takes the pictures of the README on a Matinee with the whole demo: home, the player, the console.

    python -m bench.pictures [--running] [--folder docs/pictures]

Starts an instance of its own, unless told to use the one of these settings that runs already. Look at them before you keep them.
"""

from __future__ import annotations

import argparse
import base64
import re
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import Browser, Page, ViewportSize

from bench.visitors import Visitor, filled, opened_browser
from cluster.launch.client import operator_password
from cluster.launch.demo.fill import MEMBERS
from cluster.launch.demo.works import all_works
from cluster.settings import Settings

QUALITY = 88
LIMIT_BYTES = 300_000
BUNNY_S = 17
"""A lively place in Big Buck Bunny's opening."""
NEW_FILMS = ("The Last Reel", "Low Tide")
INGEST_MS = 120_000
CONSOLE_SIZE: ViewportSize = {"width": 1440, "height": 560}
"""As much of it as has something in it."""

DRAWN = """() => Promise.all([document.fonts.ready, ...[...document.images]
  .filter((image) => image.getBoundingClientRect().top < innerHeight)
  .map((image) => image.decode())]).then(() => document.images.length)"""


def main() -> int:
    """Take the pictures; return the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.pictures", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--running",
        action="store_true",
        help="use the system of these settings that runs already, its demo complete; two drafts stay in its catalogue",
    )
    parser.add_argument("--folder", type=Path, default=Path("docs/pictures"), help="where to (default: %(default)s)")
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    with filled(own=not options.running) as settings, opened_browser() as browser, tempfile.TemporaryDirectory() as folder:
        taken = pictures(browser, settings, Path(folder))
    sizes = [keep(picture, options.folder / f"{name}.webp") for name, picture in taken.items()]
    return 0 if max(sizes) <= LIMIT_BYTES else 1


def pictures(browser: Browser, settings: Settings, folder: Path) -> dict[str, bytes]:
    """Return the pictures by name."""
    mira, jonas, operator = (Visitor(browser, settings) for _ in range(3))
    mira.sign_in()
    page = mira.page()
    watch(page, "Big Buck Bunny", BUNNY_S)
    page.mouse.move(700, 400)
    page.mouse.move(720, 420)
    page.locator('.watch[data-bar="shown"]').wait_for()
    player = photo(page)
    jonas.sign_in(MEMBERS[1].email, MEMBERS[1].password, MEMBERS[1].name)
    watch(jonas.page(), None, 4)
    operator.sign_in(settings.operator_email, operator_password(settings), None)
    overview = ingesting(operator.page(), folder)
    jonas.leave()
    page = mira.page()
    page.goto("/", wait_until="networkidle")
    return {"home": photo(page), "player": player, "console": overview}


def watch(page: Page, name: str | None, at_s: int) -> None:
    """Play a film, the first where none is named, and wait until it runs at this place."""
    page.goto("/films", wait_until="networkidle")
    page.locator("a.card", has_text=name or "").first.click()
    play = page.locator('.title-page a[href^="/watch/"]').first
    address = play.get_attribute("href")
    page.goto(f"{address}?t={at_s}")
    page.locator("hls-video").evaluate(
        """(video, at_s) => new Promise((runs) => {
          const look = () => (video.readyState > 2 && !video.paused && video.currentTime > at_s + 0.5 ? runs() : setTimeout(look, 20));
          look();
        })""",
        at_s,
    )


def ingesting(page: Page, folder: Path) -> bytes:
    """Return the console's overview while two films are ingested; they stay as drafts."""
    films = [folder / f"{name} (2026).mp4" for name in NEW_FILMS]
    draw = all_works(folder)[0].make
    for film in films:
        draw(film)
    page.goto("/console/ingest", wait_until="networkidle")
    page.get_by_label("Choose films").set_input_files(films)
    for name in NEW_FILMS:
        page.locator(".job", has_text=name).first.get_by_text(re.compile("Encoding|Waits for an encoder")).wait_for(timeout=INGEST_MS)
    page.set_viewport_size(CONSOLE_SIZE)
    page.goto("/console", wait_until="networkidle")
    page.wait_for_function("() => [...document.querySelectorAll('.job-line progress')].some(job => job.value > 0.3)", timeout=INGEST_MS)
    return photo(page)


def photo(page: Page) -> bytes:
    """Return a page as it is seen, when all of it is there."""
    page.evaluate(DRAWN)
    taken = page.context.new_cdp_session(page).send("Page.captureScreenshot", {"format": "webp", "quality": QUALITY})
    return base64.b64decode(taken["data"])


def keep(picture: bytes, path: Path) -> int:
    """Write a picture; return how many bytes it has."""
    path.write_bytes(picture)
    print(f"{path}: {len(picture) / 1000:.0f} kB")
    return len(picture)


if __name__ == "__main__":
    sys.exit(main())
