"""How operators set the number of replicas."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path

import pytest

from cluster.durable import open_store
from serve_apps.operations.policy import ScaleRange
from serve_apps.operations.routes import PREFIX
from serve_apps.operations.scales import kept_scales
from serve_apps.operations.tables import SCALES
from tests.serve_apps.operations.world import FakeCluster, operations, run


def test_a_scale_is_applied_and_kept_over_restarts(tmp_path: Path) -> None:
    async def test() -> None:
        cluster = FakeCluster()
        async with operations(tmp_path, cluster) as running:
            answer = await running.put("/applications/playback/scale", {"min_replicas": 3, "max_replicas": 3})
            assert answer.status_code == 200
            assert answer.json()["state"] == "scaling"
            assert (answer.json()["target"], answer.json()["min_replicas"]) == (3, 3)
        assert cluster.scaled == [("playback", ScaleRange(3, 3))]
        async with operations(tmp_path, FakeCluster()) as running:
            told = (await running.get("/status")).json()["applications"]
            store = await open_store(running.settings.store, SCALES)
            assert await kept_scales(store) == {"playback": ScaleRange(3, 3)}
            await store.close()
        assert [(each["name"], each["min_replicas"], each["max_replicas"]) for each in told] == [("auth", 1, 4), ("playback", 3, 3)]

    run(test)


def test_scales_at_once_end_with_one_of_them(tmp_path: Path) -> None:
    async def test() -> None:
        cluster = FakeCluster()
        async with operations(tmp_path, cluster) as running:
            bodies = [{"min_replicas": 1, "max_replicas": n} for n in range(1, 9)]
            answers = await asyncio.gather(*(running.put("/applications/auth/scale", body) for body in bodies))
            assert {answer.status_code for answer in answers} <= {200, 503}
            store = await open_store(running.settings.store, SCALES)
            kept = await kept_scales(store)
            await store.close()
        assert cluster.scaled[-1] == ("auth", kept["auth"])

    run(test)


class SlowCluster(FakeCluster):
    """A cluster that takes its first scale only when it is let."""

    def __init__(self) -> None:
        super().__init__()
        self.begun, self.let = threading.Event(), threading.Event()

    def scale(self, application: str, scale: ScaleRange) -> None:
        if not self.begun.is_set():
            self.begun.set()
            assert self.let.wait(10)
        super().scale(application, scale)


def test_a_scale_that_takes_long_does_not_undo_one_that_came_later(tmp_path: Path) -> None:
    async def test() -> None:
        cluster = SlowCluster()
        async with operations(tmp_path, cluster) as running:
            slow = asyncio.create_task(running.put("/applications/auth/scale", {"min_replicas": 3, "max_replicas": 3}))
            assert await asyncio.to_thread(cluster.begun.wait, 10)
            later = await running.put("/applications/auth/scale", {"min_replicas": 2, "max_replicas": 5})
            cluster.let.set()
            assert (later.status_code, (await slow).status_code) == (200, 200)
            told = (await running.get("/status")).json()["applications"][0]
        assert cluster.scaled[-1] == ("auth", ScaleRange(2, 5))
        assert [(answer["min_replicas"], answer["max_replicas"]) for answer in (told, (await slow).json())] == [(2, 5), (2, 5)]

    run(test)


def test_a_scale_that_serve_does_not_take_is_kept_and_told(tmp_path: Path) -> None:
    async def test() -> None:
        cluster = FakeCluster()
        async with operations(tmp_path, cluster) as running:
            cluster.fails = True
            answer = await running.put("/applications/auth/scale", {"min_replicas": 2, "max_replicas": 2})
            assert answer.status_code == 503
            assert "is kept" in answer.json()["detail"]
            cluster.fails = False
            assert (await running.get("/status")).json()["applications"][0]["min_replicas"] == 2

    run(test)


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("/applications/nothing/scale", {"min_replicas": 1, "max_replicas": 1}, 404),
        ("/applications/auth/scale", {"min_replicas": 2, "max_replicas": 1}, 422),
        ("/applications/auth/scale", {"min_replicas": 0, "max_replicas": 1}, 422),
        ("/applications/auth/scale", {"min_replicas": 1, "max_replicas": 65}, 422),
        ("/applications/auth/scale", {"min_replicas": 1}, 422),
        ("/applications/auth/scale", {"min_replicas": 1, "max_replicas": 1, "more": 1}, 422),
        ("/applications/%00/scale", {"min_replicas": 1, "max_replicas": 1}, 422),
    ],
)
def test_a_wrong_scale_changes_nothing(tmp_path: Path, path: str, body: object, status: int) -> None:
    async def test() -> None:
        cluster = FakeCluster()
        async with operations(tmp_path, cluster) as running:
            answer = await running.put(path, body)
            assert answer.status_code == status
            assert answer.headers["content-type"] == "application/problem+json"
        assert cluster.scaled == []

    run(test)


@pytest.mark.parametrize(("token", "status"), [("member", 403), ("stranger", 401)])
def test_only_operators_see_or_change_anything(tmp_path: Path, token: str, status: int) -> None:
    async def test() -> None:
        cluster = FakeCluster()
        async with operations(tmp_path, cluster) as running:
            assert (await running.get("/status", token)).status_code == status
            scaled = await running.put("/applications/auth/scale", {"min_replicas": 2, "max_replicas": 2}, token)
            assert scaled.status_code == status
            assert (await running.http.get(PREFIX + "/status")).status_code == 401
        assert cluster.scaled == []

    run(test)
