"""What is written: tables, a value, events."""

from __future__ import annotations

import time

from cluster.durable import Mode, Table
from cluster.events import PLAYBACK, Event

POINTS = Table("bench_points", Mode.PLAIN, group="bench")
CHAINS = Table("bench_chains", Mode.LINEAR, group="bench")
VALUE = {"position_s": 1234.5, "playable_id": "0123456789abcdef0123456789abcdef", "state": "playing", "filler": "x" * 100}


def event(key: str, number: int) -> Event:
    """Return an event of about 200 bytes."""
    return Event(PLAYBACK.name, "play.started", key, number, time.time(), {"filler": "x" * 60})
