"""Remembers pages as they were answered, for as long as nothing that they are made from has changed. Pure."""

from __future__ import annotations

import gzip
from collections import OrderedDict
from typing import Final
from weakref import ref

import msgspec

from serve_apps.recommendations.sources import Sources
from serve_apps.recommendations.stock import Stock

LIMIT_BYTES: Final = 16 << 20
_LEVEL: Final = 1
"""The sixth takes twice as long, for a tenth less."""


class Page(msgspec.Struct, frozen=True):
    """A `Home` as JSON, plain or in gzip, less than a third of it."""

    data: bytes
    packed: bool = False

    def pack(self) -> Page:
        """Return it in gzip; takes milliseconds."""
        return self if self.packed else Page(gzip.compress(self.data, _LEVEL, mtime=0), packed=True)

    def unpack(self) -> Page:
        """Return it plain."""
        return Page(gzip.decompress(self.data)) if self.packed else self


class Basis(msgspec.Struct, frozen=True):
    """What a page is made from; two that are equal make the same page."""

    stock: ref[Stock]
    """Equal only to the same; weak, so that no page keeps titles that have changed."""
    sources: Sources
    begun: tuple[str, ...]
    """Which titles count as watched hangs on the time too."""
    popular_version: int
    bundle_id: str | None
    day: int


class Pages:
    """Pages by profile; of too many those that were asked for longest ago are forgotten."""

    def __init__(self, limit_bytes: int = LIMIT_BYTES) -> None:
        self._limit_bytes, self._size_bytes = limit_bytes, 0
        self._pages: OrderedDict[tuple[str, str], tuple[Basis, Page]] = OrderedDict()

    def get(self, profile: tuple[str, str], basis: Basis) -> Page | None:
        """Return a profile's page, if it was made from the same."""
        found = self._pages.get(profile)
        if found is None or found[0] != basis:
            return None
        self._pages.move_to_end(profile)
        return found[1]

    def keep(self, profile: tuple[str, str], basis: Basis, page: Page) -> None:
        """Take a page in, in place of the profile's last."""
        if profile in self._pages:
            self._size_bytes -= len(self._pages.pop(profile)[1].data)
        self._pages[profile] = basis, page
        self._size_bytes += len(page.data)
        while self._size_bytes > self._limit_bytes:
            self._size_bytes -= len(self._pages.popitem(last=False)[1][1].data)
