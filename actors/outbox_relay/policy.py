"""When to look at a hinted partition, and at which time slots. Pure; knows neither store nor log."""

from __future__ import annotations

from typing import Final

import msgspec

from cluster.durable.outbox import GRACE_S, Hint, slot_of

SWEEP_INTERVAL_S: Final = 1.0
SWEEPS_SHARE: Final = 0.1
"""Of the time, where many hints make a sweep long: what was nudged does not wait for it."""
LONGEST_PAUSE_S: Final = 15.0
"""Between two sweeps, whatever share of the time that makes: what nobody nudged for waits for it."""
LATE_S: Final = 300.0
"""How long a slot is looked at after its end: a commit comes less late after its hint, and clocks of several machines differ by less."""
LATE_INTERVAL_S: Final = 15.0
LIVE_SLOTS: Final = 60
BACKLOG_SLOTS: Final = 120
"""How many old slots of a bucket are caught up in one sweep."""
RETRY_LIMIT_S: Final = 5.0


class Look(msgspec.Struct, frozen=True):
    """The last look at a hint's partition."""

    hint: Hint
    at_s: float
    failed: bool = False
    settled: bool = False
    """Whether its writer had said before that look that nothing more comes of this hint."""


def is_due(hint: Hint, last: Look | None, now_s: float, *, patient: bool) -> bool:
    """Decide whether to look again: at growing intervals after the hint, since the commit usually follows at once.

    `patient=False` looks at everything that is not settled.
    """
    if last is None or last.hint.version != hint.version:
        return True
    age_s, waited_s = now_s - hint.hinted_at_s, now_s - last.at_s
    if not last.failed and last.settled:
        return False
    if not patient or waited_s < 0:  # below 0: the clock was set back
        return True
    if last.failed:
        return waited_s >= min(RETRY_LIMIT_S, age_s)
    return waited_s >= max(SWEEP_INTERVAL_S, last.at_s - hint.hinted_at_s)


def pause_s(sweep_took_s: float, *, failed: bool) -> float:
    """Return how long to wait after a sweep; one that failed says by its length how long a server took not to answer."""
    if failed:
        return SWEEP_INTERVAL_S
    return min(LONGEST_PAUSE_S, max(SWEEP_INTERVAL_S, sweep_took_s * (1 / SWEEPS_SHARE - 1)))


def first_live_slot(now_s: float) -> int:
    """Return the oldest slot whose hints may still come."""
    return slot_of(now_s - LATE_S)


def first_fresh_slot(now_s: float) -> int:
    """Return the oldest slot where a commit is likely to follow its hint."""
    return slot_of(now_s - GRACE_S)
