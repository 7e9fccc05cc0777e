"""How what was moved is counted, and compared: entries, and a checksum that does not depend on their order."""

from __future__ import annotations

from hashlib import blake2b
from typing import Final

import msgspec

from cluster.durable import Row
from cluster.events import Event

_DIGEST_BYTES: Final = 16


class Counted(msgspec.Struct, frozen=True):
    """What a table or a topic holds."""

    entries: int
    checksum: str
    """The sum of the digests (BLAKE2b, 16 bytes) of all lines, modulo 2**128, in hex."""


class Compared(msgspec.Struct, frozen=True):
    """A table or a topic at both ends of a move."""

    name: str
    source: Counted
    target: Counted
    repeats: int = 0
    """Events that the target has once more: appends that were not answered, and made again. Readers go by versions."""
    in_order: bool = True

    @property
    def same(self) -> bool:
        """Whether nothing was lost, added or changed on the way."""
        return self.in_order and self.source == self.target


class Count:
    """Counts lines."""

    def __init__(self) -> None:
        self._entries, self._total = 0, 0

    def add(self, line: bytes) -> None:
        """Count one more."""
        self._entries += 1
        self._total += int.from_bytes(blake2b(line, digest_size=_DIGEST_BYTES).digest(), "big")

    @property
    def counted(self) -> Counted:
        """What was counted so far."""
        return Counted(self._entries, f"{self._total % (1 << 8 * _DIGEST_BYTES):0{2 * _DIGEST_BYTES}x}")


def line_of(entry: Row | Event) -> bytes:
    """Return the one text of a row or an event: JSON with its names in order."""
    return msgspec.json.encode(entry, order="sorted")
