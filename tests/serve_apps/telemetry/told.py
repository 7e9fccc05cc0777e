"""Events as senders tell them, and telemetry with a log that does what it is told."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import Any

import httpx
from pydantic import TypeAdapter

from cluster.durable import open_log
from cluster.events import TELEMETRY, Event
from cluster.settings import Settings
from serve_apps.http import served
from serve_apps.telemetry.routes import PREFIX, create_api
from serve_apps.telemetry.schemas import TelemetryEvent
from serve_apps.telemetry.service import Telemetry
from tests.clock import Clock
from tests.serve_apps.profiles.conftest import PlainGate, token

AT = "2023-11-14T22:13:20Z"
"""What the test's clock says."""

ADAPTER: TypeAdapter[TelemetryEvent] = TypeAdapter(TelemetryEvent)


def impression(event_id: str = "e1", **fields: Any) -> dict[str, Any]:
    about = {"page_id": "page", "row_id": "genre-science fiction", "row_position": 2, "position": 4, "title_id": "t1"}
    return {"kind": "impression", "event_id": event_id, "at": AT, **about, "propensity": 0.25, "model_version": None, **fields}


def stall(event_id: str, **fields: Any) -> dict[str, Any]:
    return {"kind": "stall", "event_id": event_id, "at": AT, "session_id": "s1", "position_s": 12.5, "duration_ms": 800, **fields}


def parsed(*told: dict[str, Any]) -> list[TelemetryEvent]:
    return [ADAPTER.validate_python(each) for each in told]


class World:
    """One replica of telemetry, with a log of the test's own."""

    def __init__(self, folder: Path, service: Telemetry | None = None) -> None:
        self.clock = Clock()
        self.open_log = partial(open_log, Settings(data=folder).log)
        self.service = service or Telemetry(self.open_log, self.clock)
        self.app = served(create_api(self.service, PlainGate()), PREFIX)
        self.http = httpx.AsyncClient(transport=httpx.ASGITransport(self.app), base_url="http://host")

    async def send(self, *told: dict[str, Any], profile_id: str | None = "p1") -> httpx.Response:
        bearer = {"Authorization": f"Bearer {token('the-account', profile_id=profile_id)}"}
        return await self.http.post(f"{PREFIX}/events", json={"events": [*told]}, headers=bearer)

    async def logged(self) -> list[list[Event]]:
        """Return what stands in each partition that has something."""
        log = await self.open_log()
        try:
            found = [await log.read(TELEMETRY, partition, 0) for partition in range(TELEMETRY.partitions)]
        finally:
            await log.close()
        return [[entry.event for entry in entries] for entries in found if entries]


def in_world(folder: Path, scenario: Callable[[World], Awaitable[None]], service: Telemetry | None = None) -> None:
    async def main() -> None:
        world = World(folder, service)
        await world.service.open()
        try:
            await scenario(world)
            await world.service.check()
        finally:
            await world.http.aclose()
            await world.service.close()

    asyncio.run(main())
