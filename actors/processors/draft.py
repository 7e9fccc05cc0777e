"""One write of a processor in the making: what becomes of the rows, which entries are set aside, and whether more has room in it. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Final

import msgspec

from actors.processors.kept import SEEN_KEPT_S, Place, partition_name
from actors.processors.processor import Processor
from cluster.durable import BATCH_LIMIT, Change, Delete, Insert, Row, Update, Value
from cluster.durable.store import VALUE_LIMIT_BYTES
from cluster.events import DEAD_LETTERS, Event, encode

DRAFT_LIMIT_BYTES: Final = 2 << 20
"""Cassandra takes 3 MiB in one write."""
TOLD_LIMIT_BYTES: Final = VALUE_LIMIT_BYTES // 2
"""A larger event is not repeated where it is set aside: it stands in the log."""
REASON_LIMIT: Final = 2000

Applied = Mapping[str, tuple[bytes | None, float | None]]
"""Rows that an event changes, by their sort keys: their values as JSON, and when they expire."""


class Draft:
    """Begins with the rows as they are stored, by their sort keys; holds values as JSON, so that no function changes them unasked."""

    def __init__(self, processor: Processor, partition: int, place: Place, stored: Mapping[str, Row | None], now_s: float) -> None:
        self._processor, self._partition, self._place, self._now_s = processor, partition, place, now_s
        self._stored = stored
        self._raw = {sort: None if row is None else msgspec.json.encode(row.value) for sort, row in stored.items()}
        self._expires: dict[str, float | None] = {}
        self._size_bytes = 0
        self.offset, self.entries = place.offset, 0
        self.events: list[Event] = []

    def applied(self, event: Event, keys: Collection[str]) -> Applied | None:
        """Return what the processor makes of an event; None if this one, or a later one of its key, was applied before.

        Raises:
            Exception: whatever is wrong with the event.
        """
        place, seen_sort = self._place, self._place.seen_sort(event.key)
        seen = self._value(seen_sort)
        if seen is not None and seen["version"] >= event.entity_version:
            return None
        after = self._processor.apply({key: self._value(place.row_sort(key)) for key in keys}, event)
        if strange := sorted(after.keys() - set(keys)):
            raise ValueError(f"{self._processor.name} changes {strange[0]!r}, which is none of the event's keys")
        applied: dict[str, tuple[bytes | None, float | None]] = {}
        for key, value in after.items():
            expires_at_s = None if value is None else self._processor.expires_at_s(key, value)
            applied[place.row_sort(key)] = None if value is None else msgspec.json.encode(value), expires_at_s
        applied[seen_sort] = msgspec.json.encode({"version": event.entity_version}), self._now_s + SEEN_KEPT_S
        return applied

    def take(self, offset: int, applied: Applied) -> bool:
        """Take in what an entry comes to; False: it has no room beside the others."""
        rows = len(self._expires.keys() | applied.keys()) + len(self.events)
        if not self._has_room(rows, sum(len(raw or b"") for raw, _ in applied.values())):
            return False
        for sort, (raw, expires_at_s) in applied.items():
            self._raw[sort], self._expires[sort] = raw, expires_at_s
        self.skip(offset)
        return True

    def set_aside(self, offset: int, event: Event | None, reason: object) -> bool:
        """Go on past an entry, and tell why; False: it has no room beside the others."""
        told = event is not None and len(encode(event)) <= TOLD_LIMIT_BYTES
        letter = Event(
            DEAD_LETTERS.name,
            "entry.set-aside",
            f"{partition_name(self._processor.name, self._partition)}/{self._place.generation}",
            offset + 1,  # versions begin with 1
            self._now_s,
            {
                "processor": self._processor.name,
                "topic": self._processor.topic.name,
                "partition": self._partition,
                "offset": offset,
                "reason": _sentence(reason),
                "event": msgspec.to_builtins(event) if told else None,
            },
        )
        if not self._has_room(len(self._expires) + len(self.events) + 1, len(encode(letter))):
            return False
        self.events.append(letter)
        self.skip(offset)
        return True

    def skip(self, offset: int) -> None:
        """Go on past an entry."""
        self.offset, self.entries = offset + 1, self.entries + 1

    def changes(self) -> list[Change]:
        """Return what to write, but for the entries set aside: those are `events` for the outbox."""
        changes = [self._place.moved(self.offset, len(self.events))]
        for sort, expires_at_s in self._expires.items():
            raw, row = self._raw[sort], self._stored[sort]
            if raw is not None:
                kind, value = sort.partition("/")[0], msgspec.json.decode(raw)
                changes.append(
                    Insert(sort, kind, value, expires_at_s) if row is None else Update(sort, kind, value, row.version, expires_at_s)
                )
            elif row is not None:
                changes.append(Delete(sort, row.version))
        return changes

    def rows(self) -> dict[str, Row | None]:
        """Return the rows that were read, as they stand once this is written."""
        after = dict(self._stored)
        for sort, expires_at_s in self._expires.items():
            raw, row = self._raw[sort], self._stored[sort]
            version = 1 if row is None else row.version + 1
            name, kind = partition_name(self._processor.name, self._partition), sort.partition("/")[0]
            after[sort] = None if raw is None else Row(name, sort, version, kind, msgspec.json.decode(raw), expires_at_s)
        return after

    def sizes_bytes(self) -> dict[str, int]:
        """Return how long the values of `rows` are."""
        return {sort: len(raw or b"") for sort, raw in self._raw.items()}

    def placed(self) -> Place:
        """Return where the processor goes on once this is written."""
        return self._place.after(self.offset, len(self.events))

    def _has_room(self, rows: int, more_bytes: int) -> bool:
        # A first entry always has: if even alone it is too much, the store says so.
        if self.entries and (rows + 1 > BATCH_LIMIT or self._size_bytes + more_bytes > DRAFT_LIMIT_BYTES):
            return False
        self._size_bytes += more_bytes
        return True

    def _value(self, sort: str) -> Value | None:
        raw = self._raw[sort]
        return None if raw is None else msgspec.json.decode(raw)


def _sentence(reason: object) -> str:
    text = f"{type(reason).__name__}: {reason}" if isinstance(reason, BaseException) else str(reason)
    return text.encode(errors="replace").decode()[:REASON_LIMIT]
