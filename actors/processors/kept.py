"""What a processor keeps: how far it is in each partition of its topic and what it made of that, changed together or not at all.

Table `processed` (linear), partition = processor and partition of the topic: `offset` says where it goes on, and its version counts
every write: what was made from an older one cannot be written. `rows/<generation>/<key>` are the result, `seen/<generation>/<digest>`
the highest version of an event's key, `outbox/…` the entries set aside that are not published yet. A replay begins a new generation.
"""

from __future__ import annotations

import hashlib
from typing import Final

import msgspec

from cluster.durable import Change, Insert, Mode, Row, Store, Table, Update, Value
from cluster.errors import CorruptData

PROCESSED: Final = Table("processed", Mode.LINEAR, group="processors")

OFFSET: Final = "offset"
ROWS: Final = "rows/"
SEEN: Final = "seen/"
SEEN_KEPT_S: Final = 30 * 86400.0
"""How long after the last event of a key one that comes again is known for it: longer than the log keeps most topics."""


class Place(msgspec.Struct, frozen=True):
    """Where a processor goes on in a partition of its topic."""

    offset: int = 0
    generation: int = 0
    aside: int = 0
    """How many entries of this generation were set aside."""
    version: int = 0
    """Of the row; 0: there is none yet."""

    def moved(self, offset: int, aside: int) -> Change:
        """Return the change by which it goes on elsewhere: it fails if anybody has moved it meanwhile."""
        return self._change(Place(offset, self.generation, self.aside + aside))

    def begun_anew(self, offset: int) -> Change:
        """Return the change that leaves all results behind and goes on at an offset."""
        return self._change(Place(offset, self.generation + 1))

    def after(self, offset: int, aside: int) -> Place:
        """Return the place once `moved` is written."""
        return Place(offset, self.generation, self.aside + aside, self.version + 1)

    def _change(self, to: Place) -> Change:
        value = {"offset": to.offset, "generation": to.generation, "aside": to.aside}
        return Update(OFFSET, "offset", value, self.version) if self.version else Insert(OFFSET, "offset", value)

    def row_sort(self, key: str) -> str:
        """Return the sort key of a row of the result."""
        return f"{ROWS}{self.generation:06d}/{key}"

    def seen_sort(self, event_key: str) -> str:
        """Return the sort key of the version of an event's key: a digest, since keys name accounts, and may be long."""
        return f"{SEEN}{self.generation:06d}/{hashlib.blake2b(event_key.encode(), digest_size=16).hexdigest()}"


class Kept(msgspec.Struct, frozen=True):
    """A row of the table as a processor works with it."""

    version: int
    value: Value
    """Nobody changes it: the next event begins with it, read or written."""
    size_bytes: int
    """Of the value as JSON."""
    expires_at_s: float | None = None


def partition_name(processor: str, partition: int) -> str:
    """Return the store's partition for a partition of the topic."""
    return f"{processor}/{partition:03d}"


async def read_place(store: Store, processor: str, partition: int) -> Place:
    """Return where a processor goes on.

    Raises:
        CorruptData: the row does not say.
    """
    return place_of(await store.get(partition_name(processor, partition), OFFSET))


def place_of(row: Row | None) -> Place:
    """Return what the row `offset` says: where there is none, nothing was processed yet.

    Raises:
        CorruptData: it does not say.
    """
    return Place() if row is None else _place(row)


def kept(row: Row | None) -> Kept | None:
    """Return a row that was read."""
    return None if row is None else Kept(row.version, row.value, json_bytes(row.value), row.expires_at_s)


def json_bytes(value: Value) -> int:
    """Return how long a value is as JSON; raises what msgspec does for what is none."""
    return len(msgspec.json.encode(value))


def _place(row: Row) -> Place:
    try:
        return msgspec.convert({**row.value, "version": row.version}, Place)
    except msgspec.ValidationError as error:
        raise CorruptData(f"{row.partition}/{row.sort} holds no place: {error}") from error
