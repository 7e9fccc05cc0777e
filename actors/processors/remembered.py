"""The rows of a partition that its owner last read or wrote, so that it need not read them again. Pure.

They hold for one version of the partition's place: whoever else writes there changes that too.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Collection, Mapping
from typing import Final

from actors.processors.kept import Kept, Place

LIMIT_BYTES: Final = 3 << 20
"""Of a partition's rows as JSON: those of some hundred profiles that watch much. In memory they take three to four times that."""
ROW_BYTES: Final = 300
"""What a row takes beside its value."""


class Remembered:
    """Rows by their sort keys, None for what is not there; of too many those that were used longest ago are forgotten."""

    def __init__(self) -> None:
        self._version, self._size_bytes = -1, 0
        self._rows: OrderedDict[str, Kept | None] = OrderedDict()

    def of(self, place: Place, sorts: Collection[str], now_s: float) -> dict[str, Kept | None]:
        """Return those of the rows that are known as they are at this place."""
        if place.version != self._version:
            self._rows.clear()
            self._size_bytes = 0
        found = {sort: self._rows[sort] for sort in sorts if sort in self._rows}
        return {sort: row if row is None or row.expires_at_s is None or row.expires_at_s > now_s else None for sort, row in found.items()}

    def keep(self, place: Place, rows: Mapping[str, Kept | None]) -> None:
        """Take rows in as they are at a place; those that were known stay as they were."""
        self._version = place.version
        for sort, row in rows.items():
            if sort in self._rows:
                self._size_bytes -= size_bytes(self._rows.pop(sort))
            self._rows[sort] = row
            self._size_bytes += size_bytes(row)
        while self._size_bytes > LIMIT_BYTES:
            self._size_bytes -= size_bytes(self._rows.popitem(last=False)[1])


def size_bytes(row: Kept | None) -> int:
    """Return about how much a row takes."""
    return ROW_BYTES + (row.size_bytes if row is not None else 0)
