"""Viewers go on while replicas are added and killed."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress

import httpx
import pytest

from tests.running import Platform, eventually
from tests.viewers import Viewer, another_device, sign_up

pytestmark = pytest.mark.ray

VIEWERS = 50
BACK_WITHIN_S = 5.0


class Audience:
    """Viewers that send heartbeats without a pause.

    `acknowledged` is each one's last place, `heard_s` when the last heartbeat that was acknowledged was sent.
    """

    def __init__(self, viewers: list[Viewer], film: str, *, retry: bool = True) -> None:
        self.viewers, self.retry = viewers, retry
        with ThreadPoolExecutor(8) as pool:
            self.sessions = list(pool.map(lambda viewer: str(viewer.start(film)["session_id"]), viewers))
        self.acknowledged = [0.0] * len(viewers)
        self.heard_s = [0.0] * len(viewers)
        self.beats = 0
        self.failures: list[str] = []
        self._lock = threading.Lock()
        self._stop = threading.Event()
        groups = [range(first, len(viewers), 5) for first in range(5)]
        self._threads = [threading.Thread(target=self._watch, args=(group,), daemon=True) for group in groups]

    def _watch(self, group: range) -> None:
        sequence = 0
        while not self._stop.is_set():
            sequence += 1
            for number in group:
                position_s = sequence % 1000 / 50
                sent_s = time.monotonic()
                try:
                    answer = self.viewers[number].beat(self.sessions[number], sequence, position_s, retry=self.retry)
                except Exception as error:
                    answer = None
                    why = repr(error)
                with self._lock:
                    self.beats += 1
                    if answer is not None and answer.status_code == 200:
                        self.acknowledged[number], self.heard_s[number] = position_s, sent_s
                    else:
                        self.failures.append(why if answer is None else f"{answer.status_code} {answer.text}")

    def __enter__(self) -> Audience:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def goes_on(self) -> None:
        """Wait until everybody was heard of again."""
        wanted = self.beats + 2 * len(self.viewers)
        eventually(lambda: self.beats >= wanted, timeout_s=60)


@pytest.fixture(scope="module")
def viewers(platform: Platform) -> Iterator[list[Viewer]]:
    with ExitStack() as opened, ThreadPoolExecutor(4) as pool:
        yield list(pool.map(lambda _: opened.enter_context(sign_up(platform)), range(VIEWERS)))


@contextmanager
def replicas(platform: Platform, count: int) -> Iterator[None]:
    """Run `count` replicas of playback, then as before."""
    scale(platform, str(count), count)
    try:
        yield
    finally:
        assert platform.command("scale", "playback", "1..4").returncode == 0


def scale(platform: Platform, argument: str, running: int) -> None:
    done = platform.command("scale", "playback", argument)
    assert done.returncode == 0, done.stderr
    eventually(lambda: playback(platform)["replicas"] == running, timeout_s=90)


def playback(platform: Platform) -> dict[str, object]:
    return next(dict(each) for each in platform.status()["applications"] if each["name"] == "playback")


def shown_on_the_dashboard(platform: Platform) -> list[str]:
    """Return the states of playback's replicas as Ray's dashboard shows them."""
    token = (platform.settings.data / "ray-token").read_text()
    address = f"{platform.state.dashboard_url}/api/serve/applications/"
    shown = httpx.get(address, headers={"Authorization": f"Bearer {token}"}, timeout=10).raise_for_status().json()
    return [replica["state"] for replica in shown["applications"]["playback"]["deployments"]["playback"]["replicas"]]


class Household:
    """Three devices of an account that may have two streams: two watch, the third asks again and again."""

    def __init__(self, devices: list[Viewer], film: str) -> None:
        self.devices, self.film = devices, film
        self.watching = [str(device.start(film)["session_id"]) for device in devices[:2]]
        self.too_many: list[str] = []
        self.refused = 0
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=each, daemon=True) for each in (self._watch, self._ask)]

    def _watch(self) -> None:
        sequence = 0
        while not self._stop.is_set():
            sequence += 1
            for device, session_id in zip(self.devices, self.watching, strict=False):
                with suppress(httpx.TransportError):
                    device.beat(session_id, sequence, 1.0)

    def _ask(self) -> None:
        third = self.devices[2]
        while not self._stop.is_set():
            with suppress(httpx.TransportError):
                started = third.http.post("/api/v1/playback/sessions", json={"playable_id": self.film})
                if started.is_success:
                    self.too_many.append("a third stream was granted")
                self.refused += started.status_code == 409
                live = third.http.get("/api/v1/playback/sessions")
                if live.is_success and len(live.json()["items"]) > 2:
                    self.too_many.append(live.text)

    def __enter__(self) -> Household:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()
        for device, session_id in zip(self.devices, self.watching, strict=False):
            device.stop(session_id, 1.0)

    def is_refused_again(self) -> None:
        """Wait until the third device was refused some more times."""
        wanted = self.refused + 3
        eventually(lambda: self.refused >= wanted)


@pytest.fixture(scope="module")
def devices(platform: Platform, viewers: list[Viewer]) -> Iterator[list[Viewer]]:
    with ExitStack() as opened:
        first = opened.enter_context(sign_up(platform))
        yield [first, *(opened.enter_context(another_device(platform, first)) for _ in range(2))]


def test_scaling_while_50_watch_fails_no_heartbeat(platform: Platform, film: str, viewers: list[Viewer]) -> None:
    with Audience(viewers, film, retry=False) as audience, replicas(platform, 3):
        audience.goes_on()
        assert (playback(platform)["replicas"], playback(platform)["target"]) == (3, 3)
        eventually(lambda: shown_on_the_dashboard(platform) == ["RUNNING"] * 3)
    assert audience.failures == []


@pytest.mark.parametrize("round_", [1, 2])
def test_a_killed_replica_of_playback_fails_nobody_after_one_retry(
    platform: Platform, film: str, viewers: list[Viewer], round_: int
) -> None:
    with replicas(platform, 2), Audience(viewers, film) as audience:
        audience.goes_on()
        victim = platform.processes("ServeReplica:playback")[0]
        os.kill(victim.pid, signal.SIGKILL)
        audience.goes_on()
        eventually(lambda: playback(platform)["replicas"] == 2, timeout_s=60)
    assert audience.failures == []
    saved = [viewer.ask("GET", f"/api/v1/playback/positions/{film}").json()["position_s"] for viewer in viewers]
    assert saved == pytest.approx(audience.acknowledged)


@pytest.mark.parametrize("round_", [1, 2])
def test_killed_session_shards_lose_no_acknowledged_place_and_grant_no_stream_too_many(
    platform: Platform, film: str, viewers: list[Viewer], devices: list[Viewer], round_: int
) -> None:
    with Audience(viewers, film) as audience, Household(devices, film) as household:
        audience.goes_on()
        household.is_refused_again()
        for victim in platform.processes("SessionShard"):
            os.kill(victim.pid, signal.SIGKILL)
        killed_s = time.monotonic()
        eventually(lambda: min(audience.heard_s) > killed_s, timeout_s=BACK_WITHIN_S)
        audience.goes_on()
        household.is_refused_again()
    assert audience.failures == []
    assert household.too_many == []
    saved = [viewer.ask("GET", f"/api/v1/playback/positions/{film}").json()["position_s"] for viewer in viewers]
    assert saved == pytest.approx(audience.acknowledged)
