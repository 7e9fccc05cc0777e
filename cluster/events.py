"""The facts that services publish, and the topics that carry them.

A fact has a schema version (readers accept this one and the one before), a key (the entity, and what orders it)
and the entity's version: a reader applies it only if that is higher than the version it holds, so duplicates and replays change nothing.
Stored events change by addition only.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec


class Topic(msgspec.Struct, frozen=True):
    """A stream of facts; one key is always in one partition."""

    name: str
    partitions: int = 16


CATALOG: Final = Topic("catalog")
PLAYBACK: Final = Topic("playback")
ACCOUNTS: Final = Topic("accounts")
TOPICS: Final = (CATALOG, PLAYBACK, ACCOUNTS)


class Event(msgspec.Struct, frozen=True, forbid_unknown_fields=False):
    """One fact."""

    topic: str
    kind: str
    """What happened, as noun.past-participle: `title.changed`."""
    key: str
    entity_version: int
    occurred_at_s: float
    value: dict[str, Any]
    schema_version: int = 1


def encode(event: Event) -> bytes:
    """Return the event as JSON."""
    return msgspec.json.encode(event)


def decode(raw: bytes) -> Event:
    """Return the event of `encode`.

    Raises:
        msgspec.ValidationError: the bytes are no event.
    """
    return msgspec.json.decode(raw, type=Event)
