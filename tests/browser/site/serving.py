"""The built sites behind the real routes of web, on loopback: the browser gets the pages and the policies that members get."""

from __future__ import annotations

import asyncio
import http.server
import os
import threading
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Final, TypeVar

from cluster.durable import open_store
from cluster.edge.registry import EDGES
from cluster.settings import Settings
from serve_apps.http import served
from serve_apps.web.build import SITE, built, installed
from serve_apps.web.files import DIST
from serve_apps.web.routes import PREFIX, NoMembers, create_api
from serve_apps.web.service import Web

T = TypeVar("T")
AXE = SITE / "node_modules" / "axe-core" / "axe.min.js"


def built_sites() -> Path:
    """Return the folder of the sites as built from the sources here; `$SITE_DIST` names one that was built elsewhere."""
    installed(print)  # axe-core is among the packages
    if given := os.environ.get("SITE_DIST"):
        return Path(given)
    built(print)
    return DIST


@dataclass
class Stops:
    """What pages say while they go, which no route of Playwright sees: the path and query of each DELETE, and what it is answered."""

    heard: list[str] = field(default_factory=list)
    status: int = 204


STOPS: Final = Stops()


@contextmanager
def serving(dist: Path, data: Path) -> Iterator[str]:
    """Serve the sites; yields their address."""
    settings = Settings(data=data)
    web = Web(settings, partial(open_store, settings.store, EDGES), dist)
    app = served(create_api(web, NoMembers()), PREFIX)
    with _loop() as run:
        run(web.open())
        handler = partial(_Handler, lambda scope, body: run(_answered(app, scope, body)))
        with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
            threading.Thread(target=server.serve_forever, daemon=True).start()
            try:
                yield f"http://127.0.0.1:{server.server_port}"
            finally:
                server.shutdown()
        run(web.close())


@contextmanager
def _loop() -> Iterator[Callable[[Coroutine[Any, Any, T]], T]]:
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    try:
        yield lambda doing: asyncio.run_coroutine_threadsafe(doing, loop).result(30)
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


Message = dict[str, Any]


async def _answered(app: Any, scope: Message, body: bytes) -> list[Message]:
    sent: list[Message] = []

    async def receive() -> Message:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Message) -> None:
        sent.append(message)

    await app(scope, receive, send)
    return sent


class _Handler(http.server.BaseHTTPRequestHandler):
    """One request as ASGI."""

    protocol_version = "HTTP/1.1"

    def __init__(self, answer: Callable[[Message, bytes], list[Message]], *args: Any) -> None:
        self._answer = answer
        super().__init__(*args)

    def do_GET(self) -> None:
        path, _, query = self.path.partition("?")
        scope = {
            "type": "http",
            "http_version": "1.1",
            "method": self.command,
            "scheme": "http",
            "path": path,
            "raw_path": path.encode(),
            "query_string": query.encode(),
            "root_path": "",
            "headers": [(name.lower().encode(), value.encode()) for name, value in self.headers.items()],
        }
        start, *rest = self._answer(scope, b"")
        self.send_response_only(start["status"])
        for name, value in start["headers"]:
            self.send_header(name.decode(), value.decode())
        self.end_headers()
        for message in rest:
            self.wfile.write(message.get("body", b""))

    do_HEAD = do_GET

    def do_DELETE(self) -> None:
        STOPS.heard.append(self.path)
        self.send_response_only(STOPS.status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *args: Any) -> None: ...
