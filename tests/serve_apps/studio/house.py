"""A studio with its runner, which tests call by hand, and a collector whose days go by at once."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from time import time
from typing import Any

import httpx

from serve_apps.studio.runner import EncodeRunner
from serve_apps.studio.service import Studio
from tests.serve_apps.studio.factory import FakeEncoders, ended
from tests.serve_apps.studio.rig import Clock, MemoryCatalog, files_under, open_studio, settings_at, until, upload

DAY = 86400.0
POSTER = f"artwork/{'a' * 64}.jpg"


class House:
    """A studio, its runner and its catalogue on one clock."""

    def __init__(
        self, client: httpx.AsyncClient, studio: Studio, runner: EncodeRunner, catalog: MemoryCatalog, encoders: Any, clock: Clock
    ) -> None:
        self.client, self.studio, self.runner, self.catalog, self.encoders, self.clock = client, studio, runner, catalog, encoders, clock

    async def job(self, state: str = "ready", playable_id: str = "film") -> Any:
        upload_id = await upload(self.client, b"a film")
        self.clock.value_s += 0.01  # no two jobs are asked for at once
        answer = await self.client.post("/jobs", json={"upload_id": upload_id, "playable_id": playable_id})
        job_id = answer.json()["job_id"]
        await self.runner.tick()
        job = await ended(self.studio, job_id, state)
        await until(lambda: not self.runner._running)
        return job

    async def usage(self) -> dict[str, Any]:
        await self.runner.collect()
        return (await self.client.get("/usage")).json()


@asynccontextmanager
async def house(path: Path, catalog: MemoryCatalog | None = None, **overrides: Any) -> AsyncIterator[House]:
    # The file system, which says how old a picture is, has a clock of its own.
    clock, settings = Clock(time()), settings_at(path, **overrides)
    catalog = catalog or MemoryCatalog("film", "other")
    encoders = FakeEncoders(settings)
    async with open_studio(path, catalog=catalog, now_s=clock, **overrides) as (client, studio):
        runner = EncodeRunner(settings, catalog, encoders, clock)
        await runner.open()
        try:
            yield House(client, studio, runner, catalog, encoders, clock)
        finally:
            await runner.close()


def media(path: Path) -> list[str]:
    return [name.split("/")[2] for name in files_under(path / "objects") if name.startswith("media/")]
