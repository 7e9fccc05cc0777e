"""Decides what of a batch is kept, in which form, and how much one profile may tell. Pure.

A fact's key is `<profile>/<event id>` and its version 1: an event that comes again is one that its readers know already, and all of a
profile stand in one partition. Nothing in it names the account or the device.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec

from cluster.errors import TooManyRequests
from cluster.events import TELEMETRY, Event
from serve_apps.telemetry.schemas import TelemetryEvent

BURST: Final = 600
"""Events that a profile may tell at once: as many as a large home page has cards, and again."""
PER_S: Final = 5.0
"""Events a second that it may tell for ever."""
BELIEVED_S: Final = 86400.0

KINDS: Final = {
    "impression": "card.seen",
    "play_begun": "play.begun",
    "seek": "player.sought",
    "stall": "player.stalled",
    "quality_change": "player.quality-changed",
    "error": "player.failed",
}
"""What the log calls each kind of event."""


class Allowance(msgspec.Struct, frozen=True):
    """How many events a profile might tell at a time."""

    left: float
    at_s: float


def drawn(before: Allowance, events: int, now_s: float) -> Allowance:
    """Return what is left after so many more events.

    Raises:
        TooManyRequests: they are more than the profile may tell now.
    """
    left = min(BURST, before.left + max(0.0, now_s - before.at_s) * PER_S)
    if left < events:
        raise TooManyRequests("Too many events: wait a while", retry_after_s=(events - left) / PER_S)
    return Allowance(left - events, now_s)


def facts(profile_id: str, told: Sequence[TelemetryEvent], now_s: float) -> list[Event]:
    """Return what is kept of a batch: of each id the first."""
    first: dict[str, TelemetryEvent] = {}
    for event in told:
        first.setdefault(event.event_id, event)
    return [_fact(profile_id, event, now_s) for event in first.values()]


def _fact(profile_id: str, event: TelemetryEvent, now_s: float) -> Event:
    value = event.model_dump(exclude={"kind", "at"})
    return Event(
        TELEMETRY.name,
        KINDS[event.kind],
        f"{profile_id}/{event.event_id}",
        1,
        believed_s(event.at.timestamp(), now_s),
        {"profile_id": profile_id, **value, "received_at_s": now_s},
    )


def believed_s(told_s: float, now_s: float) -> float:
    """Return when it was: as told, unless that is to come, or more than a day ago."""
    return told_s if 0 <= now_s - told_s <= BELIEVED_S else now_s
