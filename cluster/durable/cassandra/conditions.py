"""What became of a conditional batch: pure decisions on rows that were read back.

A row carries the tag of the batch that wrote it; a removed row carries nothing.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from enum import Enum, auto
from uuid import UUID

import msgspec

from cluster.durable.limits import encode_value
from cluster.durable.store import Change, Check, Delete, Insert, Update

ABSENT = 0
LASTING_S = math.inf
"""What stands for no expiry: a number compares, and null would be a removal."""


class Found(msgspec.Struct, frozen=True):
    """A row as a condition sees it."""

    version: int
    expires_at_s: float
    tag: UUID | None = None

    def live_version(self, now_s: float) -> int:
        """Return its version, or ABSENT once it has expired."""
        return self.version if self.expires_at_s > now_s else ABSENT


class Prepared(msgspec.Struct, frozen=True):
    """A change whose value is encoded and within its limit already; one that neither writes nor deletes is a check."""

    sort: str
    if_version: int
    kind: str = ""
    value: str | None = None
    expires_at_s: float = LASTING_S
    deletes: bool = False

    @property
    def writes(self) -> bool:
        """Whether it leaves a row with the batch's tag."""
        return self.value is not None


class Fate(Enum):
    """What became of a batch that was not answered."""

    APPLIED = auto()
    NOT_APPLIED = auto()
    UNKNOWN = auto()


def prepare(change: Change) -> Prepared:
    """Return the change ready to be bound."""
    match change:
        case Check():
            return Prepared(change.sort, change.if_version)
        case Delete():
            return Prepared(change.sort, change.if_version, deletes=True)
        case Insert():
            return Prepared(change.sort, ABSENT, change.kind, encode_value(change.value), lasting(change.expires_at_s))
        case Update():
            return Prepared(change.sort, change.if_version, change.kind, encode_value(change.value), lasting(change.expires_at_s))


def lasting(expires_at_s: float | None) -> float:
    """Return the expiry as it is stored."""
    return LASTING_S if expires_at_s is None else expires_at_s


def failed(changes: Sequence[Prepared], rows: Mapping[str, Found], now_s: float) -> list[str]:
    """Return the sorts whose condition does not hold on these rows."""
    return [change.sort for change in changes if _live(rows, change.sort, now_s) != change.if_version]


def fate(changes: Sequence[Prepared], rows: Mapping[str, Found], tag: UUID, now_s: float) -> Fate:
    """Judge by rows that were read after a batch was not answered: all its changes are made, or none."""
    if any(change.writes and (row := rows.get(change.sort)) is not None and row.tag == tag for change in changes):
        return Fate.APPLIED
    if not any(change.writes or change.deletes for change in changes):
        return Fate.NOT_APPLIED  # it changes nothing, so it may as well be made again
    return Fate.NOT_APPLIED if any(_shows_it_was_not_made(change, rows.get(change.sort), now_s) for change in changes) else Fate.UNKNOWN


def _shows_it_was_not_made(change: Prepared, row: Found | None, now_s: float) -> bool:
    if change.writes:
        if change.if_version == ABSENT:
            # There would be our row. (One that somebody has removed since looks alike, but only whoever saw it can have done that.)
            return row is None or row.live_version(now_s) <= 1
        # Ours would be the next version, or have been followed by later ones.
        return row is not None and change.if_version <= row.version <= change.if_version + 1
    # A row that is there after a removal may be the one that was meant, or one that was made since: to remove it again would lose that.
    return False


def _live(rows: Mapping[str, Found], sort: str, now_s: float) -> int:
    row = rows.get(sort)
    return ABSENT if row is None else row.live_version(now_s)
