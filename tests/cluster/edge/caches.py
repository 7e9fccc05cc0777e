"""Disk caches of 1000 bytes for the tests of this folder, and what is in them."""

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path

from cluster.edge.cache import DiskCache
from cluster.edge.counters import Counters

LIMIT_BYTES = 1000


class Clock:
    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


def opened(directory: Path, clock: Clock | None = None, limit_bytes: int = LIMIT_BYTES, now_s: float | None = None) -> DiskCache:
    cache = DiskCache(directory, limit_bytes, Counters(), monotonic_s=clock or Clock(), now_s=lambda: now_s or time.time())
    cache.open()
    return cache


async def in_chunks(content: bytes, error: Exception | None = None) -> AsyncIterator[bytes]:
    for at in range(0, len(content), 64):
        yield content[at : at + 64]
    if error:
        raise error


def store(cache: DiskCache, name: str, content: bytes) -> None:
    asyncio.run(cache.store(name, len(content), in_chunks(content)))


def content_of(cache: DiskCache, name: str) -> bytes | None:
    found = cache.find(name)
    return Path(found.path).read_bytes() if found else None


def files(directory: Path) -> list[Path]:
    return [path for path in (*directory.glob("objects/*/*"), *directory.glob("fill/*")) if path.is_file()]
