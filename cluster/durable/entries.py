"""How every adapter of the log stores an event, and what it refuses, alike: one JSON document of a bounded size."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Final

import msgspec

from cluster import events as facts
from cluster.durable.log import Entry, partition_of
from cluster.durable.store import VALUE_LIMIT_BYTES
from cluster.errors import CorruptData, InvalidInput
from cluster.events import Event, Topic

APPEND_LIMIT: Final = 1000
READ_LIMIT: Final = 1000
_NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,62}")


class Record(msgspec.Struct, frozen=True):
    """An event ready to be written."""

    partition: int
    key: str
    raw: bytes


def check_topic(topic: Topic) -> None:
    """Refuse a topic that some adapter could not make."""
    if not _NAME.fullmatch(topic.name) or topic.partitions < 1:
        raise InvalidInput(f"{topic} cannot be a topic: names are [a-z][a-z0-9_]*")


def check_partition(topic: Topic, partition: int) -> None:
    """Refuse a partition that the topic does not have."""
    check_topic(topic)
    if not 0 <= partition < topic.partitions:
        raise InvalidInput(f"Topic {topic.name} has the partitions 0 to {topic.partitions - 1}, not {partition}")


def records_of(topic: Topic, events: Sequence[Event]) -> list[Record]:
    """Return the events of one append as they are written, in their order.

    Raises:
        InvalidInput: too many, one of another topic, or one that is no JSON or too long.
    """
    check_topic(topic)
    if len(events) > APPEND_LIMIT:
        raise InvalidInput(f"At most {APPEND_LIMIT} events are appended at once, not {len(events)}")
    return [_record(topic, event) for event in events]


def entries_of(topic: Topic, partition: int, stored: Iterable[tuple[int, bytes]]) -> list[Entry]:
    """Return what was stored at each offset, up to the first that cannot be read.

    Raises:
        CorruptData: that is the very first; the field `offset` says where it stands.
    """
    entries: list[Entry] = []
    for offset, raw in stored:
        try:
            entries.append(Entry(offset, facts.decode(raw)))
        except (ValueError, RecursionError) as error:  # msgspec's own errors are ValueErrors; bad UTF-8 is one that is not msgspec's
            if entries:
                break
            raise damaged(topic, partition, offset, error) from error
    return entries


def damaged(topic: Topic, partition: int, offset: int, why: object) -> CorruptData:
    """Return the error of an entry that cannot be read."""
    place = f"Entry {offset} of partition {partition} of topic {topic.name}"
    return CorruptData(f"{place} cannot be read: {why}", topic=topic.name, partition=partition, offset=offset)


def _record(topic: Topic, event: Event) -> Record:
    if event.topic != topic.name:
        raise InvalidInput(f"An event of {event.topic} cannot be appended to {topic.name}")
    try:
        raw = facts.encode(event)
    except (TypeError, ValueError, OverflowError, RecursionError) as error:
        raise InvalidInput(f"The event is no JSON: {error}") from error
    if len(raw) > VALUE_LIMIT_BYTES:
        raise InvalidInput(f"An event has at most {VALUE_LIMIT_BYTES} bytes; this one has {len(raw)}")
    return Record(partition_of(topic.placed_by(event.key), topic.partitions), event.key, raw)
