"""Answers from the origin past the cache, at the pace of the client.

Granian's `response_stream` buffers without limit for a slow client; `response_file` reads as fast as the client takes.
So a large body goes through a pipe that Granian opens as a file: memory stays bounded, and a client that left breaks the pipe.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
from collections.abc import AsyncIterator
from typing import Final

from granian._granian import RSGIHTTPProtocol as HTTPProtocol

from cluster.edge.answers import Headers
from cluster.edge.counters import Counters
from cluster.edge.origin import Origin
from cluster.errors import OriginUnavailable, Overloaded

AT_ONCE: Final = 64
STALL_S: Final = 30.0
PIPE_BYTES: Final = 64 * 2**10
IN_MEMORY_BYTES: Final = 256 * 2**10
"""Smaller bodies are sent at once. More than a pipe holds, so the first chunk of a larger body waits until Granian has opened the pipe."""


class Passing:
    """The answers past the cache that are under way."""

    def __init__(self, origin: Origin, counters: Counters, stall_s: float = STALL_S) -> None:
        self._origin, self._counters, self._stall_s = origin, counters, stall_s
        self._pumps: set[asyncio.Task[None]] = set()
        self._closed = False
        self.active = 0

    async def send(self, protocol: HTTPProtocol, status: int, headers: Headers, name: str, between: tuple[int, int]) -> None:
        """Answer with the object's bytes from the first up to but without the second.

        Raises:
            ObjectNotFound, OriginUnavailable, Overloaded: nothing was answered yet.
        """
        if self._closed or self.active >= AT_ONCE:
            raise Overloaded("Too many answers past the cache", retry_after_s=1)
        self.active += 1
        self._counters.passed += 1
        try:
            length_bytes = between[1] - between[0]
            if length_bytes == 0:
                protocol.response_empty(status, headers)
                return
            chunks = (await self._origin.fetch(name, between)).chunks
            if length_bytes <= IN_MEMORY_BYTES:
                body = b"".join([bytes(chunk) async for chunk in chunks])
                if len(body) != length_bytes:
                    raise OriginUnavailable(f"The origin sent {len(body)} bytes of {length_bytes}")
                protocol.response_bytes(status, headers, body)
            else:
                first = await anext(chunks, b"")
                if not first:
                    raise OriginUnavailable("The origin sent nothing")
                if self._closed:
                    raise Overloaded("The edge is stopping", retry_after_s=1)
                try:
                    pipe = _Pipe(self._stall_s)
                except OSError as error:
                    raise Overloaded("Too many open files", retry_after_s=1) from error
                pump = asyncio.create_task(self._pump(pipe, protocol, status, headers, first, chunks))
                self._pumps.add(pump)
                pump.add_done_callback(self._pumps.discard)
                await asyncio.wait([pump])
        finally:
            self.active -= 1

    async def close(self) -> None:
        """End all answers, before the server stops: its threads read from the pipes, and it waits for them."""
        self._closed = True
        for pump in self._pumps:
            pump.cancel()
        await asyncio.gather(*self._pumps, return_exceptions=True)

    async def _pump(
        self, pipe: _Pipe, protocol: HTTPProtocol, status: int, headers: Headers, first: bytes, chunks: AsyncIterator[bytes]
    ) -> None:
        try:
            protocol.response_file(status, headers, pipe.path)
            await pipe.write(first)
            async for chunk in chunks:
                await pipe.write(chunk)
        except (OSError, OriginUnavailable):
            # The answer has begun: its length, not kept, tells the client. (A stall is a TimeoutError, an OSError too.)
            self._counters.cut += 1
        finally:
            pipe.close()


class _Pipe:
    """A pipe whose reader opens it by a path."""

    def __init__(self, stall_s: float) -> None:
        self._stall_s = stall_s
        reader, self._writer = os.pipe()
        self._reader: int | None = reader
        os.set_blocking(self._writer, False)
        # The kernel's default is 16 pages, and a page may be 64 KiB.
        fcntl.fcntl(self._writer, fcntl.F_SETPIPE_SZ, PIPE_BYTES)
        self.path = f"/proc/self/fd/{reader}"

    async def write(self, data: bytes) -> None:
        """Write all; raises BrokenPipeError when the reader has closed, TimeoutError when it stalls."""
        rest = memoryview(data)
        while rest:
            try:
                rest = rest[os.write(self._writer, rest) :]
            except BlockingIOError:
                await self._drained()

    async def _drained(self) -> None:
        loop = asyncio.get_running_loop()
        writable = asyncio.Event()
        loop.add_writer(self._writer, writable.set)
        try:
            async with asyncio.timeout(self._stall_s):
                await writable.wait()
        finally:
            loop.remove_writer(self._writer)
        # What filled the pipe was read, so the reader has opened it: ours is needed no more, and would hide that the other left.
        self._close_reader()

    def _close_reader(self) -> None:
        if self._reader is not None:
            os.close(self._reader)
            self._reader = None

    def close(self) -> None:
        """Let the reader come to the end of what was written."""
        os.close(self._writer)
        self._close_reader()
