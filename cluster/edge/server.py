"""Runs an edge in this process: takes port and cache, serves, registers itself, and stops on SIGTERM or SIGINT.

One process, so that an edge that is killed leaves neither a worker nor a bound port; a machine with more cores runs more edges.
"""

from __future__ import annotations

import asyncio
import contextlib
import faulthandler
import os
import resource
import signal
import socket
from collections.abc import Callable
from functools import partial
from typing import Any, Final

import structlog
import uvloop
from granian._granian import SocketHolder
from granian.constants import HTTPModes, Interfaces
from granian.http import HTTP1Settings
from granian.log import LogLevels
from granian.server.embed import Server

from cluster.durable.objects import open_objects
from cluster.durable.opening import open_store
from cluster.edge.cache import DiskCache
from cluster.edge.counters import Counters
from cluster.edge.origin import Origin
from cluster.edge.program import EdgeProgram
from cluster.edge.registry import EDGES, Registration
from cluster.edge.revocation import REVOKED_SESSIONS, RevokedSessions
from cluster.errors import MatineeError, Misconfigured, PortUnavailable, StartFailed
from cluster.security.paths import PathVerifier
from cluster.settings import Settings

log = structlog.get_logger()

CONNECTIONS_LIMIT: Final = 4096
BACKLOG: Final = 1024
HEADERS_TIMEOUT_S: Final = 30
STALL_S: Final = 30.0
FIRST_POLL_S: Final = 2.0
STOP_S: Final = 0.8
LAST_RESORT_S: Final = 5.0


def serve(settings: Settings, port: int, edge_id: str | None, report_ready: Callable[[str], None] | None) -> None:
    """See `cluster.edge.run`."""
    uvloop.run(_serve(settings, port, edge_id, report_ready))


async def _serve(settings: Settings, port: int, edge_id: str | None, report_ready: Callable[[str], None] | None) -> None:
    assert settings.edge_cache is not None
    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    _allow_open_files()
    counters = Counters()
    listener = _listen(settings.host, port)
    cache = DiskCache(settings.edge_cache, settings.edge_cache_bytes, counters)
    cache.open()
    url = settings.model_copy(update={"edge_port": listener.getsockname()[1]}).own_edge_url
    revoked = RevokedSessions(partial(open_store, settings.store, REVOKED_SESSIONS))
    program = EdgeProgram(
        edge_id or cache.edge_id(),
        url,
        cache,
        Origin(open_objects(settings.objects), counters),
        counters,
        PathVerifier(settings.secret_bytes()),
        revoked,
    )
    registration = Registration(partial(open_store, settings.store, EDGES), program.status)
    await _poll_first(revoked)
    server = _Server(program, listener)
    serving = asyncio.create_task(server.serve())
    followers = [asyncio.create_task(each.follow()) for each in (program, revoked, registration)]
    asked_to_stop = asyncio.create_task(stopping.wait())
    if report_ready:
        report_ready(url)
    await asyncio.wait({serving, asked_to_stop}, return_when=asyncio.FIRST_COMPLETED)
    failed = not stopping.is_set()
    # Ends the process if something below, in whatever language, doesn't end.
    faulthandler.dump_traceback_later(LAST_RESORT_S, exit=True)
    for task in (*followers, asked_to_stop):
        task.cancel()
    await asyncio.gather(*followers, asked_to_stop, return_exceptions=True)
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(STOP_S):
            await asyncio.gather(program.close(), registration.withdraw(), revoked.close(), return_exceptions=True)
    server.stop()  # type: ignore[no-untyped-call]
    await asyncio.wait([serving], timeout=STOP_S)
    cache.close()
    if failed:
        raise StartFailed(f"The edge's server ended: {serving.exception() if serving.done() else 'unknown'}")


async def _poll_first(revoked: RevokedSessions) -> None:
    """Know the revoked sessions before the first request, unless the store is away: then viewers go on without."""
    try:
        async with asyncio.timeout(FIRST_POLL_S):
            await revoked.poll()
    except Misconfigured:
        raise
    except (MatineeError, TimeoutError) as error:
        log.warning("the revoked sessions are not known yet", error=repr(error))


def _listen(host: str, port: int) -> socket.socket:
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        listener = socket.create_server((host, port), family=family, backlog=BACKLOG)
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno else str(error)
        raise PortUnavailable(f"MATINEE_EDGE_PORT: {host}:{port} cannot be listened on: {reason}") from error
    # Accepted connections inherit it. Headers and body are two writes: without it the body waits 40 ms for an acknowledgement.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    # A client that takes nothing for so long is cut by the kernel: those who stall must not use all connections up.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, int(STALL_S * 1000))
    return listener


def _allow_open_files() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 4 * CONNECTIONS_LIMIT
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted if hard == resource.RLIM_INFINITY else min(hard, wanted), hard))


class _Server(Server):
    """Granian on a socket of ours: its own would share a port in use (SO_REUSEPORT) instead of refusing it."""

    def __init__(self, program: EdgeProgram, listener: socket.socket) -> None:
        super().__init__(
            program,
            interface=Interfaces.RSGI,
            http=HTTPModes.http1,
            websockets=False,
            backlog=BACKLOG,
            # Connections at once, idle ones included.
            backpressure=CONNECTIONS_LIMIT,
            # A file or pipe that is read holds one of these threads.
            runtime_blocking_threads=128,
            # Also how long an idle connection is kept.
            http1_settings=HTTP1Settings(header_read_timeout=HEADERS_TIMEOUT_S * 1000),
            log_level=LogLevels.error,
        )
        self._listener = listener

    def _init_shared_socket(self) -> None:
        holder: Any = SocketHolder
        self._ssp, self._shd = None, holder(self._listener.detach(), False, BACKLOG)
