"""Small objects that the disk does not take, whole, in memory: what many ask for at once is fetched once also then.

Each is a file without a name (memfd), so that the server sends it like a cached one: at the pace of each client, without a copy for
each.
Bounded in bytes and in files. Knows neither HTTP nor the origin.
"""

from __future__ import annotations

import os
import time
from collections.abc import AsyncIterator, Callable
from typing import Final

from cluster.edge.cache import Cached
from cluster.edge.lru import Lru
from cluster.errors import OriginUnavailable, StorageFull

LIMIT_BYTES: Final = 64 * 2**20
OBJECT_LIMIT_BYTES: Final = 8 * 2**20
LEAST_BYTES: Final = 256 * 2**10
"""Smaller ones count as much, so that the files are few."""
GRACE_S: Final = 60.0
"""How long a client may take: a body that is dropped is emptied, which cuts who still reads it."""


class MemoryCache:
    """Objects by name, as long as others don't need their room; its methods belong to one event loop."""

    def __init__(self, *, limit_bytes: int = LIMIT_BYTES, monotonic_s: Callable[[], float] = time.monotonic) -> None:
        self._lru = Lru(limit_bytes, GRACE_S)
        self._files: dict[str, int] = {}
        self._monotonic_s = monotonic_s

    @property
    def held_bytes(self) -> int:
        """The bytes of all objects, as they count."""
        return self._lru.held_bytes

    def find(self, name: str) -> Cached | None:
        """Return the object, now the most recently used, if it is held."""
        if self._lru.use(name, self._monotonic_s()) is None:
            return None
        file = self._files[name]
        return Cached(f"/proc/self/fd/{file}", os.fstat(file).st_size)

    def has_room(self, size_bytes: int) -> bool:
        """Say whether an object of this size would be taken now."""
        room_bytes = max(size_bytes, LEAST_BYTES)
        return size_bytes <= OBJECT_LIMIT_BYTES and self._lru.has_room(room_bytes, self._lru.limit_bytes, self._monotonic_s())

    async def store(self, name: str, size_bytes: int, chunks: AsyncIterator[bytes]) -> Cached:
        """Take an object of `size_bytes` and return it.

        Raises:
            StorageFull: it is too large, or there is no room without dropping what is being served. Nothing was read from `chunks`.
            OSError: the kernel gives no file.
            OriginUnavailable: the chunks are more or fewer bytes.
        """
        room_bytes = max(size_bytes, LEAST_BYTES)
        evicted = self._lru.reserve(room_bytes, self._lru.limit_bytes, self._monotonic_s()) if size_bytes <= OBJECT_LIMIT_BYTES else None
        if evicted is None:
            raise StorageFull
        self._empty(evicted)
        try:
            file = os.memfd_create("matinee-edge")
            try:
                async for chunk in chunks:
                    rest = memoryview(chunk)
                    while rest:
                        rest = rest[os.write(file, rest) :]
                if (written_bytes := os.fstat(file).st_size) != size_bytes:
                    raise OriginUnavailable(f"The origin sent {written_bytes} bytes of {size_bytes}")
            except BaseException:
                os.close(file)
                raise
        finally:
            self._lru.release(room_bytes)
        self._files[name] = file
        self._lru.add(name, room_bytes, self._monotonic_s())
        return Cached(f"/proc/self/fd/{file}", size_bytes)

    def tend(self) -> None:
        """Drop what nobody used for GRACE_S; to be called every few seconds."""
        self._empty(self._lru.expire(GRACE_S, self._monotonic_s()))

    def _empty(self, names: dict[str, int]) -> None:
        for name in names:
            file = self._files.pop(name)
            # A slow client may hold the file open, and its bytes with it.
            os.ftruncate(file, 0)
            os.close(file)
