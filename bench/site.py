"""How soon the sites answer, whether they stand still, and whom they ask, in headless Chromium on a Matinee of its own with the demo.

    python -m bench.site [--json] [--running]

To be run on an idle machine. Home is measured with a cold cache over an emulated link of 10 Mbit/s and 40 ms, from the navigation until a
card was given Enter and its title's page shows; beside it a bare page of the same weight over the same link, whose one link is given Enter.
The first frame is measured on loopback, with a cold cache too, from the click on Play until it is presented. Then every route of both sites
is opened, on a wide screen and on a phone, as everybody who has it. Exits 1 if a limit is missed.
"""

from __future__ import annotations

import argparse
import contextlib
import http.server
import json
import re
import secrets
import statistics
import sys
import threading
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from playwright.sync_api import Browser, Page

from bench.demo import Member
from bench.visitors import Visitor, filled, opened_browser
from cluster.launch.client import OperatorClient, operator_password
from cluster.settings import Settings
from serve_apps.web.build import SITE
from tests.browser.site.looking import SHIFTS

TIMES = 5
HOME_LIMIT_S = 1.0
FIRST_FRAME_LIMIT_S = 0.6
SHIFT_LIMIT = 0.02
LINK = {"offline": False, "latency": 40, "downloadThroughput": 10e6 / 8, "uploadThroughput": 10e6 / 8}
SIZES = (1440, 900), (390, 844)

ANSWERED = """
(() => {
  const marks = (window.marks = {});
  const mark = (name) => (marks[name] ??= performance.now());
  const look = () => {
    const card = document.querySelector("a.card");
    if (card && !marks.card) {
      card.focus();
      mark("card");
    }
    if (document.querySelector(".title-page .hero h1") || location.hash) mark("answered");
    else requestAnimationFrame(look);
  };
  requestAnimationFrame(look);
})();
"""
"""Gives the first card the focus as soon as it is there, and marks when its page shows; the pressing is done from outside."""

ARRIVED = """() => [...performance.getEntriesByType("navigation"), ...performance.getEntriesByType("resource")]
  .filter((entry) => entry.responseEnd > 0 && entry.responseEnd <= marks.answered)
  .reduce((sum, entry) => sum + entry.transferSize, 0)"""

FIRST_FRAME = """
(() => {
  const marks = (window.marks = {});
  addEventListener("click", (event) => { if (event.target.closest('a[href^="/watch/"]')) marks.clicked = event.timeStamp; }, true);
  const look = () => {
    const video = document.querySelector("hls-video")?.nativeEl;
    if (!video) return void requestAnimationFrame(look);
    video.requestVideoFrameCallback((_, frame) => {
      marks.frame = frame.presentationTime;
      document.documentElement.dataset.frame = "presented";
    });
  };
  requestAnimationFrame(look);
})();
"""


@dataclass(frozen=True)
class Figure:
    """Something measured; it holds while it is not over the limit."""

    name: str
    value: float
    limit: float | None = None
    unit: str = ""
    each: tuple[float, ...] = ()

    @property
    def holds(self) -> bool:
        """Whether the limit is kept, if there is one."""
        return self.limit is None or self.value <= self.limit

    def row(self) -> str:
        """Return it for people."""
        goal = "" if self.limit is None else f"limit {self.limit:g} {self.unit}".rstrip()
        each = f"  ({', '.join(f'{one:.3g}' for one in self.each)})" if self.each else ""
        return f"{self.name:<62} {f'{self.value:.3g} {self.unit}'.rstrip():>10}  {goal:<13} {'' if self.holds else 'MISSED'}{each}".rstrip()


def main() -> int:
    """Print the figures; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m bench.site", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of a table")
    parser.add_argument("--running", action="store_true", help="measure the system of these settings that runs already, its demo complete")
    options = parser.parse_args()
    with filled(own=not options.running) as settings, opened_browser() as browser:
        figures, wrong = measured(browser, settings)
    if options.json:
        print(json.dumps({"figures": [asdict(figure) | {"holds": figure.holds} for figure in figures], "wrong": wrong}, indent=2))
    else:
        print("\n".join([figure.row() for figure in figures] + wrong))
    return 0 if all(figure.holds for figure in figures) else 1


def measured(browser: Browser, settings: Settings) -> tuple[list[Figure], list[str]]:
    """Return the figures, and a line for each thing that is wrong."""
    member = Visitor(browser, settings)
    member.sign_in()
    to_card, to_answer, weights, bare = [], [], [], []
    for _ in range(TIMES):
        marks, weight = home(member)
        to_card.append(marks["card"] / 1000)
        to_answer.append(marks["answered"] / 1000)
        weights.append(weight)
        with bare_page(weight) as address:
            bare.append(answered(Visitor(browser, settings).page(ANSWERED), address)["answered"] / 1000)
    frames = [first_frame(member) for _ in range(TIMES)]
    member.leave()
    tour = Tour(browser, settings)
    shifts = tour.shifts()
    visitors = [member, *tour.visitors]
    foreign = sorted({host for visitor in visitors for host in visitor.foreign()})
    complaints = [said for visitor in visitors for said in visitor.complaints]
    median = statistics.median
    figures = [
        Figure("home, 10 Mbit/s and 40 ms: until its first card is there", median(to_card), None, "s", tuple(to_card)),
        Figure("home, 10 Mbit/s and 40 ms: until a card answered Enter", median(to_answer), HOME_LIMIT_S, "s", tuple(to_answer)),
        Figure("what had come by then", median(weights) / 1000, None, "kB"),
        Figure("a bare page of that weight, the same", median(bare), None, "s", tuple(bare)),
        Figure("home against the bare page", median(to_answer) / median(bare), None, "times"),
        Figure("from the click on Play to the first frame, on loopback", median(frames), FIRST_FRAME_LIMIT_S, "s", tuple(frames)),
        Figure(f"the most layout shift of {len(shifts)} openings of every route", max(shifts.values()), SHIFT_LIMIT),
        Figure("hosts asked beyond this machine", len(foreign), 0),
        Figure("errors in the consoles", len(complaints), 0),
    ]
    wrong = [f"shifts by {value:.3f}: {where}" for where, value in shifts.items() if value > SHIFT_LIMIT]
    return figures, wrong + [f"asked: {host}" for host in foreign] + [f"console: {said}" for said in complaints]


def home(member: Visitor) -> tuple[dict[str, float], int]:
    """Open home in a fresh browser over the link; return the marks and the bytes that had come when a card had answered."""
    page = member.page(ANSWERED)
    return answered(page, "/"), page.evaluate(ARRIVED)


def answered(page: Page, address: str) -> dict[str, float]:
    """Go there over the link, press Enter on the first card as soon as it has the focus, and return when what happened."""
    line = page.context.new_cdp_session(page)
    line.send("Network.enable")
    line.send("Network.emulateNetworkConditions", LINK)
    page.goto(address, wait_until="commit")
    page.locator("a.card:focus").wait_for()
    page.keyboard.press("Enter")
    while "answered" not in (marks := page.evaluate("marks")):
        page.wait_for_timeout(50)
    return marks


def first_frame(member: Visitor) -> float:
    """Return the seconds from the click on Play, on a title's page in a fresh browser, until a frame is presented."""
    page = member.page(FIRST_FRAME)
    page.goto("/films", wait_until="networkidle")
    page.locator("a.card", has_text="Big Buck Bunny").first.click()
    play = page.locator('.title-page a[href^="/watch/"]').first
    play.wait_for()
    page.wait_for_load_state("networkidle")
    play.click()
    page.locator('[data-frame="presented"]').wait_for(state="attached")
    marks = page.evaluate("marks")
    return (marks["frame"] - marks["clicked"]) / 1000


@contextlib.contextmanager
def bare_page(weight: int) -> Iterator[str]:
    """A page of as many bytes, that do not compress, with one link."""
    head, link = "<!doctype html><title>Bare</title><p hidden>", '</p><a class="card" href="#answered">Answer</a>'
    page = (head + secrets.token_hex(weight)[: max(0, weight - len(head) - len(link))] + link).encode()

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            found = self.path == "/"
            self.send_response(200 if found else 404)
            self.send_header("Content-Type", "text/html")
            self.send_header("Content-Length", str(len(page) if found else 0))
            self.end_headers()
            self.wfile.write(page if found else b"")

        def log_message(self, *_: Any) -> None: ...

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


class Tour:
    """Opens every route that the sources of the sites have, as those for whom it is."""

    def __init__(self, browser: Browser, settings: Settings) -> None:
        self._browser, self._settings = browser, settings
        self.visitors: list[Visitor] = []

    def shifts(self) -> dict[str, float]:
        """Return how much each page shifted by itself."""
        found: dict[str, float] = {}
        operator = self._settings.operator_email, operator_password(self._settings), None
        for who, account, paths in (
            ("Strangers", None, routes("members", "Strangers")),
            ("NobodyChosen", operator, routes("members", "NobodyChosen")),
            ("Viewers", (), routes("members", "Viewers")),
            ("Operators", operator, routes("console", "App")),
        ):
            for size in SIZES:
                visitor = Visitor(self._browser, self._settings, size)
                self.visitors.append(visitor)
                if account is not None:
                    visitor.sign_in(*account)
                page = visitor.page(SHIFTS)
                for path in [*paths, "/console/nowhere" if who == "Operators" else "/nowhere"]:
                    found[f"{path} for {who}, {size[0]} px wide"] = self._shift(page, re.sub("[^/]*/:[a-zA-Z]+", self._filled, path))
                visitor.leave()
        return found

    def _shift(self, page: Page, path: str) -> float:
        page.goto(path, wait_until="networkidle")
        page.locator("h1").first.wait_for(state="attached")
        page.evaluate("() => new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn)))")
        return sum(value for value, _ in page.evaluate("shifts"))

    def _filled(self, named: re.Match[str]) -> str:
        """Return a part of a route with a name in it, as it is of something that there is."""
        kind = "series" if named[0] == "series/:titleId" else "film"
        if named[0] == "members/:accountId":
            with OperatorClient(self._settings, self._settings.site_url) as operator:
                found = operator.get("/api/v1/auth/members")["items"][0]["account_id"]
        else:
            asked = Member(self._settings.site_url).ask("GET", f"/api/v1/titles?kind={kind}").raise_for_status()
            found = asked.json()["items"][0]["title_id"]
        return re.sub(":.*", found, named[0])


def routes(site: str, component: str) -> list[str]:
    """Return the paths of one component of a site, as its sources have them."""
    source = (SITE / site / "main.tsx").read_text()
    body = re.search(rf"^function {component}\(.*?^}}", source, re.DOTALL | re.MULTILINE)
    assert body is not None
    paths = re.findall(r'<Route path="([^"]+)"', body[0])
    assert paths
    return paths


if __name__ == "__main__":
    sys.exit(main())
