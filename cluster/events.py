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
    retention_s: float | None = None
    """How long its entries are kept; None: as long as the log keeps any."""
    grouped: bool = False
    """Its keys are `<group>/<fact>`: all of a group are in one partition, while each fact is told from the others by its whole key."""

    def placed_by(self, key: str) -> str:
        """Return what of a key decides its partition."""
        return key.partition("/")[0] if self.grouped else key


CATALOG: Final = Topic("catalog")
PLAYBACK: Final = Topic("playback", retention_s=90 * 86400.0)
"""What was watched; models learn from it (MATINEE_PLAYS_KEPT_DAYS says otherwise)."""
ACCOUNTS: Final = Topic("accounts")
AUDIT: Final = Topic("audit", partitions=1, retention_s=400 * 86400.0)
"""What operators did (serve_apps/audit.py): so little that one partition holds it, in one order; kept for more than a year."""
DEAD_LETTERS: Final = Topic("dead_letters", partitions=1, retention_s=400 * 86400.0)
"""Entries that a log processor could make nothing of, and why (actors/processors/draft.py)."""
TELEMETRY: Final = Topic("telemetry", retention_s=30 * 86400.0, grouped=True)
"""What sites and players saw and did (serve_apps/telemetry), keyed `<profile>/<event>`: long enough to learn from, and no longer."""
TOPICS: Final = (CATALOG, PLAYBACK, ACCOUNTS, AUDIT, DEAD_LETTERS, TELEMETRY)


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
