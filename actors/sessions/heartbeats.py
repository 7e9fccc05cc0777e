"""Heartbeats that arrived together: saved in one commit, answered each by itself.

Main path: save -> the running session of each (its lease and its say taken anew where that is due) -> one commit -> memory -> answers.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from typing import Final

import msgspec

from actors.sessions import policy
from actors.sessions.ownership import Ownership, apart
from actors.sessions.rows import beat_row, place_row, pulse_of
from actors.sessions.stream import Beat, Pulse, Saved, Stream
from cluster.durable import Row
from cluster.durable.store import PUT_LIMIT
from cluster.errors import MatineeError, Overloaded

ROUNDS: Final = 5

Answer = Saved | MatineeError | None
"""None: there is no such session (any more) on that device and profile."""


class Heard(msgspec.Struct, frozen=True):
    """A heartbeat that is to be saved, and its session as of now."""

    account_id: str
    stream: Stream
    pulse: Pulse


async def save(owned: Ownership, beats: Sequence[Beat], now_s: Callable[[], float]) -> list[Answer]:
    """Save heartbeats; what is wrong with one account is answered to its beats alone.

    Raises:
        Fenced: another owner has taken the shard over.
        Overloaded: the session's leases run out faster than heartbeats can be written.
    """
    failed: dict[str, MatineeError] = {}
    waiting = _latest(beats)
    for round_ in range(ROUNDS):
        found = await asyncio.gather(*(apart(_heard(owned, each, now_s), failed, account_id) for account_id, each in waiting.items()))
        heard = [each for account in found for each in account or ()]
        if round_ and not heard:
            return [failed.get(beat.account_id) or await _answer(owned, beat, now_s()) for beat in beats]
        rows: list[Row] = []
        for each in heard:
            rows.append(beat_row(each.account_id, each.stream, each.pulse))
            rows.append(place_row(each.account_id, each.stream, each.pulse.sequence, each.pulse.position_s, each.pulse.at_s))
        await asyncio.gather(*(owned.tables.places.put(rows[at : at + PUT_LIMIT]) for at in range(0, len(rows), PUT_LIMIT)))
        await owned.confirm()
        for each in heard:  # one after another: they are in memory
            await apart(_remember(owned, each, now_s), failed, each.account_id)
        # Once more those that could not be remembered as they were written.
        waiting = {each.account_id: waiting[each.account_id] for each in heard if each.account_id not in failed}
    raise Overloaded("Leases run out before heartbeats are written")


def _latest(beats: Iterable[Beat]) -> dict[str, list[Beat]]:
    """Return the highest beat of each player, by account."""
    latest: dict[tuple[str, str, str, str], Beat] = {}
    for beat in sorted(beats, key=lambda beat: beat.sequence):
        latest[beat.account_id, beat.session_id, beat.device_id, beat.profile_id] = beat
    accounts: dict[str, list[Beat]] = {}
    for beat in latest.values():
        accounts.setdefault(beat.account_id, []).append(beat)
    return accounts


async def _heard(owned: Ownership, beats: Sequence[Beat], now_s: Callable[[], float]) -> list[Heard]:
    """Return an account's beats that say something new of sessions that run."""
    heard = []
    for beat in beats:
        kept, account = await owned.current(beat.account_id, beat.session_id)
        known = kept.pulses.get(beat.session_id)
        if policy.session_of(account, beat) is None or (known is not None and known.sequence >= beat.sequence):
            continue
        stream = await owned.renewed(beat.account_id, beat.session_id)
        if stream is not None:
            heard.append(Heard(beat.account_id, stream, pulse_of(stream, beat, now_s())))
    return heard


async def _remember(owned: Ownership, heard: Heard, now_s: Callable[[], float]) -> None:
    """Remember a beat that is durable, unless its session ended, lost its lease or took another turn while it was written."""
    kept, account = await owned.current(heard.account_id)
    stream = account.session(heard.stream.session_id)
    before = kept.pulses.get(heard.stream.session_id)
    if before is not None and before.sequence >= heard.pulse.sequence:
        return
    if stream is not None and stream.turn == heard.stream.turn and owned.leases.end_s(stream, before) > now_s():
        kept.pulses[stream.session_id] = heard.pulse


async def _answer(owned: Ownership, beat: Beat, now_s: float) -> Saved | None:
    kept, account = await owned.current(beat.account_id)
    stream, pulse = policy.session_of(account, beat), kept.pulses.get(beat.session_id)
    if stream is None or pulse is None:
        return None
    return Saved(pulse.sequence, max(0.0, owned.leases.kept_end_s(stream, pulse) - now_s))
