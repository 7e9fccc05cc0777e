"""The studio's objects: bytes and files in and out of the object store, whole prefixes removed, errors in Matinee's words.

Memory is bounded: files stream, and only a few objects move at once.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator
from pathlib import Path
from typing import IO, Final, NamedTuple, TypeVar

import obstore
from obstore.store import LocalStore

from cluster.durable import Objects, object_errors
from cluster.errors import ObjectNotFound, StorageFull, StoreUnavailable

T = TypeVar("T")

AT_ONCE: Final = 8
_PAGE: Final = 500
_PIECE_BYTES: Final = 4 << 20


class Found(NamedTuple):
    """An object as a listing tells it."""

    name: str
    bytes: int
    written_at_s: float


class Blobs:
    """An open object store."""

    def __init__(self, objects: Objects) -> None:
        self._objects = objects

    async def put(self, name: str, data: bytes | bytearray | memoryview | Path) -> None:
        """Write an object, all of it or nothing.

        Raises:
            StorageFull: no space; nothing was written.
            StoreUnavailable: anything else.
        """
        with object_errors(name):
            await obstore.put_async(self._objects, name, data)

    async def put_files(self, files: Iterable[tuple[str, Path]]) -> int:
        """Write files as objects (name, path); returns their bytes together."""
        wanted = list(files)
        await _few_at_once(lambda item: self.put(*item), wanted)
        return sum(path.stat().st_size for _, path in wanted)

    async def copy_into(self, name: str, file: IO[bytes]) -> int:
        """Write an object's bytes at the file's place; returns how many.

        Raises:
            ObjectNotFound: there is none.
        """
        size = 0
        with object_errors(name):
            result = await obstore.get_async(self._objects, name)
            async for piece in result.stream(min_chunk_size=_PIECE_BYTES):
                size += len(piece)
                with disk_errors():
                    await asyncio.to_thread(file.write, piece)
        return size

    async def fetch(self, name: str, path: Path) -> None:
        """Write an object to a new file; its folder is made."""
        with disk_errors():
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("wb") as file:
                await self.copy_into(name, file)

    async def fetch_files(self, files: Iterable[tuple[str, Path]]) -> None:
        """Write objects to new files (name, path)."""
        await _few_at_once(lambda item: self.fetch(*item), files)

    async def copy(self, name: str, copied: str) -> None:
        """Give an object's bytes a second name.

        Raises:
            ObjectNotFound: there is none.
        """
        with object_errors(name):
            await obstore.copy_async(self._objects, name, copied)

    async def remove(self, names: Iterable[str]) -> None:
        """Remove objects; those that are gone already are passed over."""
        await _few_at_once(self._remove, names)

    async def remove_under(self, prefix: str) -> int:
        """Remove every object whose name begins with `prefix` and a slash; returns the bytes given back."""
        given_back = 0
        async for page in self.pages(prefix):
            await self.remove(found.name for found in page)
            given_back += sum(found.bytes for found in page)
        if isinstance(self._objects, LocalStore) and self._objects.prefix is not None:
            # What a killed writer left half-written is not listed.
            await asyncio.to_thread(shutil.rmtree, Path(self._objects.prefix) / prefix, ignore_errors=True)
        return given_back

    async def folders(self, prefix: str) -> list[str]:
        """Return the names directly under `prefix` that other names go on from."""
        with object_errors(prefix):
            found = await obstore.list_with_delimiter_async(self._objects, prefix)
        return [name.rstrip("/").rpartition("/")[2] for name in found["common_prefixes"]]

    async def size_under(self, prefix: str) -> int:
        """Return the bytes of every object whose name begins with `prefix` and a slash."""
        return sum([found.bytes async for page in self.pages(prefix) for found in page])

    async def pages(self, prefix: str, limit: int = _PAGE) -> AsyncIterator[list[Found]]:
        """Yield every object whose name begins with `prefix` and a slash, at most `limit` at once."""
        with object_errors(prefix):
            async for page in obstore.list(self._objects, prefix, chunk_size=limit):
                yield [Found(meta["path"], meta["size"], meta["last_modified"].timestamp()) for meta in page]

    async def _remove(self, name: str) -> None:
        with contextlib.suppress(ObjectNotFound), object_errors(name):
            await obstore.delete_async(self._objects, name)


@contextlib.contextmanager
def disk_errors() -> Iterator[None]:
    """Translate what writing to the work directory raises.

    Raises:
        StorageFull: the disk or the quota is full.
        StoreUnavailable: anything else that the system refuses.
    """
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise StorageFull from error
        raise StoreUnavailable(f"{error.filename or 'the work directory'}: {error.strerror}") from error


async def _few_at_once(operation: Callable[[T], Awaitable[None]], items: Iterable[T]) -> None:
    todo = iter(items)

    async def work() -> None:
        for item in todo:
            await operation(item)

    workers = [asyncio.create_task(work()) for _ in range(AT_ONCE)]
    try:
        await asyncio.gather(*workers)
    finally:
        for worker in workers:
            worker.cancel()
        await asyncio.gather(*workers, return_exceptions=True)
