"""Models come and go, and the encoder dies and hangs, under pages that nobody sees fail. On the second platform: an encoder is large."""

from __future__ import annotations

import asyncio
import base64
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import Any

import msgspec
import psutil
import pytest

from cluster.durable import open_log
from cluster.events import PLAYBACK, Event
from tests.running import Platform, eventually
from tests.serve_apps.recommendations.kept import keep, made_bytes
from tests.viewers import Viewer, sign_up

pytestmark = pytest.mark.ray

FILMS = 12


@pytest.fixture
def films(upright: Platform) -> list[str]:
    with upright.operator as operator:
        for other in operator.get("/api/v1/titles?limit=100")["items"]:  # beside what plays nothing is shown that does not
            operator.request("POST", f"/api/v1/titles/{other['title_id']}/unpublish")
        films = [{"kind": "film", "name": f"Film {number}", "maturity": 0, "published": True} for number in range(FILMS)]
        return [str(operator.request("POST", "/api/v1/titles", json=film).json()["title_id"]) for film in films]


@pytest.fixture
def viewers(upright: Platform) -> Iterator[list[Viewer]]:
    with ExitStack() as opened, ThreadPoolExecutor(4) as pool:
        yield list(pool.map(lambda _: opened.enter_context(sign_up(upright)), range(4)))


def page(viewer: Viewer) -> dict[str, Any]:
    answer = viewer.http.get("/api/v1/home")
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def who_picks(viewer: Viewer) -> tuple[str | None, str]:
    home = page(viewer)
    return home["model_version"], home["fallback"]


def watch(platform: Platform, viewers: Sequence[Viewer], film: str) -> None:
    """Have profiles begin a film, as the log tells of it: nothing of it can really be played."""

    async def tell() -> None:
        log = await open_log(platform.settings.log)
        for viewer in viewers:
            account_id = account_of(viewer)
            about = {"account_id": account_id, "profile_id": viewer.profile_id, "title_id": film, "kind": "film"}
            told = {**about, "duration_s": 100.0, "position_s": 0.0}
            # A moment that is yet to come: a play without a place counts for a minute after its start.
            at_s = time.time() + 3600.0
            await log.append(PLAYBACK, [Event(PLAYBACK.name, "session.started", account_id, time.time_ns(), at_s, told)])
        await log.close()

    asyncio.run(tell())


def account_of(viewer: Viewer) -> str:
    _, payload, _ = viewer.http.headers["Authorization"].removeprefix("Bearer ").split(".")
    return str(msgspec.json.decode(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))["sub"])


class Pages:
    """Asks for pages without a pause and repeats nothing; `failures` are what was not a page."""

    def __init__(self, viewers: Sequence[Viewer]) -> None:
        self.failures: list[str] = []
        self.fallbacks: set[str] = set()
        self.took_s: list[float] = []
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._ask, args=(viewer,), daemon=True) for viewer in viewers]

    def _ask(self, viewer: Viewer) -> None:
        while not self._stop.is_set():
            asked_s = time.monotonic()
            try:
                told = page(viewer)
                if not any(row["items"] for row in told["rows"]):
                    self.failures.append("a page is empty")
                self.fallbacks.add(told["fallback"])
            except Exception as error:
                self.failures.append(repr(error))
            self.took_s.append(time.monotonic() - asked_s)

    def __enter__(self) -> Pages:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()


def encoders(platform: Platform) -> list[psutil.Process]:
    return platform.processes("ray::ServeReplica:recommendations:encoder")


def test_a_promotion_swaps_the_model_under_load_and_an_encoder_that_dies_or_hangs_fails_no_page(upright, films, viewers):
    assert who_picks(viewers[0]) == (None, "trending")
    assert not encoders(upright)
    watch(upright, viewers, films[0])
    with Pages(viewers) as pages:
        for seed in (1, 2):
            bundle_id = asyncio.run(keep(upright.settings, made_bytes(films, seed)))
            eventually(lambda bundle_id=bundle_id: who_picks(viewers[0]) == (bundle_id, "none"), timeout_s=60)
    assert pages.failures == []
    (top,) = [row for row in page(viewers[0])["rows"] if row["kind"] == "top-picks"]
    assert (top["model_version"], top["fallback"], len(top["items"])) == (bundle_id, False, FILMS // 3)
    assert films[0] not in [item["title"]["title_id"] for item in top["items"]]

    # What was encoded before is remembered: only after another play does a page notice.
    [encoder] = encoders(upright)
    encoder.suspend()
    watch(upright, viewers, films[1])
    with Pages(viewers) as pages:
        eventually(lambda: who_picks(viewers[0]) == (bundle_id, "ease"))
        asked = len(pages.took_s)
        eventually(lambda: len(pages.took_s) > asked + 200)
        encoder.kill()
        eventually(lambda: who_picks(viewers[0]) == (bundle_id, "none"), timeout_s=60)
    assert pages.failures == []
    assert pages.fallbacks <= {"none", "ease"}
