"""Home on a Matinee that runs, with its demo and a live model: `python -m bench.home_live [--own] [--hang-seconds 60]`.

First how soon a play through the playback API stands in Continue watching and makes a row Because you watched. Then home ten times a
second, whoever waits, of members who go on starting films, so that the encoder is asked: while its replica is killed, and while it hangs.
Run it on the platform of `matinee up --demo`, or with `--own` on one that it starts.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import statistics
import time
from collections import Counter
from contextlib import ExitStack
from types import SimpleNamespace
from typing import Any, Final

import httpx
import psutil

from bench.visitors import filled
from tests.viewers import Viewer, sign_up

PLAYS: Final = 20
MEMBERS: Final = 24
EVERY_S: Final = 0.1
POLL_S: Final = 0.02
DEADLINE_S: Final = 30.0
WATCHED_S: Final = 15.0
PLAY_EVERY_S: Final = 0.4
IN_A_ROW: Final = MEMBERS + 6
"""Of so many pages each is picked by the live model when it is back: some of them are of histories that it has not seen."""
ENCODER: Final = "ray::ServeReplica:recommendations:encoder"


def main() -> None:
    """Measure, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--own", action="store_true", help="start a Matinee with the demo, and end it")
    parser.add_argument("--hang-seconds", type=float, default=60.0, help="how long the encoder hangs")
    asked = parser.parse_args()
    with filled(own=asked.own) as settings, ExitStack() as opened:
        platform: Any = SimpleNamespace(site_url=settings.site_url)
        viewers = [opened.enter_context(sign_up(platform)) for _ in range(MEMBERS)]
        films = [title["title_id"] for title in viewers[0].http.get("/api/v1/titles?limit=100").json()["items"] if title["kind"] == "film"]
        plays = zip(viewers[:PLAYS], itertools.cycle(films), strict=False)
        took_s = sorted(seconds_until_shown(viewer, film) for viewer, film in plays)
        print(f"a play stands on home after {statistics.median(took_s):.2f} s, at most {took_s[-1]:.2f} s of {len(took_s)} (at most 2)")
        if not encoders():
            raise SystemExit("no model is live: its encoder does not run")
        asyncio.run(away(settings.site_url, viewers, films, asked.hang_seconds))


def play(viewer: Viewer, film: str) -> None:
    """Begin a film, and leave it after twenty seconds of it."""
    started = viewer.http.post("/api/v1/playback/sessions", json={"playable_id": film}).raise_for_status().json()
    beat = {"sequence": 1, "position_s": 20.0, "state": "playing"}
    viewer.http.post(f"/api/v1/playback/sessions/{started['session_id']}/heartbeats", json=beat).raise_for_status()
    viewer.http.delete(f"/api/v1/playback/sessions/{started['session_id']}?position_s=20").raise_for_status()


def seconds_until_shown(viewer: Viewer, film: str) -> float:
    """Return how long after a play both rows show it."""
    play(viewer, film)
    began_s = time.monotonic()
    while time.monotonic() < began_s + DEADLINE_S:
        rows = viewer.http.get("/api/v1/home").raise_for_status().json()["rows"]
        going_on = {item["title"]["title_id"] for row in rows if row["kind"] == "continue" for item in row["items"]}
        if film in going_on and f"because-{film}" in {row["row_id"] for row in rows}:
            return time.monotonic() - began_s
        time.sleep(POLL_S)
    raise SystemExit(f"{film} was played and does not stand on home: {[row['row_id'] for row in rows]}")


def encoders() -> list[psutil.Process]:
    """Return the encoder's replicas on this machine."""
    return [
        process for process in psutil.process_iter() if process.name().startswith(ENCODER[:15]) and ENCODER in " ".join(process.cmdline())
    ]


class Asking:
    """Home, asked at a steady rate; remembers how long each page took from when it was due, and who stood in."""

    def __init__(self, client: httpx.AsyncClient, viewers: list[Viewer]) -> None:
        self._client, self._viewers = client, viewers
        self.took_s: list[float] = []
        self.failed: list[str] = []
        self.fallbacks: Counter[str] = Counter()
        self.latest = ""

    async def go_on(self) -> None:
        """Ask until cancelled."""
        began_s = time.monotonic()
        async with asyncio.TaskGroup() as group:
            for number in itertools.count():
                await asyncio.sleep(began_s + number * EVERY_S - time.monotonic())
                group.create_task(self._ask(self._viewers[number % len(self._viewers)], time.monotonic()))

    async def _ask(self, viewer: Viewer, due_s: float) -> None:
        try:
            answer = await self._client.get("/api/v1/home", headers={"Authorization": viewer.http.headers["Authorization"]})
            told = answer.raise_for_status().json()
        except httpx.HTTPError as error:
            self.failed.append(repr(error))
            return
        self.took_s.append(time.monotonic() - due_s)
        self.latest = told["fallback"]
        self.fallbacks[self.latest] += 1

    def told(self, what: str) -> str:
        """Return the figures, and begin anew."""
        took_s, asked = sorted(self.took_s), len(self.took_s) + len(self.failed)
        p99_ms = 1e3 * took_s[len(took_s) * 99 // 100]
        median_ms = 1e3 * statistics.median(took_s)
        line = f"{what}: {len(took_s)} of {asked} answered, median {median_ms:.0f} ms, p99 {p99_ms:.0f} ms (at most 300), "
        line += ", ".join(f"{name} {count}" for name, count in self.fallbacks.most_common()) + "".join(
            f"\n  {each}" for each in self.failed[:3]
        )
        self.took_s, self.failed, self.fallbacks = [], [], Counter()
        return line


async def away(url: str, viewers: list[Viewer], films: list[str], hang_s: float) -> None:
    """Print what home answers with its encoder there, killed and hung."""
    async with httpx.AsyncClient(base_url=url, timeout=10, limits=httpx.Limits(max_connections=64)) as client:
        asking = Asking(client, viewers)
        loop = asyncio.create_task(asking.go_on())
        watching = asyncio.create_task(go_on_playing(viewers, films))
        await asyncio.sleep(WATCHED_S)
        print(asking.told("with its encoder"), flush=True)
        for process in encoders():
            process.kill()
        print(f"killed: back after {await until_back(asking):.1f} s", flush=True)
        print(asking.told("killed"), flush=True)
        hung = encoders()
        for process in hung:
            process.suspend()
        await asyncio.sleep(hang_s)
        print(asking.told(f"hung for {hang_s:.0f} s"), flush=True)
        for process in hung:
            if process.is_running():
                process.resume()
        print(f"hung: back after {await until_back(asking):.1f} s more", flush=True)
        loop.cancel()
        watching.cancel()
        await asyncio.gather(loop, watching, return_exceptions=True)


async def until_back(asking: Asking) -> float:
    """Return after how long the live model picks all pages again."""
    began_s, in_a_row = time.monotonic(), 0
    while in_a_row < IN_A_ROW:
        seen = len(asking.took_s)
        while len(asking.took_s) == seen:  # noqa: ASYNC110 -- the next page
            await asyncio.sleep(POLL_S)
        in_a_row = in_a_row + 1 if asking.latest == "none" else 0
        if time.monotonic() > began_s + 120:
            raise SystemExit("the live model does not pick again")
    return time.monotonic() - began_s


async def go_on_playing(viewers: list[Viewer], films: list[str]) -> None:
    """Have each begin one film after the other, so that there is always a history that nobody has encoded."""
    for film, viewer in itertools.product(films, viewers):
        await asyncio.to_thread(play, viewer, film)
        await asyncio.sleep(PLAY_EVERY_S)


if __name__ == "__main__":
    main()
