"""The list of everything that lies under media/: each version with its job, its bytes and its artwork.

A row is written before the first object and removed after the last, so that no object is ever unaccounted for.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping
from typing import Any

import msgspec

from cluster.durable import Row, Store


class Candidate(msgspec.Struct, frozen=True, kw_only=True):
    """A still of a version that people may choose as artwork, named `artwork/<sha256>.jpg`."""

    object_name: str
    width: int
    height: int


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
    candidates: tuple[Candidate, ...] = ()
    """Stills to choose artwork from, kept as long as the version; none of what was encoded before there were any."""
    dead_since_s: float | None = None
    """When the collector first saw that nothing leads to it any more."""
    sequence: int = 1

    @property
    def prefix(self) -> str:
        """What its objects' names begin with."""
        return f"media/{self.playable_id}/{self.version_id}"

    def delivered(self, delivery: Mapping[str, Any]) -> Version:
        """Return it with what its delivery left behind."""
        artwork = tuple(image["object_name"] for image in delivery["artwork"])
        # A job that was cut off just after its delivery may have had it from a program that made no candidates.
        candidates = tuple(msgspec.convert(image, Candidate) for image in delivery.get("candidates", ()))
        return msgspec.structs.replace(self, bytes=delivery["bytes"], artwork=artwork, candidates=candidates)

    @property
    def offered(self) -> Iterator[str]:
        """The pictures that stay although no title may show them; what the catalogue has not taken yet may be about to give its artwork."""
        yield from () if self.attached else self.artwork
        yield from (candidate.object_name for candidate in self.candidates)


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
