"""Counts how often titles were begun and watched to their end, day by day, for a week. Pure.

A row a title: `{"days": {"<days since 1970>": [begun, finished]}}`. Nothing in it says who watched.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from actors.processors.processor import Processor, Rows
from cluster.durable import Value
from cluster.events import PLAYBACK, Event

DAY_S: Final = 86400.0
DAYS: Final = 7
"""How many days count: the last of all, and those before it."""
FINISHED_SHARE: Final = 0.95

STARTED: Final = "session.started"
ENDED: Final = "session.ended"


def keys(event: Event) -> list[str]:
    """Return the title of a play; nothing of a trailer's, and of other events."""
    if event.kind not in {STARTED, ENDED} or event.value["kind"] == "trailer":
        return []
    return [str(event.value["title_id"])]


def apply(current: Mapping[str, Any], event: Event) -> Rows:
    """Return the title's days with the play in them."""
    begun, finished = event.kind == STARTED, event.kind == ENDED and _is_finished(event)
    day = day_of(event.occurred_at_s)
    changed: dict[str, Value | None] = {}
    for title_id, row in current.items():
        days: dict[str, list[int]] = dict(row["days"]) if row else {}
        newest = max([day, *map(int, days)])
        if not (begun or finished) or day <= newest - DAYS:
            continue
        counts = days.get(str(day), [0, 0])
        days[str(day)] = [counts[0] + begun, counts[1] + finished]
        changed[title_id] = {"days": {each: counted for each, counted in days.items() if int(each) > newest - DAYS}}
    return changed


def expires_at_s(_title_id: str, value: Value) -> float:
    """Return when the last of a title's days counts no more, with a day to spare for clocks and time zones."""
    return (max(map(int, value["days"])) + DAYS + 1) * DAY_S


def day_of(at_s: float) -> int:
    """Return the number of the day, in UTC."""
    return int(at_s // DAY_S)


def _is_finished(event: Event) -> bool:
    return bool(event.value["position_s"] >= event.value["duration_s"] * FINISHED_SHARE)


PLAYS: Final = Processor("plays", PLAYBACK, keys, apply, expires_at_s)
