"""The origin as the edge sees it: an object store that may lack an object, fail, or stall.

Translates the store's errors; its words, which may name machines and folders, go to the log and never to a client.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from typing import Final

import msgspec
import structlog
from obstore.exceptions import BaseError

from cluster.durable.objects import Objects
from cluster.edge.counters import Counters
from cluster.errors import ObjectNotFound, OriginUnavailable

log = structlog.get_logger()

ANSWER_TIMEOUT_S: Final = 10.0
CHUNK_BYTES: Final = 2**20
# How a directory answers where the path goes on below a file (ENOTDIR).
_BELOW_A_FILE: Final = "os error 20"


class Fetched(msgspec.Struct, frozen=True):
    """An object that began to arrive."""

    size_bytes: int
    """Of the whole object, also where only a range arrives."""
    chunks: AsyncIterator[bytes]


class Origin:
    """Reads objects; every wait for the store has a time limit."""

    def __init__(self, objects: Objects, counters: Counters, timeout_s: float = ANSWER_TIMEOUT_S) -> None:
        self._objects, self._counters, self._timeout_s = objects, counters, timeout_s

    async def fetch(self, name: str, between: tuple[int, int] | None = None) -> Fetched:
        """Begin to read the object, or its bytes from the first up to but without the second.

        Raises:
            ObjectNotFound: there is no such object.
            OriginUnavailable: the store fails or stalls; also raised by the chunks.
        """
        with self._translated():
            async with asyncio.timeout(self._timeout_s):
                found = await self._objects.get_async(name, options={"range": between} if between else None)
        return Fetched(int(found.meta["size"]), self._chunks(aiter(found.stream(min_chunk_size=CHUNK_BYTES))))

    async def _chunks(self, stream: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        while True:
            with self._translated():
                try:
                    async with asyncio.timeout(self._timeout_s):
                        chunk = await anext(stream)
                except StopAsyncIteration:
                    return
            yield chunk

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except FileNotFoundError as error:
            raise ObjectNotFound from error
        except TimeoutError as error:
            self._counters.origin_errors += 1
            raise OriginUnavailable(f"The origin did not answer within {self._timeout_s:g} s", retry_after_s=2) from error
        except (BaseError, OSError, ValueError) as error:
            if _BELOW_A_FILE in str(error):
                raise ObjectNotFound from error
            self._counters.origin_errors += 1
            log.warning("the origin fails", error=str(error).partition("\n")[0])
            raise OriginUnavailable(retry_after_s=2) from error
