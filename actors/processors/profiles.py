"""Keeps what each profile watched lately, and which titles it has begun: what a page for it is made from, read at once. Pure.

A row a profile: `{"plays": [[title, begun at, percent], …], "seen": "…"}`, the latest last. `seen` is a digest of eight letters a title, so
that a row has less than 16 KB. A history that is forgotten takes its row with it. What processors keep can be lost
(docs/adr/0021-profile-state-is-a-copy.md): playback's places are the truth.
"""

from __future__ import annotations

import base64
import hashlib
from bisect import bisect_left
from collections.abc import Mapping
from operator import itemgetter
from typing import Any, Final

import msgspec

from actors.processors.plays import ENDED, STARTED
from actors.processors.processor import Processor, Rows
from cluster.durable import Value, partition_of
from cluster.events import PLAYBACK, Event

FORGOTTEN: Final = "history.forgotten"
PLAYS_LIMIT: Final = 200
SEEN_LIMIT: Final = 650
"""Titles; of more those are let go that were begun longest ago."""
KEPT_S: Final = 400 * 86400.0
"""How long after its last play a profile's row stays."""
_LETTERS: Final = 8


class Play(msgspec.Struct, frozen=True, array_like=True):
    """A play of a title, and how far into it, or its episode, it got."""

    title_id: str
    begun_at_s: int
    percent: int


class ProfileState(msgspec.Struct, frozen=True):
    """What a profile watched."""

    plays: tuple[Play, ...] = ()
    seen: str = ""

    def has_seen(self, title_id: str) -> bool:
        """Say whether the profile has begun a title; one in 10^11 is wrongly taken for one that it has."""
        return digest(title_id) in self.digests

    @property
    def digests(self) -> list[str]:
        """The titles it has begun, the latest last."""
        return [self.seen[at : at + _LETTERS] for at in range(0, len(self.seen), _LETTERS)]


def keys(event: Event) -> list[str]:
    """Return the profile whose play it is, or whose history is forgotten; nothing of a trailer's, and of other events."""
    if event.kind == FORGOTTEN or (event.kind in {STARTED, ENDED} and event.value["kind"] != "trailer"):
        return [str(event.value["profile_id"])]
    return []


def apply(current: Mapping[str, Any], event: Event) -> Rows:
    """Return the profile's row with the play in it."""
    return {profile_id: None if event.kind == FORGOTTEN else _played(row, event) for profile_id, row in current.items()}


def expires_at_s(_profile_id: str, value: Value) -> float:
    """Return when a profile is forgotten that plays nothing any more."""
    return float(value["plays"][-1][1]) + KEPT_S


def state_of(value: Value | None) -> ProfileState:
    """Return a row as it is read."""
    return ProfileState() if value is None else msgspec.convert(value, ProfileState)


def partition_for(account_id: str) -> int:
    """Return the partition that holds an account's profiles."""
    return partition_of(account_id, PLAYBACK.partitions)


def play_of(event: Event) -> Play:
    """Return the play that a beginning or an end is of: both say the same title and time."""
    told = event.value
    begun_at_s = event.occurred_at_s if event.kind == STARTED else told["started_at_s"]
    return Play(str(told["title_id"]), int(begun_at_s), _percent(told["position_s"], told["duration_s"]))


def digest(title_id: str) -> str:
    """Return what `seen` holds of a title."""
    return base64.urlsafe_b64encode(hashlib.blake2b(title_id.encode(), digest_size=_LETTERS * 3 // 4).digest()).decode()


def _played(row: Value | None, event: Event) -> Value:
    # On lists and text as they are stored: to make plays of all of them would cost more than all else.
    play, mark = play_of(event), digest(str(event.value["title_id"]))
    plays = list(row["plays"]) if row is not None else []
    at = bisect_left(plays, play.begun_at_s, key=itemgetter(1))
    while at < len(plays) and plays[at][1] == play.begun_at_s:
        if plays[at][0] == play.title_id:
            del plays[at]
        else:
            at += 1
    plays.insert(at, [play.title_id, play.begun_at_s, play.percent])
    return {
        "plays": plays[-PLAYS_LIMIT:],
        "seen": (_without(mark, row["seen"] if row is not None else "") + mark)[-SEEN_LIMIT * _LETTERS :],
    }


def _without(mark: str, seen: str) -> str:
    at = seen.find(mark)
    while at % _LETTERS and at >= 0:  # across two digests
        at = seen.find(mark, at + 1)
    return seen if at < 0 else seen[:at] + seen[at + _LETTERS :]


def _percent(position_s: float, duration_s: float) -> int:
    return min(100, max(0, int(100 * position_s / duration_s))) if duration_s > 0 else 0


PROFILES: Final = Processor("profiles", PLAYBACK, keys, apply, expires_at_s)
"""Its rows are keyed by profile, in the partition of the profile's account."""
