"""The nouns of playback sessions: what is asked of a shard, what it keeps of a stream, and what it answers.

All of them travel between processes by pickle, and `Stream`, `Pulse` and `Place` are stored as JSON: they change by addition only.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Final, Literal

import msgspec

PlayerState = Literal["playing", "paused", "buffering"]

SEQUENCE_BITS: Final = 24
LAST_SEQUENCE: Final = (1 << SEQUENCE_BITS) - 1
"""The sequence of the place that a stop saves: no beat of that session comes after it."""


class Ending(StrEnum):
    """Why a session ended; whatever it was, the edges refuse its signed paths from then on."""

    STOPPED = "stopped"
    """By its own player."""
    FREED = "freed"
    """By another device of the account."""
    REPLACED = "replaced"
    """By a second start on its device."""
    EVICTED = "evicted"
    """Its lease had run out and another start took its slot."""
    SILENT = "silent"
    """Its lease had run out long ago."""
    DEVICE_REVOKED = "device-revoked"
    """Its device was signed out."""
    OPERATOR = "operator"
    """By an operator."""
    REMOVED = "removed"
    """Its profile or account was deleted."""


class Start(msgspec.Struct, frozen=True):
    """A wish to watch. `session_id` is made by the caller and is the operation's id: a repeated start changes nothing."""

    session_id: str
    account_id: str
    device_id: str
    profile_id: str
    playable_id: str
    title_id: str
    kind: str
    name: str
    maturity: int
    duration_s: float
    credits_s: float | None
    """Where the credits begin."""
    position_s: float
    """Where the player resumes."""
    limit: int
    """Simultaneous streams of the account."""
    paths_expire_at_s: float


class Stop(msgspec.Struct, frozen=True):
    """A wish to end a session; `position_s` is saved if the session's own device and profile ask. An operator asks from no device."""

    account_id: str
    session_id: str
    device_id: str
    profile_id: str
    position_s: float | None = None
    by_operator: bool = False


class Beat(msgspec.Struct, frozen=True):
    """A player's heartbeat; `sequence` counts up within the session."""

    session_id: str
    account_id: str
    device_id: str
    profile_id: str
    sequence: int
    position_s: float
    state: PlayerState = "playing"


class Stream(msgspec.Struct, frozen=True):
    """A running session as its row keeps it: what was known at its start."""

    session_id: str
    device_id: str
    profile_id: str
    playable_id: str
    title_id: str
    kind: str
    name: str
    maturity: int
    duration_s: float
    credits_s: float | None
    position_s: float
    paths_expire_at_s: float
    started_at_s: float
    renewed_at_s: float
    """When the lease was last taken by a conditional write: the start, or a beat that came after the lease had run out."""
    turn: int
    """The higher turn decides where a title was stopped: that of the start, or a later one that the place was handed back with."""
    start_turn: int = 0
    """The turn of its start; 0 in rows that came before this field."""

    @property
    def order(self) -> int:
        """Its place in the account's order of starts."""
        return self.start_turn or self.turn

    @property
    def watching(self) -> tuple[str, str]:
        """Who watches what: those who watch the same share a place."""
        return self.profile_id, self.playable_id


class Ended(msgspec.Struct, frozen=True):
    """What is remembered of a session that has ended."""

    ending: str
    device_id: str
    paths_expire_at_s: float
    at_s: float = 0.0
    stream: Stream | None = None
    """None in rows that came before this field."""


class Pulse(msgspec.Struct, frozen=True):
    """The last heartbeat of a session."""

    session_id: str
    sequence: int
    at_s: float
    position_s: float
    state: PlayerState = "playing"


Pulses = Mapping[str, Pulse]
"""Last heartbeats by session."""


class Place(msgspec.Struct, frozen=True):
    """Where a profile stopped watching a playable. Its row's version is (turn, sequence), so the latest session's last beat wins."""

    playable_id: str
    title_id: str
    kind: str
    position_s: float
    duration_s: float
    credits_s: float | None
    updated_at_s: float
    session_id: str


class Admission(msgspec.Struct, frozen=True):
    """A stream was granted."""

    session_id: str
    lease_s: float


class Saved(msgspec.Struct, frozen=True):
    """A heartbeat was saved; `sequence` is the highest one saved, `lease_s` how long the stream lives from now without another."""

    sequence: int
    lease_s: float


class LiveStream(msgspec.Struct, frozen=True):
    """A stream that is live now."""

    session_id: str
    device_id: str
    profile_id: str
    playable_id: str
    title_id: str
    name: str
    maturity: int
    started_at_s: float
    position_s: float
    state: PlayerState


class AccountStream(msgspec.Struct, frozen=True):
    """A live stream, and whose it is."""

    account_id: str
    stream: LiveStream

    @property
    def key(self) -> str:
        """Its place among all streams, the latest started first: the distance from a far future, in microseconds."""
        return f"{10**17 - round(self.stream.started_at_s * 1e6):017d}/{self.stream.session_id}"


class StreamPage(msgspec.Struct, frozen=True):
    """Some of the live streams, the latest started first, and how many are live in all."""

    items: Sequence[AccountStream]
    total: int


class ShardStatus(msgspec.Struct, frozen=True):
    """How a shard is."""

    shard: int
    epoch: int
    live_streams: int
    accounts: int


def version_of(turn: int, sequence: int) -> int:
    """Return the version of a plain row written in this turn with this sequence (63 bits)."""
    return turn << SEQUENCE_BITS | sequence
