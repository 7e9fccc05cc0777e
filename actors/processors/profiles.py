"""Keeps what each profile watched lately, and which titles it has begun: what a page for it is made from, read at once. Pure.

A row a profile: `{"plays": [[title, begun at, percent], …], "seen": "…"}`, the latest last. `seen` is a digest of eight letters a title, so
that a row has at most some 20 KB. A history that is forgotten takes its row with it. What processors keep can be lost
(docs/adr/0021-profile-state-is-a-copy.md): playback's places are the truth.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from actors.processors.plays import ENDED, STARTED
from actors.processors.processor import Processor, Rows
from cluster.durable import Value, partition_of
from cluster.events import PLAYBACK, Event

FORGOTTEN: Final = "history.forgotten"
PLAYS_LIMIT: Final = 200
SEEN_LIMIT: Final = 1000
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
    return max(float(play[1]) for play in value["plays"]) + KEPT_S


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
    state, play = state_of(row), play_of(event)
    others = [each for each in state.plays if (each.title_id, each.begun_at_s) != (play.title_id, play.begun_at_s)]
    plays = sorted([*others, play], key=lambda each: each.begun_at_s)[-PLAYS_LIMIT:]
    seen = [each for each in state.digests if each != digest(play.title_id)] + [digest(play.title_id)]
    return {"plays": msgspec.to_builtins(plays), "seen": "".join(seen[-SEEN_LIMIT:])}


def _percent(position_s: float, duration_s: float) -> int:
    return min(100, max(0, int(100 * position_s / duration_s))) if duration_s > 0 else 0


PROFILES: Final = Processor("profiles", PLAYBACK, keys, apply, expires_at_s)
"""Its rows are keyed by profile, in the partition of the profile's account."""
