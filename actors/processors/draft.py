"""One write of a processor in the making: what becomes of the rows, which entries are set aside, and whether more has room in it. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

import msgspec

from actors.processors.kept import SEEN_KEPT_S, Kept, Place, json_bytes, partition_name
from actors.processors.processor import Processor
from cluster.durable import BATCH_LIMIT, Change, Delete, Insert, Update, Value
from cluster.durable.store import VALUE_LIMIT_BYTES
from cluster.events import DEAD_LETTERS, Event, encode

DRAFT_LIMIT_BYTES: Final = 2 << 20
"""Cassandra takes 3 MiB in one write; what rows have grown to since they were measured goes beside."""
MEASURED_EVERY: Final = 8
"""After so many writes of a row it is looked how large it is now: to do so each time would cost as much as all of `apply`."""
TOLD_LIMIT_BYTES: Final = VALUE_LIMIT_BYTES // 2
"""A larger event is not repeated where it is set aside: it stands in the log."""
REASON_LIMIT: Final = 2000


class Concerned(NamedTuple):
    """The rows that an event concerns."""

    sorts: Mapping[str, str]
    """Their sort keys, by the processor's."""
    seen_sort: str


class Made(NamedTuple):
    """What an event makes of a row; a value None removes it."""

    value: Value | None
    size_bytes: int
    """About how long it is as JSON."""
    expires_at_s: float | None


Applied = Mapping[str, Made]
"""Rows that an event changes, by their sort keys."""


class Draft:
    """Begins with the rows as they are stored, by their sort keys."""

    def __init__(self, processor: Processor, partition: int, place: Place, stored: Mapping[str, Kept | None], now_s: float) -> None:
        self._processor, self._partition, self._place, self._now_s = processor, partition, place, now_s
        self._stored = stored
        self._made: dict[str, Made] = {}
        self._size_bytes = 0
        self.offset, self.entries = place.offset, 0
        self.events: list[Event] = []

    def applied(self, event: Event, concerned: Concerned) -> Applied | None:
        """Return what the processor makes of an event; None if this one, or a later one of its key, was applied before.

        Raises:
            Exception: whatever is wrong with the event.
        """
        seen = self._value(concerned.seen_sort)
        if seen is not None and seen["version"] >= event.entity_version:
            return None
        after = self._processor.apply({key: self._value(sort) for key, sort in concerned.sorts.items()}, event)
        if strange := sorted(after.keys() - concerned.sorts.keys()):
            raise ValueError(f"{self._processor.name} changes {strange[0]!r}, which is none of the event's keys")
        applied = {concerned.seen_sort: self._makes(concerned.seen_sort, {"version": event.entity_version}, self._now_s + SEEN_KEPT_S)}
        for key, value in after.items():
            expires_at_s = None if value is None else self._processor.expires_at_s(key, value)
            applied[concerned.sorts[key]] = self._makes(concerned.sorts[key], value, expires_at_s)
        return applied

    def take(self, offset: int, applied: Applied) -> bool:
        """Take in what an entry comes to; False: it has no room beside the others."""
        more = [made.size_bytes for sort, made in applied.items() if sort not in self._made]
        if not self._has_room(len(self._made) + len(more) + len(self.events), sum(more)):
            return False
        self._made.update(applied)
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
        if not self._has_room(len(self._made) + len(self.events) + 1, len(encode(letter))):
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
        for sort, (value, _, expires_at_s) in self._made.items():
            row, kind = self._stored[sort], sort.partition("/")[0]
            if value is not None:
                changes.append(
                    Insert(sort, kind, value, expires_at_s) if row is None else Update(sort, kind, value, row.version, expires_at_s)
                )
            elif row is not None:
                changes.append(Delete(sort, row.version))
        return changes

    def rows(self) -> dict[str, Kept | None]:
        """Return the rows that were read, as they stand once this is written."""
        after = dict(self._stored)
        for sort, (value, size_bytes, expires_at_s) in self._made.items():
            row = self._stored[sort]
            after[sort] = None if value is None else Kept(1 if row is None else row.version + 1, value, size_bytes, expires_at_s)
        return after

    def placed(self) -> Place:
        """Return where the processor goes on once this is written."""
        return self._place.after(self.offset, len(self.events))

    def _has_room(self, rows: int, more_bytes: int) -> bool:
        # A first entry always has: if even alone it is too much, the store says so.
        if self.entries and (rows + 1 > BATCH_LIMIT or self._size_bytes + more_bytes > DRAFT_LIMIT_BYTES):
            return False
        self._size_bytes += more_bytes
        return True

    def _makes(self, sort: str, value: Value | None, expires_at_s: float | None) -> Made:
        before, stored = self._made.get(sort), self._stored[sort]
        if value is None:
            return Made(None, 0, None)
        known = before.size_bytes if before is not None else (stored.size_bytes if stored is not None else 0)
        due = stored is not None and stored.version % MEASURED_EVERY == 0
        return Made(value, json_bytes(value) if due or not known else known, expires_at_s)

    def _value(self, sort: str) -> Value | None:
        if made := self._made.get(sort):
            return made.value
        kept = self._stored[sort]
        return None if kept is None else kept.value


def _sentence(reason: object) -> str:
    text = f"{type(reason).__name__}: {reason}" if isinstance(reason, BaseException) else str(reason)
    return text.encode(errors="replace").decode()[:REASON_LIMIT]
