"""One change of an account's streams in the making: what to write in one conditional batch, and the facts that go with it.

Every draft replaces the account's `owner` row, whose version therefore counts the changes of its streams: what was decided on anything
but the newest state cannot be committed, whoever decided it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import msgspec

from actors.sessions.rows import Account, Held, Owner
from actors.sessions.stream import Ended, Ending, Pulses, Start, Stream
from actors.sessions.tables import ENDED, OWNER, STREAM
from cluster.durable import Change, Check, Delete, Insert, Update
from cluster.events import PLAYBACK, Event

ENDED_KEPT_S: Final = 86400.0
"""How long a session's end is remembered for repeated calls: as long as an Idempotency-Key may repeat its start."""


class Decision(msgspec.Struct, frozen=True):
    """What to write in one batch, and the account once that is durable."""

    account: Account
    changes: Sequence[Change]
    events: Sequence[Event]


class Draft:
    """Every fact takes a turn of the account, so the facts of an account have versions in their order."""

    def __init__(self, account: Account, pulses: Pulses, epoch: int, now_s: float) -> None:
        self._account, self._pulses, self._epoch, self._now_s = account, pulses, epoch, now_s
        self._turn = account.turn
        self._streams = {device_id: held.stream for device_id, held in account.streams.items()}
        self._beside: list[Change] = []
        self._events: list[Event] = []
        self._ended: list[Stream] = []

    def end(self, stream: Stream, why: Ending) -> None:
        """End a running session."""
        pulse = self._pulses.get(stream.session_id)
        del self._streams[stream.device_id]
        self._ended.append(stream)
        ended = Ended(why.value, stream.device_id, stream.paths_expire_at_s, self._now_s, stream)
        self._beside.append(Insert(f"{ENDED}{stream.session_id}", "ended", msgspec.to_builtins(ended), self._now_s + ENDED_KEPT_S))
        self._fact(
            "session.ended",
            stream,
            ending=why.value,
            started_at_s=stream.started_at_s,
            last_heard_at_s=pulse.at_s if pulse else stream.renewed_at_s,
            position_s=pulse.position_s if pulse else stream.position_s,
        )

    def begin(self, start: Start) -> None:
        """Begin a session on a device that has none."""
        self._hand_back()  # before the start takes its turn: nothing goes before the newest start
        given = {field: getattr(start, field) for field in Stream.__struct_fields__ if field in Start.__struct_fields__}
        turn = self._turn + 1
        stream = Stream(**given, started_at_s=self._now_s, renewed_at_s=self._now_s, turn=turn, start_turn=turn)
        self._streams[start.device_id] = stream
        # A start that comes again after its session has ended must not run again.
        self._beside.append(Check(f"{ENDED}{start.session_id}", 0))
        self._fact("session.started", stream, position_s=stream.position_s)

    def forget(self, profile_id: str) -> None:
        """Tell that what a profile watched is nobody's business any more."""
        self._turn += 1
        value = {"account_id": self._account.account_id, "profile_id": profile_id}
        self._events.append(Event(PLAYBACK.name, "history.forgotten", self._account.account_id, self._turn, self._now_s, value))

    def renew(self, stream: Stream, *, decides: bool) -> None:
        """Take the lease of a session anew; also the highest turn, if it decides the place from now on."""
        self._turn += decides
        turn = self._turn if decides else stream.turn
        self._streams[stream.device_id] = msgspec.structs.replace(stream, renewed_at_s=self._now_s, turn=turn, start_turn=stream.order)

    def decision(self) -> Decision:
        """Return what to write."""
        self._hand_back()
        ended = {stream.session_id: stream.paths_expire_at_s for stream in self._ended}
        owner = msgspec.to_builtins(Owner(self._epoch, self._turn, ended))
        version = self._account.version
        changes: list[Change] = [Update(OWNER, "owner", owner, version) if version else Insert(OWNER, "owner", owner)]
        streams: dict[str, Held] = {}
        for device_id in {*self._account.streams, *self._streams}:
            before, stream, sort = self._account.streams.get(device_id), self._streams.get(device_id), f"{STREAM}{device_id}"
            if stream is None and before is not None:
                changes.append(Delete(sort, before.version))
            elif stream is not None and before is None:
                changes.append(Insert(sort, "stream", msgspec.to_builtins(stream)))
                streams[device_id] = Held(stream, 1)
            elif stream is not None and before is not None and stream != before.stream:
                changes.append(Update(sort, "stream", msgspec.to_builtins(stream), before.version))
                streams[device_id] = Held(stream, before.version + 1)
            elif before is not None:
                streams[device_id] = before
        account = Account(self._account.account_id, version + 1, self._epoch, self._turn, streams, ended)
        return Decision(account, [*changes, *self._beside], self._events)

    def _hand_back(self) -> None:
        """Let a device that went on watching decide the place again, once one that started the same title later has ended."""
        for ended in self._ended:
            same = sorted((each for each in self._streams.values() if each.watching == ended.watching), key=lambda each: each.turn)
            if same and same[-1].turn < ended.turn:
                for stream in same:
                    self._turn += 1
                    self._streams[stream.device_id] = msgspec.structs.replace(stream, turn=self._turn, start_turn=stream.order)

    def _fact(self, kind: str, stream: Stream, **more: Any) -> None:
        self._turn += 1
        value = {
            "account_id": self._account.account_id,
            "session_id": stream.session_id,
            "device_id": stream.device_id,
            "profile_id": stream.profile_id,
            "playable_id": stream.playable_id,
            "title_id": stream.title_id,
            "kind": stream.kind,
            "duration_s": stream.duration_s,
            **more,
        }
        self._events.append(Event(PLAYBACK.name, kind, self._account.account_id, self._turn, self._now_s, value))
