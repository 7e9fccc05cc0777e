"""Decides about streams, purely: an account, leases and the time in, a decision out.

An account never has more `stream/` rows than its limit, whatever clocks and leases say; leases only say which row another start may take
over. Knows no store, no lock and no Ray.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Mapping
from typing import Final

import msgspec

from actors.sessions.draft import Decision, Draft
from actors.sessions.rows import Account
from actors.sessions.stream import AccountStream, Beat, Ended, Ending, LiveStream, Pulse, Pulses, Start, Stop, Stream
from cluster.durable import partition_of as spread
from cluster.errors import StreamLimitReached

PARTITIONS: Final = 256
REVIVABLE_LEASES: Final = 10
"""A stream is over that many leases after it was last heard of; until then a beat revives it, if its slot was not taken."""


class Leases(msgspec.Struct, frozen=True):
    """When streams end by themselves."""

    lease_s: float
    taken_over_at_s: float
    """When the shard came up. Beats could not arrive while there was none: the leases that were live then are lengthened, once."""

    def kept_end_s(self, stream: Stream, pulse: Pulse | None) -> float:
        """Return when the lease ends as far as the store knows: what a player may be told."""
        return max(stream.renewed_at_s, pulse.at_s if pulse else 0.0) + self.lease_s

    def end_s(self, stream: Stream, pulse: Pulse | None) -> float:
        """Return when the stream's slot may be given away."""
        end_s = self.kept_end_s(stream, pulse)
        return max(end_s, self.taken_over_at_s + self.lease_s) if end_s > self.taken_over_at_s else end_s


def partition_of(account_id: str) -> int:
    """Return which of the 256 virtual partitions an account is in."""
    return spread(account_id, PARTITIONS)


def admit(account: Account, pulses: Pulses, start: Start, leases: Leases, epoch: int, now_s: float) -> Decision | None:
    """Grant a stream; None if this session runs already.

    Raises:
        StreamLimitReached: as many streams of other devices are live as the account may have; carries them.
    """
    if account.session(start.session_id):
        return None
    ends_s = {held.stream.session_id: leases.end_s(held.stream, pulses.get(held.stream.session_id)) for held in account.streams.values()}
    others = [held.stream for device_id, held in account.streams.items() if device_id != start.device_id]
    others.sort(key=lambda stream: ends_s[stream.session_id])
    live = [stream for stream in others if ends_s[stream.session_id] > now_s]
    if len(live) >= start.limit:
        raise StreamLimitReached(limit=start.limit, streams=[msgspec.to_builtins(each) for each in shown(live, pulses)])
    draft = Draft(account, pulses, epoch, now_s)
    for stream in others[: max(0, len(others) + 1 - start.limit)]:
        draft.end(stream, Ending.EVICTED)
    if start.device_id in account.streams:
        draft.end(account.streams[start.device_id].stream, Ending.REPLACED)
    draft.begin(start)
    return draft.decision()


def end(account: Account, pulses: Pulses, sessions: Mapping[str, Ending], epoch: int, now_s: float) -> Decision | None:
    """End those of the sessions that run; None if none does."""
    running = [held.stream for held in account.streams.values() if held.stream.session_id in sessions]
    if not running:
        return None
    draft = Draft(account, pulses, epoch, now_s)
    for stream in running:
        draft.end(stream, sessions[stream.session_id])
    return draft.decision()


def forget(account: Account, pulses: Pulses, profile_id: str | None, epoch: int, now_s: float) -> Decision | None:
    """End what a deleted profile plays and tell that it is gone, or end what a deleted account plays; None if nothing is to be done."""
    ended = removed(account, profile_id)
    if profile_id is None or not account.version:  # of an account that never played nothing was told
        return end(account, pulses, ended, epoch, now_s)
    draft = Draft(account, pulses, epoch, now_s)
    for held in account.streams.values():
        if held.stream.session_id in ended:
            draft.end(held.stream, Ending.REMOVED)
    draft.forget(profile_id)
    return draft.decision()


def renew(account: Account, pulses: Pulses, session_id: str, leases: Leases, epoch: int, now_s: float) -> Decision | None:
    """Take anew what a session that was just heard of has lost; None if there is nothing to take, or no such session.

    That is its lease, if it had run out and its slot was not taken; and the last word on the place, if all who started the same later
    have let their leases run out. Of those who are live, the latest start decides.
    """
    stream = account.session(session_id)
    if stream is None:
        return None

    def is_live(each: Stream) -> bool:
        return leases.end_s(each, pulses.get(each.session_id)) > now_s

    others = [held.stream for held in account.streams.values() if held.stream.watching == stream.watching and held.stream != stream]
    is_behind = any(other.turn > stream.turn for other in others)
    decides = is_behind and not any(other.order > stream.order and is_live(other) for other in others)
    if is_live(stream) and not decides:
        return None
    draft = Draft(account, pulses, epoch, now_s)
    draft.renew(stream, decides=decides)
    return draft.decision()


def session_of(account: Account, beat: Beat) -> Stream | None:
    """Return the running session that a heartbeat is for; None if it is not of that device and profile."""
    stream = account.session(beat.session_id)
    return stream if stream and (stream.device_id, stream.profile_id) == (beat.device_id, beat.profile_id) else None


def ending_of(stop: Stop, stream: Stream) -> Ending:
    """Return what a stop is to the session that it ends."""
    if stop.by_operator:
        return Ending.OPERATOR
    return Ending.STOPPED if stop.device_id == stream.device_id else Ending.FREED


def saves_place(stop: Stop, stream: Stream) -> bool:
    """Say whether whoever stops knows where the session was."""
    return (stop.device_id, stop.profile_id) == (stream.device_id, stream.profile_id)


def saves_late_place(stop: Stop, ended: Ended, stream: Stream) -> bool:
    """Say the same of a session that has ended; one that was stopped has its place, and one that was deleted shall have none."""
    return ended.ending not in (Ending.STOPPED, Ending.REMOVED) and saves_place(stop, stream)


def removed(account: Account, profile_id: str | None) -> dict[str, Ending]:
    """Return the sessions to end because their profile was deleted; with None, because their account was."""
    streams = (held.stream for held in account.streams.values())
    return {stream.session_id: Ending.REMOVED for stream in streams if profile_id in (None, stream.profile_id)}


def overdue(account: Account, pulses: Pulses, leases: Leases, signed_out: Callable[[str], bool], now_s: float) -> dict[str, Ending]:
    """Return the sessions to end because their device was signed out, or because nothing was heard of them for long."""
    found: dict[str, Ending] = {}
    for device_id, held in account.streams.items():
        session_id = held.stream.session_id
        if signed_out(device_id):
            found[session_id] = Ending.DEVICE_REVOKED
        elif leases.end_s(held.stream, pulses.get(session_id)) + (REVIVABLE_LEASES - 1) * leases.lease_s <= now_s:
            found[session_id] = Ending.SILENT
    return found


def live(account: Account, pulses: Pulses, leases: Leases, now_s: float) -> list[LiveStream]:
    """Return the streams that are live now as people see them, the latest started first."""
    return shown(alive(account, pulses, leases, now_s), pulses)


def alive(account: Account, pulses: Pulses, leases: Leases, now_s: float) -> list[Stream]:
    """Return the streams whose leases have not run out."""
    streams = (held.stream for held in account.streams.values())
    return [stream for stream in streams if leases.end_s(stream, pulses.get(stream.session_id)) > now_s]


def first_of(streams: Iterable[AccountStream], after: str | None, limit: int) -> list[AccountStream]:
    """Return the first streams after a key, the latest started first."""
    return heapq.nsmallest(limit, (each for each in streams if after is None or each.key > after), key=lambda each: each.key)


def shown(streams: Iterable[Stream], pulses: Pulses) -> list[LiveStream]:
    """Return streams as people see them, the latest started first."""
    found = []
    for stream in sorted(streams, key=lambda each: each.turn, reverse=True):
        pulse = pulses.get(stream.session_id)
        found.append(
            LiveStream(
                session_id=stream.session_id,
                device_id=stream.device_id,
                profile_id=stream.profile_id,
                playable_id=stream.playable_id,
                title_id=stream.title_id,
                name=stream.name,
                maturity=stream.maturity,
                started_at_s=stream.started_at_s,
                position_s=pulse.position_s if pulse else stream.position_s,
                state=pulse.state if pulse else "buffering",
            )
        )
    return found
