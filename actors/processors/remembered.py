"""The rows of a partition that its owner last read or wrote, so that it need not read them again. Pure.

They hold for one version of the partition's place: whoever else writes there changes that too.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Final

from actors.processors.kept import Place
from cluster.durable import Row

ROWS_LIMIT: Final = 2000
ROW_LIMIT_BYTES: Final = 4096
"""Of its value as JSON; a larger row is read each time."""


class Remembered:
    """Rows by their sort keys, None for what is not there; of too many those that were used longest ago are forgotten."""

    def __init__(self) -> None:
        self._version = -1
        self._rows: dict[str, Row | None] = {}

    def of(self, place: Place, sorts: Collection[str], now_s: float) -> dict[str, Row | None]:
        """Return those of the rows that are known as they are at this place."""
        if place.version != self._version:
            self._rows = {}
        found = {sort: self._rows[sort] for sort in sorts if sort in self._rows}
        return {sort: row if row is None or row.expires_at_s is None or row.expires_at_s > now_s else None for sort, row in found.items()}

    def keep(self, place: Place, rows: Mapping[str, Row | None], sizes_bytes: Mapping[str, int]) -> None:
        """Take rows in as they are at a place; those that were known stay as they were."""
        self._version = place.version
        for sort, row in rows.items():
            self._rows.pop(sort, None)
            if sizes_bytes.get(sort, 0) <= ROW_LIMIT_BYTES:
                self._rows[sort] = row
        for sort in list(self._rows)[: max(0, len(self._rows) - ROWS_LIMIT)]:
            del self._rows[sort]
