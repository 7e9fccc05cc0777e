"""Web over a small built site and a store of edges that tests can take away."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from starlette.datastructures import Headers

from cluster.durable import Row, Store, open_store
from cluster.edge.registry import EDGES, PARTITION
from cluster.errors import StoreUnavailable
from cluster.settings import Settings
from serve_apps.http import served
from serve_apps.web.routes import PREFIX, NoMembers, create_api
from serve_apps.web.service import Web
from tests.clock import Clock
from tests.serve_apps.web.built import built_site

T = TypeVar("T")


@dataclass
class Answer:
    """What was sent, byte by byte: nothing is unpacked."""

    status: int
    headers: Headers
    body: bytes


class World:
    """One replica; where `away` is set its store cannot be opened, where `hangs` is set it never answers."""

    def __init__(self, folder: Path, **settings: object) -> None:
        self.clock = Clock()
        self.settings = Settings(data=folder, **settings)  # type: ignore[arg-type]
        self.folder = built_site(folder / "site")
        self.away = self.hangs = False
        self.opened = 0
        self.web = Web(self.settings, self._open, self.folder, self.clock)
        self.app = served(create_api(self.web, NoMembers()), PREFIX)

    async def _open(self) -> Store:
        self.opened += 1
        if self.hangs:
            await asyncio.Event().wait()
        if self.away:
            raise StoreUnavailable
        return await open_store(self.settings.store, EDGES, self.clock)

    def run(self, doing: Coroutine[Any, Any, T]) -> T:
        """Do something while the replica is open."""

        async def scene() -> T:
            await self.web.open()
            try:
                return await doing
            finally:
                await self.web.close()

        return asyncio.run(scene())

    def get(self, path: str, **headers: str) -> Answer:
        """Open the replica for one GET."""
        return self.run(self.ask(path, **headers))

    async def edge(self, edge_id: str, url: str) -> None:
        """Let an edge be seen now."""
        store = await open_store(self.settings.store, EDGES, self.clock)
        now_s = self.clock()
        value = {"url": url, "started_at_s": now_s, "seen_at_s": now_s}
        await store.put([Row(PARTITION, edge_id, int(now_s * 1000), "edge", value, now_s + 60)])
        await store.close()

    async def ask(self, path: str, method: str = "GET", **headers: str) -> Answer:
        """Send a request with this very path (decoded, as a server gives it); a clients' library would tidy it up."""
        sent = [(name.replace("_", "-").lower().encode(), value.encode()) for name, value in headers.items()]
        scope = {
            "type": "http",
            "http_version": "1.1",
            "method": method,
            "scheme": "http",
            "path": path,
            "query_string": b"",
            "root_path": "",
            "headers": [(b"host", b"matinee"), *sent],
        }
        messages: list[Any] = []

        async def receive() -> Any:
            return {"type": "http.request", "body": b"", "more_body": False}

        async def send(message: Any) -> None:
            messages.append(message)

        await self.app(scope, receive, send)
        return Answer(messages[0]["status"], Headers(raw=messages[0]["headers"]), b"".join(each.get("body", b"") for each in messages[1:]))
