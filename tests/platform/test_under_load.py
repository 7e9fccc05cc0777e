"""Viewers go on while replicas are added and killed."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager

import pytest

from tests.running import Platform, eventually
from tests.viewers import Viewer, sign_up

pytestmark = pytest.mark.ray

VIEWERS = 50


class Audience:
    """Viewers that send heartbeats without a pause; `acknowledged` is each one's last place."""

    def __init__(self, viewers: list[Viewer], film: str) -> None:
        self.viewers = viewers
        with ThreadPoolExecutor(8) as pool:
            self.sessions = list(pool.map(lambda viewer: str(viewer.start(film)["session_id"]), viewers))
        self.acknowledged = [0.0] * len(viewers)
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
                try:
                    answer = self.viewers[number].beat(self.sessions[number], sequence, position_s)
                except Exception as error:
                    answer = None
                    why = repr(error)
                with self._lock:
                    self.beats += 1
                    if answer is not None and answer.status_code == 200:
                        self.acknowledged[number] = position_s
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


def test_scaling_while_50_watch_fails_no_heartbeat(platform: Platform, film: str, viewers: list[Viewer]) -> None:
    with Audience(viewers, film) as audience, replicas(platform, 3):
        audience.goes_on()
        assert (playback(platform)["replicas"], playback(platform)["target"]) == (3, 3)
    assert audience.failures == []


@pytest.mark.parametrize("time", [1, 2])
def test_a_killed_replica_of_playback_fails_nobody_after_one_retry(platform: Platform, film: str, viewers: list[Viewer], time: int) -> None:
    with replicas(platform, 2), Audience(viewers, film) as audience:
        audience.goes_on()
        victim = platform.processes("ServeReplica:playback")[0]
        os.kill(victim.pid, signal.SIGKILL)
        audience.goes_on()
        eventually(lambda: playback(platform)["replicas"] == 2, timeout_s=60)
    assert audience.failures == []
    saved = [viewer.ask("GET", f"/api/v1/playback/positions/{film}").json()["position_s"] for viewer in viewers]
    assert saved == pytest.approx(audience.acknowledged)


@pytest.mark.parametrize("time", [1, 2])
def test_a_killed_session_shard_loses_no_acknowledged_place(platform: Platform, film: str, viewers: list[Viewer], time: int) -> None:
    with Audience(viewers, film) as audience:
        audience.goes_on()
        victim = platform.processes("SessionShard")[0]
        os.kill(victim.pid, signal.SIGKILL)
        audience.goes_on()
    assert audience.failures == []
    saved = [viewer.ask("GET", f"/api/v1/playback/positions/{film}").json()["position_s"] for viewer in viewers]
    assert saved == pytest.approx(audience.acknowledged)
