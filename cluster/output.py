"""What a child process writes, kept within bounds: a beginning, an end, or line by line.

Main path: a pipe -> `pump` -> sinks. Knows no processes.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Protocol

LINE_BYTES = 64 * 1024


class Sink(Protocol):
    """Takes what comes out of a pipe, piece by piece."""

    def feed(self, data: bytes) -> None:
        """Take the next piece."""
        ...


class Overflow(Exception):
    """More came than may be kept."""


class Kept:
    """The whole output; more than `limit_bytes` raises Overflow."""

    def __init__(self, limit_bytes: int) -> None:
        self.data, self._limit_bytes = bytearray(), limit_bytes

    def feed(self, data: bytes) -> None:
        """See `Sink.feed`."""
        self.data += data
        if len(self.data) > self._limit_bytes:
            del self.data[self._limit_bytes :]
            raise Overflow


class Tail:
    """The last `limit_bytes` of the output."""

    def __init__(self, limit_bytes: int) -> None:
        self._chunks: deque[bytes] = deque()
        self._size, self._limit_bytes = 0, limit_bytes

    def feed(self, data: bytes) -> None:
        """See `Sink.feed`."""
        self._chunks.append(data)
        self._size += len(data)
        while self._size - len(self._chunks[0]) >= self._limit_bytes:
            self._size -= len(self._chunks.popleft())

    def text(self) -> str:
        """Return it as text."""
        return b"".join(self._chunks)[-self._limit_bytes :].decode("utf-8", "replace")


class Lines:
    """The output line by line, a line being cut at 64 KiB; `on_line` None: nothing."""

    def __init__(self, on_line: Callable[[str], None] | None) -> None:
        self._on_line, self._rest = on_line, b""

    def feed(self, data: bytes) -> None:
        """See `Sink.feed`."""
        if self._on_line is None:
            return
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            self._on_line(line[:LINE_BYTES].decode("utf-8", "replace").rstrip("\r"))
        self._rest = self._rest[:LINE_BYTES]

    def end(self) -> None:
        """Tell the last line, which may lack its end."""
        if self._on_line is not None and self._rest:
            self._on_line(self._rest.decode("utf-8", "replace"))


async def pump(stream: asyncio.StreamReader, *sinks: Sink) -> None:
    """Read a pipe to its end."""
    while data := await stream.read(LINE_BYTES):
        for sink in sinks:
            sink.feed(data)
