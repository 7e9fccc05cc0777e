"""How accounts, heartbeats and places stand in rows, and how they are read back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from actors.sessions.stream import Beat, Ended, Place, Pulse, Stream, version_of
from actors.sessions.tables import BEAT, place_sort
from cluster.durable import Row
from cluster.errors import CorruptData

BEAT_KEPT_S: Final = 86400.0


class Held(msgspec.Struct, frozen=True):
    """A stream with its row's version."""

    stream: Stream
    version: int


class Account(msgspec.Struct, frozen=True):
    """An account's streams by device, as of a version of its `owner` row; 0 means that there is none yet."""

    account_id: str
    version: int = 0
    epoch: int = 0
    turn: int = 0
    streams: Mapping[str, Held] = msgspec.field(default_factory=dict)
    ended: Mapping[str, float] = msgspec.field(default_factory=dict)
    """The sessions that the last change ended, and when their signed paths expire: who made it may have died before the edges were told."""

    def session(self, session_id: str) -> Stream | None:
        """Return the running session of this id."""
        for held in self.streams.values():
            if held.stream.session_id == session_id:
                return held.stream
        return None


class Owner(msgspec.Struct, frozen=True):
    """What an `owner` row holds: see Account."""

    epoch: int
    turn: int
    ended: Mapping[str, float] = msgspec.field(default_factory=dict)


def read_account(account_id: str, owner: Row | None, streams: Sequence[Row]) -> Account:
    """Return an account as its rows have it.

    `owner` must have been read before `streams`: a change between the two is then found out by the next condition on `owner`.
    """
    if owner is None:
        return Account(account_id)
    try:
        held = [Held(msgspec.convert(row.value, Stream), row.version) for row in streams]
        last = msgspec.convert(owner.value, Owner)
    except msgspec.ValidationError as error:
        raise CorruptData(f"The streams of an account cannot be read: {error}") from error
    return Account(account_id, owner.version, last.epoch, last.turn, {each.stream.device_id: each for each in held}, last.ended)


def read_pulses(beats: Sequence[Row]) -> list[Pulse]:
    """Return the last heartbeats as their rows have them; one that cannot be read costs only its lease."""
    pulses = []
    for row in beats:
        try:
            pulses.append(msgspec.convert(row.value, Pulse))
        except msgspec.ValidationError:
            continue
    return pulses


def read_ended(row: Row) -> Ended:
    """Return how a session ended.

    Raises:
        CorruptData: the row says nothing of it.
    """
    try:
        return msgspec.convert(row.value, Ended)
    except msgspec.ValidationError as error:
        raise CorruptData(f"The end of a session cannot be read: {error}") from error


def read_place(row: Row) -> Place:
    """Return where a profile stopped.

    Raises:
        CorruptData: the row is no place.
    """
    try:
        return msgspec.convert(row.value, Place)
    except msgspec.ValidationError as error:
        raise CorruptData(f"A place cannot be read: {error}") from error


def pulse_of(stream: Stream, beat: Beat, now_s: float) -> Pulse:
    """Return the heartbeat to keep; its position is within the playable."""
    return Pulse(stream.session_id, beat.sequence, now_s, within(stream, beat.position_s), beat.state)


def within(stream: Stream, position_s: float) -> float:
    """Return the position, bounded to the playable."""
    return min(max(0.0, position_s), stream.duration_s)


def beat_row(account_id: str, stream: Stream, pulse: Pulse) -> Row:
    """Return the row that keeps a session's last heartbeat."""
    version = version_of(stream.turn, pulse.sequence)
    return Row(account_id, f"{BEAT}{stream.device_id}", version, "beat", msgspec.to_builtins(pulse), pulse.at_s + BEAT_KEPT_S)


def place_row(account_id: str, stream: Stream, sequence: int, position_s: float, now_s: float) -> Row:
    """Return the row that keeps where a profile is in a playable."""
    place = Place(
        playable_id=stream.playable_id,
        title_id=stream.title_id,
        kind=stream.kind,
        position_s=position_s,
        duration_s=stream.duration_s,
        credits_s=stream.credits_s,
        updated_at_s=now_s,
        session_id=stream.session_id,
    )
    sort = place_sort(stream.profile_id, stream.playable_id)
    return Row(account_id, sort, version_of(stream.turn, sequence), "place", msgspec.to_builtins(place))
