"""The disk cache: objects by name, whole, in a directory that one edge owns.

A file is written aside and renamed when complete; its name is the hash of the object's name and its size, so the directory alone
says what is held and whether it is whole. The index lives in memory and is rebuilt by a scan at start. The disk is not the cache's
alone: a part of it stays free for the others, and the cache shrinks for that. Knows neither HTTP nor the origin.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import fcntl
import itertools
import os
import re
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from hashlib import blake2b
from pathlib import Path
from typing import IO, Final

import msgspec

from cluster.edge.counters import Counters
from cluster.edge.lru import Lru
from cluster.errors import Misconfigured, OriginUnavailable, StorageFull
from cluster.ids import new_id
from cluster.security.paths import KEY_PERIOD_S

GRACE_S: Final = 5.0
MARK_S: Final = 60.0
PART_OF_CACHE: Final = 8
OBJECT_LIMIT_BYTES: Final = 64 * 2**20
"""Larger objects are not cached: their first byte would have to wait for their last."""
FLOOR_BYTES: Final = 2 * 2**30
FLOOR_PART_OF_DISK: Final = 10
"""So much of the disk, at most FLOOR_BYTES, is left free: the store may be on it too."""
IDLE_S: Final = KEY_PERIOD_S
"""An object that nobody used for longer is dropped: no link to it lives, and its title or version may have been deleted."""

_FILE = re.compile(r"(?P<key>[0-9a-f]{38})-(?P<size>[0-9]{1,12})", re.ASCII)
_PART = re.compile(r"[0-9]+\.part", re.ASCII)


class Cached(msgspec.Struct, frozen=True):
    """A whole object on the disk."""

    path: str
    size_bytes: int


class DiskCache:
    """The cache in `directory`; `open` it before use. Its methods belong to one event loop."""

    def __init__(
        self,
        directory: Path,
        limit_bytes: int,
        counters: Counters,
        *,
        grace_s: float = GRACE_S,
        monotonic_s: Callable[[], float] = time.monotonic,
        now_s: Callable[[], float] = time.time,
    ) -> None:
        self.directory = directory
        self._counters = counters
        self._monotonic_s, self._now_s, self._grace_s = monotonic_s, now_s, grace_s
        self._making_room = asyncio.Lock()
        self._lru = Lru(limit_bytes, grace_s)
        self._objects, self._fill = directory / "objects", directory / "fill"
        self._serial = itertools.count()
        self._lock: IO[str] | None = None
        self.object_limit_bytes = min(OBJECT_LIMIT_BYTES, limit_bytes // PART_OF_CACHE)

    @property
    def limit_bytes(self) -> int:
        """The most that may be held."""
        return self._lru.limit_bytes

    @property
    def held_bytes(self) -> int:
        """The bytes of all whole objects."""
        return self._lru.held_bytes

    def __len__(self) -> int:
        return len(self._lru)

    def open(self) -> None:
        """Take the directory (made if missing), clear what an earlier run left half-written, and index the rest.

        Raises:
            Misconfigured: the directory can't be written, or another edge uses it.
        """
        try:
            for folder in (self._fill, self._objects):
                folder.mkdir(parents=True, exist_ok=True)
            self._lock = (self.directory / "lock").open("a")
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            for file in list(self._fill.iterdir()):
                if _PART.fullmatch(file.name):
                    file.unlink()
            (self._fill / "0.part").touch()
            (self._fill / "0.part").unlink()
            self._scan()
        except BlockingIOError as error:
            raise Misconfigured(f"MATINEE_EDGE_CACHE: another edge uses {self.directory}") from error
        except OSError as error:
            raise Misconfigured(f"MATINEE_EDGE_CACHE: {self.directory} cannot be used: {error.strerror}") from error

    def _scan(self) -> None:
        found: list[tuple[float, str, int]] = []
        for file in list(self._objects.glob("[0-9a-f][0-9a-f]/*")):
            parts = _FILE.fullmatch(file.name)
            if parts is None:
                continue
            stat = file.stat()
            if stat.st_size == int(parts["size"]):
                found.append((stat.st_mtime, file.parent.name + parts["key"], stat.st_size))
            else:
                file.unlink()
                self._counters.damaged += 1
        now_s, monotonic_s = self._now_s(), self._monotonic_s()
        for used_at_s, key, size_bytes in sorted(found):
            # Nothing is being served yet, so all of it may leave.
            self._lru.add(key, size_bytes, monotonic_s - max(self._grace_s, now_s - used_at_s))
        # The limit may be lower than last time, and the disk fuller.
        excess_bytes = max(self.held_bytes - self.limit_bytes, -self._free_bytes())
        _unlink(self._paths(self._lru.evict(excess_bytes, monotonic_s)))

    def edge_id(self) -> str:
        """Return the id of the edge that owns this directory, made at its first start; raises Misconfigured."""
        path = self.directory / "edge-id"
        try:
            if not path.exists():
                aside = self.directory / "edge-id.new"
                aside.write_text(new_id())
                aside.replace(path)
            return path.read_text().strip()
        except OSError as error:
            raise Misconfigured(f"MATINEE_EDGE_CACHE: {path} cannot be made or read: {error.strerror}") from error

    def find(self, name: str) -> Cached | None:
        """Return the object, now the most recently used, if it is held and whole."""
        key = _key(name)
        now_s = self._monotonic_s()
        entry = self._lru.use(key, now_s)
        if entry is None:
            return None
        path = self._path(key, entry.size_bytes)
        try:
            if os.stat(path).st_size == entry.size_bytes:  # noqa: PTH116 -- on every hit; a Path costs as much as the call
                if now_s - entry.marked_at_s > MARK_S:
                    # The file's time carries the order of use over a restart.
                    entry.marked_at_s = now_s
                    os.utime(path)
                return Cached(path, entry.size_bytes)
        except OSError:
            pass
        self._counters.damaged += 1
        self._lru.drop(key)
        _unlink([path])
        return None

    def has_room(self, size_bytes: int) -> bool:
        """Say whether an object of this size would be taken now."""
        return size_bytes <= self.object_limit_bytes and self._lru.has_room(size_bytes, self._free_bytes(), self._monotonic_s())

    async def tend(self) -> None:
        """Drop what nobody used for IDLE_S, and shrink where others need the disk; to be called every few seconds."""
        async with self._making_room:
            await self._remove(self._lru.expire(IDLE_S, self._monotonic_s()))
            await self._remove(self._lru.evict(-self._free_bytes(), self._monotonic_s()))

    async def store(self, name: str, size_bytes: int, chunks: AsyncIterator[bytes]) -> Cached:
        """Write an object of `size_bytes` and return it; of an object that doesn't get whole, nothing stays.

        Raises:
            StorageFull: there is no room without evicting what is being served. Nothing was read from `chunks`.
            OSError: the disk fails.
            OriginUnavailable: the chunks are more or fewer bytes.
        """
        await self._reserve(size_bytes)
        key, part = _key(name), self._fill / f"{next(self._serial)}.part"
        path = self._path(key, size_bytes)
        try:
            file = await asyncio.to_thread(_begin, part, path)
            try:
                written_bytes = 0
                async for chunk in chunks:
                    written_bytes += await asyncio.to_thread(file.write, chunk)
            finally:
                # A write that was cancelled here goes on in its thread; closing waits for it.
                await asyncio.to_thread(file.close)
            if written_bytes != size_bytes:
                raise OriginUnavailable(f"The origin sent {written_bytes} bytes of {size_bytes}")
            await asyncio.to_thread(os.replace, part, path)
        except BaseException as error:
            await asyncio.to_thread(_unlink, [str(part)])
            if isinstance(error, OSError) and error.errno in {errno.ENOSPC, errno.EDQUOT}:
                # Others were faster than the floor, or a quota is below it.
                async with self._making_room:
                    await self._remove(self._lru.evict(max(size_bytes, -self._free_bytes()), self._monotonic_s()))
            raise
        finally:
            self._lru.release(size_bytes)
        self._lru.add(key, size_bytes, self._monotonic_s())
        return Cached(path, size_bytes)

    def close(self) -> None:
        """Leave the directory to another edge."""
        if self._lock:
            self._lock.close()

    async def _reserve(self, size_bytes: int) -> None:
        # One at a time: what another evicts is free only when it is off the disk.
        async with self._making_room:
            evicted = self._lru.reserve(size_bytes, self._free_bytes(), self._monotonic_s())
            if evicted is None:
                raise StorageFull
            try:
                await self._remove(evicted)
            except BaseException:
                self._lru.release(size_bytes)
                raise

    async def _remove(self, entries: Mapping[str, int]) -> None:
        self._counters.evictions += len(entries)
        if entries:
            await asyncio.to_thread(_unlink, self._paths(entries))

    def disk_free_bytes(self) -> int | None:
        """Return what is free on the disk, the floor included; None where that cannot be told."""
        try:
            disk = os.statvfs(self.directory)
        except OSError:
            return None
        return disk.f_bavail * disk.f_frsize

    def _free_bytes(self) -> int:
        """Return what the disk takes until no more than the floor is free; below 0, so much is missing."""
        try:
            disk = os.statvfs(self.directory)
        except OSError:
            return 0
        return disk.f_bavail * disk.f_frsize - min(FLOOR_BYTES, disk.f_blocks * disk.f_frsize // FLOOR_PART_OF_DISK)

    def _path(self, key: str, size_bytes: int) -> str:
        return f"{self._objects}/{key[:2]}/{key[2:]}-{size_bytes}"

    def _paths(self, entries: Mapping[str, int]) -> list[str]:
        return [self._path(key, size_bytes) for key, size_bytes in entries.items()]


def _key(name: str) -> str:
    return blake2b(name.encode(), digest_size=20).hexdigest()


def _begin(part: Path, path: str) -> IO[bytes]:
    Path(path).parent.mkdir(exist_ok=True)
    return part.open("wb")


def _unlink(paths: Sequence[str]) -> None:
    for path in paths:
        with contextlib.suppress(OSError):
            Path(path).unlink()
