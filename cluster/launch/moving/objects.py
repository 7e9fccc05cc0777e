"""Moves objects from one store of objects to another. Names are immutable: what is there under its name and size is not moved again."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator
from typing import Final

import obstore

from cluster.durable import Objects, object_errors
from cluster.launch.moving.manifest import Kept

AT_ONCE: Final = 8
_WHOLE_BYTES: Final = 4 << 20
_PIECE_BYTES: Final = 1 << 20
PAGE: Final = 1000


async def sizes(objects: Objects) -> dict[str, int]:
    """Return the bytes of every object by its name.

    Raises:
        StoreUnavailable: they cannot be listed.
    """
    found: dict[str, int] = {}
    with object_errors(""):
        async for page in obstore.list(objects, chunk_size=PAGE):
            found.update((meta["path"], meta["size"]) for meta in page)
    return found


async def move(source: Objects, target: Objects, name: str) -> Kept:
    """Copy an object, all of it or nothing, and return what was copied.

    Raises:
        ObjectNotFound: there is none.
        StorageFull, StoreUnavailable: it cannot be read or written.
    """
    digest, size = hashlib.sha256(), 0

    with object_errors(name):
        found = await obstore.get_async(source, name)
        if found.meta["size"] <= _WHOLE_BYTES:
            data = bytes(await found.bytes_async())
            await obstore.put_async(target, name, data)
            return Kept(len(data), hashlib.sha256(data).hexdigest())

        async def passing() -> AsyncIterator[bytes]:
            nonlocal size
            async for piece in found.stream(min_chunk_size=_PIECE_BYTES):
                data = bytes(piece)
                await asyncio.to_thread(digest.update, data)
                size += len(data)
                yield data

        await obstore.put_async(target, name, passing())
    return Kept(size, digest.hexdigest())


async def remove(objects: Objects, names: list[str]) -> None:
    """Remove objects."""
    with object_errors(names[0] if names else ""):
        await obstore.delete_async(objects, names)
