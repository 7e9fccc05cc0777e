"""The edge as an RSGI application: signed media and public artwork from the cache, health and counters.

Main path: path -> object's name (verified, not revoked) -> cache, or a fill -> `response_file`, which sends in Granian's own threads.
Knows no sockets, processes or stores.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable
from hashlib import blake2b
from typing import Any, Final

import msgspec
import structlog
from granian._granian import RSGIHTTPProtocol as HTTPProtocol
from granian.rsgi import Scope

from cluster.edge.answers import CORS, PREFLIGHT, content_type, problem
from cluster.edge.cache import Cached, DiskCache
from cluster.edge.counters import Counters, prometheus
from cluster.edge.fills import Fills, Uncached
from cluster.edge.memory import MemoryCache
from cluster.edge.origin import Origin
from cluster.edge.passing import Passing
from cluster.edge.ranges import asked_range
from cluster.edge.registry import EdgeStatus
from cluster.edge.revocation import RevokedSessions
from cluster.errors import MatineeError, MethodNotAllowed, NotFound, Overloaded, PathRefused
from cluster.security.paths import PATH_LIMIT, PathVerifier

log = structlog.get_logger()

YEAR_S: Final = 365 * 86400
TEND_S: Final = 2.0
_ARTWORK: Final = re.compile(r"/a/([0-9a-f]{64}\.(?:jpg|webp))", re.ASCII)


class EdgeProgram:
    """Answers requests; made once a process."""

    def __init__(
        self,
        edge_id: str,
        url: str,
        cache: DiskCache,
        origin: Origin,
        counters: Counters,
        verifier: PathVerifier,
        revoked: RevokedSessions,
        now_s: Callable[[], float] = time.time,
    ) -> None:
        self._edge_id, self._url = edge_id, url
        self._cache, self._counters = cache, counters
        self._verifier, self._revoked, self._now_s = verifier, revoked, now_s
        self._started_at_s = now_s()
        self._memory = MemoryCache()
        self._fills = Fills(cache, self._memory, origin, counters)
        self._passing = Passing(origin, counters)

    async def __rsgi__(self, scope: Scope, protocol: HTTPProtocol) -> None:
        """Answer one request."""
        try:
            await self._answer(scope, protocol)
        except MatineeError as error:
            self._refuse(scope, protocol, error)
        except Exception:
            log.exception("unexpected error")
            self._refuse(scope, protocol, MatineeError())

    def status(self) -> EdgeStatus:
        """Return what this edge tells of itself."""
        counters = self._counters
        return EdgeStatus(
            self._edge_id,
            self._url,
            self._started_at_s,
            self._now_s(),
            counters.hits,
            counters.misses,
            counters.fill_bytes,
            self._cache.held_bytes,
            self._cache.limit_bytes,
            self._cache.disk_free_bytes(),
        )

    async def follow(self) -> None:
        """Tend what is held, for ever."""
        while True:
            await self._cache.tend()
            self._memory.tend()
            await asyncio.sleep(TEND_S)

    async def close(self) -> None:
        """End what is being fetched; answers from the cache go on until the server stops."""
        await self._fills.close()
        await self._passing.close()

    async def _answer(self, scope: Scope, protocol: HTTPProtocol) -> None:
        if scope.method == "OPTIONS":
            protocol.response_empty(204, PREFLIGHT)
        elif scope.method not in {"GET", "HEAD"}:
            raise MethodNotAllowed
        elif scope.path.startswith("/t/"):
            signed = self._verifier.verify(scope.path)
            if signed.session_id in self._revoked:
                raise PathRefused("This playback was ended")
            # A browser keeps the file as long as the path lives, and nobody between may.
            kept = f"private, max-age={int(signed.expires_at_s - self._now_s())}, immutable"
            await self._send(scope, protocol, f"media/{signed.playable_id}/{signed.version_id}/{signed.file}", kept)
        elif artwork := _ARTWORK.fullmatch(scope.path):
            await self._send(scope, protocol, f"artwork/{artwork[1]}", f"public, max-age={YEAR_S}, immutable")
        else:
            self._tell(scope, protocol)

    async def _send(self, scope: Scope, protocol: HTTPProtocol, name: str, kept: str) -> None:
        found: Cached | Uncached | None = self._cache.find(name) or self._memory.find(name)
        if found:
            self._counters.hits += 1
        else:
            self._counters.misses += 1
            found = await self._fills.get(name)
        size_bytes = found.size_bytes
        etag = f'"{blake2b(name.encode(), digest_size=8).hexdigest()}"'  # a name never gets other content
        headers = [*CORS, ("content-type", content_type(name)), ("cache-control", kept), ("etag", etag), ("accept-ranges", "bytes")]
        if (known := scope.headers.get("if-none-match")) and (known == "*" or etag in known):
            protocol.response_empty(304, headers)
            return
        asked = None
        if scope.method == "GET":
            asked = asked_range(scope.headers.get("range"), scope.headers.get("if-range"), etag, size_bytes)
        first, end = asked or (0, size_bytes)
        headers.append(("content-length", str(end - first)))
        if asked:
            headers.append(("content-range", f"bytes {first}-{end - 1}/{size_bytes}"))
        if scope.method == "HEAD":
            protocol.response_empty(200, headers)
            return
        self._counters.sent_bytes += end - first
        if isinstance(found, Uncached):
            await self._passing.send(protocol, 206 if asked else 200, headers, name, (first, end))
        elif asked:
            protocol.response_file_range(206, headers, found.path, first, end)
        else:
            protocol.response_file(200, headers, found.path)

    def _tell(self, scope: Scope, protocol: HTTPProtocol) -> None:
        if scope.path == "/health":
            body = msgspec.json.encode({"status": "ok", "edge_id": self._edge_id})
        elif scope.path == "/counters":
            body = msgspec.json.encode({"edge_id": self._edge_id, **msgspec.structs.asdict(self._counters), **self._gauges()})
        elif scope.path == "/metrics":
            body = prometheus(self._counters, self._gauges()).encode()
        else:
            raise PathRefused
        kind = "text/plain; version=0.0.4" if scope.path == "/metrics" else "application/json"
        headers = [*CORS, ("content-type", kind), ("content-length", str(len(body))), ("cache-control", "no-store")]
        protocol.response_bytes(200, headers, b"" if scope.method == "HEAD" else body)

    def _gauges(self) -> dict[str, Any]:
        return {
            "cache_bytes": self._cache.held_bytes,
            "cache_limit_bytes": self._cache.limit_bytes,
            "cache_objects": len(self._cache),
            "memory_bytes": self._memory.held_bytes,
            "fills_running": len(self._fills),
            "fill_waiters": self._fills.waiters,
            "passing": self._passing.active,
            "revoked_sessions": len(self._revoked),
            "revoked_age_s": round(self._now_s() - self._revoked.polled_at_s, 1),
            "uptime_s": round(self._now_s() - self._started_at_s, 1),
        }

    def _refuse(self, scope: Scope, protocol: HTTPProtocol, error: MatineeError) -> None:
        if isinstance(error, PathRefused):
            self._counters.refused += 1
        elif isinstance(error, NotFound):
            self._counters.not_found += 1
        elif isinstance(error, Overloaded):
            self._counters.overloaded += 1
        status, headers, body = problem(error, scope.path if len(scope.path) <= PATH_LIMIT else "")
        protocol.response_bytes(status, headers, b"" if scope.method == "HEAD" else body)
