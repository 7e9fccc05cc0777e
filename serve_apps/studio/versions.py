"""The list of everything that lies under media/: each version with its job, its bytes and its artwork.

A row is written before the first object and removed after the last, so that no object is ever unaccounted for.
"""

from __future__ import annotations

from collections.abc import AsyncIterator

import msgspec

from cluster.durable import Row, Store


class Version(msgspec.Struct, frozen=True, kw_only=True):
    """A version of a playable as uploaded, or being uploaded."""

    version_id: str
    playable_id: str
    job_id: str
    created_at_s: float
    attached: bool = False
    """The catalogue knows it."""
    bytes: int = 0
    artwork: tuple[str, ...] = ()
    """Objects that it offers as artwork."""
    dead_since_s: float | None = None
    """When the collector first saw that nothing leads to it any more."""
    sequence: int = 1

    @property
    def prefix(self) -> str:
        """What its objects' names begin with."""
        return f"media/{self.playable_id}/{self.version_id}"


class Versions:
    """The rows; written by the runner alone."""

    def __init__(self, lists: Store) -> None:
        self._lists = lists

    async def get(self, version_id: str) -> Version | None:
        """Return a version, or None."""
        row = await self._lists.get("versions", version_id)
        return msgspec.convert(row.value, Version) if row else None

    async def put(self, version: Version) -> Version:
        """Write a version, new or changed; returns it as written."""
        written = msgspec.structs.replace(version, sequence=version.sequence + 1)
        await self._lists.put([Row("versions", version.version_id, written.sequence, "version", msgspec.to_builtins(written))])
        return written

    async def remove(self, version: Version) -> None:
        """Forget a version, once its objects are gone."""
        await self._lists.remove("versions", version.version_id, version.sequence + 1)

    async def pages(self) -> AsyncIterator[list[Version]]:
        """Yield every version, the oldest first, some at once."""
        after: str | None = None
        while rows := await self._lists.scan("versions", after=after, limit=500):
            yield [msgspec.convert(row.value, Version) for row in rows]
            after = rows[-1].sort

    async def all(self) -> AsyncIterator[Version]:
        """Yield every version, the oldest first."""
        async for page in self.pages():
            for version in page:
                yield version
