"""Plays at a steady rate, however slow the answers are, and how often the log processor counted them."""

from __future__ import annotations

import asyncio
import queue
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import httpx

from actors.processors import PLAYS
from actors.processors.kept import PROCESSED
from actors.processors.results import rows
from cluster.durable import open_store
from cluster.events import PLAYBACK
from tests.viewers import Viewer


def counted(store_url: str, title_id: str) -> tuple[int, int]:
    """Return how often a title was begun and finished, all days together: the test may run at midnight."""

    async def count() -> tuple[int, int]:
        store = await open_store(store_url, PROCESSED)
        found = [await rows(store, PLAYS.name, partition, title_id) for partition in range(PLAYBACK.partitions)]
        await store.close()
        days = [day for each in found for _, row in each for day in row["days"].values()]
        return sum(begun for begun, _ in days), sum(finished for _, finished in days)

    return asyncio.run(count())


class Plays:
    """Starts a film a few times a second and stops each play at its end, until the block ends; each viewer has one play at a time.

    Nothing is repeated: whatever is not answered as it should be is one of the `failures`.
    """

    def __init__(self, viewers: Sequence[Viewer], film: str, duration_s: float, a_second: float) -> None:
        self._film, self._duration_s, self._a_second = film, duration_s, a_second
        self._idle: queue.SimpleQueue[Viewer] = queue.SimpleQueue()
        for viewer in viewers:
            self._idle.put(viewer)
        self._pool = ThreadPoolExecutor(len(viewers))
        self._stopping = threading.Event()
        self._clock = threading.Thread(target=self._start_on_time, daemon=True)
        self._lock = threading.Lock()
        self.started = 0
        self.finished = 0
        self.took_s: list[float] = []
        self.failures: list[str] = []

    def _start_on_time(self) -> None:
        began_s = time.monotonic()
        for number in range(1_000_000):
            if self._stopping.wait(max(0.0, began_s + number / self._a_second - time.monotonic())):
                return
            self._pool.submit(self._play)

    def _play(self) -> None:
        viewer = self._idle.get()
        try:
            asked_s = time.monotonic()
            answer = viewer.http.post("/api/v1/playback/sessions", json={"playable_id": self._film})
            took_s = time.monotonic() - asked_s
            if answer.status_code != 201:
                self._failed(f"start: {answer.status_code} {answer.text}")
                return
            with self._lock:
                self.started += 1
                self.took_s.append(took_s)
            path = f"/api/v1/playback/sessions/{answer.json()['session_id']}"
            answer = viewer.http.delete(path, params={"position_s": self._duration_s})
            if not answer.is_success:
                self._failed(f"stop: {answer.status_code} {answer.text}")
                return
            with self._lock:
                self.finished += 1
        except httpx.HTTPError as error:
            self._failed(repr(error))
        finally:
            self._idle.put(viewer)

    def _failed(self, why: str) -> None:
        with self._lock:
            self.failures.append(why)

    def __enter__(self) -> Plays:
        self._clock.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        self._clock.join()
        self._pool.shutdown()
