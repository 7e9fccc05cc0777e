"""How far a whole table is read: which of its ranges of tokens, and where in it the driver goes on.

A page of rows must not have to pass too many removals before it has found them, so a table is read in ranges.
"""

from __future__ import annotations

import base64
import re
from typing import Final

import msgspec

from cluster.errors import InvalidCursor

RANGES: Final = 64
_LOWEST: Final = -(1 << 63)
_HIGHEST: Final = (1 << 63) - 1
_FORM: Final = re.compile(r"(\d{1,2}):((?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?)", re.ASCII)


class Place(msgspec.Struct, frozen=True):
    """Where a page begins."""

    number: int = 0
    paging: bytes | None = None
    """The driver's own word for a place in the range; None: its beginning."""

    @classmethod
    def of(cls, after: str | None) -> Place:
        """Return the place that `str` made a text of; None is the beginning of the table.

        Raises:
            InvalidCursor: it is no such text.
        """
        if after is None:
            return cls()
        found = _FORM.fullmatch(after)
        if found is None or int(found[1]) >= RANGES:
            raise InvalidCursor
        return cls(int(found[1]), base64.b64decode(found[2]) or None)

    def __str__(self) -> str:
        return f"{self.number}:{base64.b64encode(self.paging or b'').decode()}"

    def following(self, paging: bytes | None) -> Place | None:
        """Return where the next page begins: further on in this range, or in the next; None after the last."""
        if paging is not None:
            return Place(self.number, paging)
        return Place(self.number + 1) if self.number + 1 < RANGES else None

    @property
    def tokens(self) -> tuple[int, int]:
        """The tokens of the range: those above the first, up to the second. No partition has the lowest of all."""
        width = (1 << 64) // RANGES
        return _LOWEST + self.number * width, min(_LOWEST + (self.number + 1) * width, _HIGHEST)
