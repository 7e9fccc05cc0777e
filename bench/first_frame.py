"""From the manifest request to the first frame, and dropped frames, in headless Chromium with hls.js from the edge.

Run as `python -m bench.first_frame` on an idle machine: starts an instance of its own, ingests a film, plays it five times.
"""

from __future__ import annotations

import os
import statistics
import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright

from tests.browser.chromium import ARGUMENTS, chromium
from tests.browser.players import Player, player_pages
from tests.films import two_language_film
from tests.running import Platform
from tests.viewers import ingested, sign_up

PLAYS = 5


def main() -> None:
    """Print each play and the median."""
    with tempfile.TemporaryDirectory() as folder, player_pages() as address, sync_playwright() as playwright:
        instance = Platform(Path(folder) / "data")
        instance.up()
        try:
            film = ingested(instance, two_language_film(Path(folder) / "Film (2024).mkv"))
            found = chromium()
            browser = playwright.chromium.launch(executable_path=found.executable, args=ARGUMENTS, env={**os.environ, **found.environment})
            first_frames_ms, dropped = [], 0
            with sign_up(instance) as viewer:
                for play in range(PLAYS):
                    page = browser.new_page()
                    player = Player(page, address)
                    player.hls(viewer.start(film)["hls_url"])
                    state = player.until("s.position_s > 8", timeout_s=40)
                    first_frames_ms.append(state["first_frame_ms"] - state["asked_ms"])
                    dropped += state["dropped"]
                    print(f"play {play + 1}: {first_frames_ms[-1]:.0f} ms, {state['dropped']} of {state['frames']} frames dropped")
                    page.close()
            browser.close()
            print(f"median of {PLAYS}: {statistics.median(first_frames_ms):.0f} ms; {dropped} frames dropped")
        finally:
            instance.down()


if __name__ == "__main__":
    main()
