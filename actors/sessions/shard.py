"""A session shard: the live sessions of some of the 256 virtual partitions of accounts.

Main path: Sessions.start -> SessionShard.start -> policy.admit -> one conditional batch -> memory.
Knows nothing of HTTP, manifests, titles or profiles.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager

import structlog

from actors.sessions import policy
from actors.sessions.draft import Decision
from actors.sessions.ownership import Decide, Kept, Ownership, take_epoch
from actors.sessions.rows import Account, beat_row, place_row, pulse_of, within
from actors.sessions.stream import (
    LAST_SEQUENCE,
    Admission,
    Beat,
    Ending,
    LiveStream,
    Pulse,
    Pulses,
    Saved,
    ShardStatus,
    Start,
    Stop,
    Stream,
)
from actors.sessions.tables import ENDED, Tables
from cluster.durable import Row
from cluster.durable.store import PUT_LIMIT
from cluster.errors import Fenced, MatineeError, SessionNotFound, VersionConflict

log = structlog.get_logger()


class SessionShard:
    """Owns the streams of the accounts whose virtual partition is `shard` modulo `shards`.

    Survives a crash: everything acknowledged. The first call takes a new epoch; accounts are read back at their first call or by the
    sweep, and leases that were live then are lengthened once. Superseded, it forgets everything; asked again, it takes a new epoch.
    Repeated calls: a start is idempotent on its session's id, a stop too (for ten minutes), a beat on (session, sequence).
    Undecorated on purpose: tests build it in process, without Ray.
    """

    def __init__(
        self,
        shard: int,
        shards: int,
        open_tables: Callable[[], Awaitable[Tables]],
        lease_s: float,
        now_s: Callable[[], float] = time.time,
        sweep_every_s: float | None = None,
    ) -> None:
        """Bind the recipe; `sweep_every_s` None leaves sweeping to the caller."""
        self._shard, self._shards, self._open_tables = shard, shards, open_tables
        self._lease_s, self._now_s, self._sweep_every_s = lease_s, now_s, sweep_every_s
        self._tables: Tables | None = None
        self._owned: Ownership | None = None
        self._taking = asyncio.Lock()
        self._sweeping: asyncio.Task[None] | None = None

    async def start(self, start: Start) -> Admission:
        """Admit a stream; a second start on a device replaces its first.

        Raises:
            StreamLimitReached: the account's simultaneous streams are used up; carries the live ones.
            Fenced: another owner has taken this shard over; the caller asks again.
        """
        async with self._ownership() as owned:
            admission = Admission(start.session_id, self._lease_s)
            try:
                await owned.change(
                    start.account_id,
                    lambda account, kept: policy.admit(account, kept.pulses, start, owned.leases, owned.epoch, self._now_s()),
                )
            except VersionConflict as conflict:
                if f"{ENDED}{start.session_id}" in conflict.fields.get("failed", ()):
                    return admission  # granted once, and ended since
                raise
            return admission

    async def stop(self, stop: Stop) -> None:
        """End a session, its own or another of the account.

        Raises:
            SessionNotFound: the account has no such session, nor had it lately.
        """
        async with self._ownership() as owned:
            _, account = await owned.current(stop.account_id, stop.session_id)
            stream = account.session(stop.session_id)
            if stream is None:
                if await owned.tables.streams.get(stop.account_id, f"{ENDED}{stop.session_id}") is None:
                    raise SessionNotFound
                return
            last: Pulses = {}
            if stop.position_s is not None and policy.saves_place(stop, stream):
                position_s, now_s = within(stream, stop.position_s), self._now_s()
                await owned.tables.places.put([place_row(stop.account_id, stream, LAST_SEQUENCE, position_s, now_s)])
                last = {stream.session_id: Pulse(stream.session_id, LAST_SEQUENCE, now_s, position_s)}
            await owned.change(stop.account_id, self._ender(owned, {stop.session_id: policy.ending_of(stop, stream)}, last))

    async def beat(self, beats: Sequence[Beat]) -> list[Saved | None]:
        """Keep sessions alive and their places saved, in one commit for all that arrived together.

        Returns for each beat the highest sequence saved, or None if there is no such session (any more) on that device and profile.
        A beat after the lease has run out takes the lease anew if the slot is still the session's.
        """
        async with self._ownership() as owned:
            keys = list({(beat.account_id, beat.session_id) for beat in beats})
            await asyncio.gather(*(owned.current(*key) for key in keys))
            fresh: dict[str, tuple[str, Stream, Pulse]] = {}
            for beat in beats:
                kept, stream = await self._of(owned, beat)
                if stream is None:
                    continue
                known = fresh[beat.session_id][2] if beat.session_id in fresh else kept.pulses.get(beat.session_id)
                if known is None or beat.sequence > known.sequence:
                    fresh[beat.session_id] = beat.account_id, stream, pulse_of(stream, beat, self._now_s())
            rows: list[Row] = []
            for account_id, stream, pulse in fresh.values():
                rows += beat_row(account_id, stream, pulse), place_row(account_id, stream, pulse.sequence, pulse.position_s, pulse.at_s)
            await asyncio.gather(*(owned.tables.places.put(rows[at : at + PUT_LIMIT]) for at in range(0, len(rows), PUT_LIMIT)))
            await owned.confirm()
            for account_id, stream, pulse in fresh.values():
                await self._extend(owned, account_id, stream.session_id, pulse)
            return [await self._saved(owned, beat) for beat in beats]

    async def live(self, account_id: str) -> list[LiveStream]:
        """Return the account's live streams, the latest started first."""
        async with self._ownership() as owned:
            await owned.confirm()
            kept, account = await owned.current(account_id)
            return policy.live(account, kept.pulses, owned.leases, self._now_s())

    async def status(self) -> ShardStatus:
        """Return how this shard is; after a restart the streams are counted as they are read back."""
        async with self._ownership() as owned:
            now_s = self._now_s()
            live = sum(len(policy.live(kept.account, kept.pulses, owned.leases, now_s)) for _, kept in owned if kept.account)
            return ShardStatus(self._shard, owned.epoch, live, len(owned))

    async def sweep(self) -> None:
        """End the sessions of signed-out devices and those not heard of for long; forget accounts without streams."""
        if self._owned is None:  # nobody has asked this shard yet, or it was superseded
            return
        async with self._ownership() as owned:
            await owned.confirm()
            await owned.read_back()
            for account_id, _ in owned:
                kept, account = await owned.current(account_id)
                overdue = policy.overdue(account, kept.pulses, owned.leases, owned.tables.signed_out, self._now_s())
                if overdue:
                    await owned.change(account_id, self._ender(owned, overdue))
                elif not account.streams:
                    await owned.forget(account_id)

    async def close(self) -> None:
        """Stop sweeping and close the tables."""
        if self._sweeping is not None:
            self._sweeping.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._sweeping
        if self._tables is not None:
            await self._tables.close()

    @asynccontextmanager
    async def _ownership(self) -> AsyncIterator[Ownership]:
        async with self._taking:  # Ray has no async constructor: the first call opens, the others wait
            if self._tables is None:
                self._tables = await self._open_tables()
            if self._owned is None:
                epoch = await take_epoch(self._tables.streams, self._shard, self._shards)
                self._owned = Ownership(self._tables, self._shard, self._shards, epoch, self._lease_s, self._now_s)
                log.info("session shard took over", shard=self._shard, epoch=epoch)
            if self._sweeping is None and self._sweep_every_s is not None:
                self._sweeping = asyncio.create_task(self._sweep_on(self._sweep_every_s), name="session sweep")
            owned = self._owned
        try:
            yield owned
        except Fenced:
            if self._owned is owned:
                self._owned = None
            raise

    @staticmethod
    async def _of(owned: Ownership, beat: Beat) -> tuple[Kept, Stream | None]:
        """Return the session that a beat is for, if it is of that device and profile."""
        kept, account = await owned.current(beat.account_id)
        stream = account.session(beat.session_id)
        if stream is not None and (stream.device_id, stream.profile_id) != (beat.device_id, beat.profile_id):
            stream = None
        return kept, stream

    async def _extend(self, owned: Ownership, account_id: str, session_id: str, pulse: Pulse) -> None:
        """Remember a heartbeat that is durable, unless the session ended or its lease ran out while it was written."""
        kept, account = await owned.current(account_id)
        stream = account.session(session_id)
        before = kept.pulses.get(session_id)
        if stream is None or (before is not None and before.sequence >= pulse.sequence):
            return
        if owned.leases.end_s(stream, before) <= self._now_s():
            # Another owner could be giving its slot away: only a condition can tell.
            def revive(account: Account, kept: Kept) -> Decision | None:
                return policy.revive(account, kept.pulses, session_id, owned.epoch, self._now_s())

            if await owned.change(account_id, revive) is None:
                return
        kept.pulses[session_id] = pulse

    async def _saved(self, owned: Ownership, beat: Beat) -> Saved | None:
        kept, stream = await self._of(owned, beat)
        pulse = kept.pulses.get(beat.session_id)
        if stream is None or pulse is None:
            return None
        return Saved(pulse.sequence, max(0.0, owned.leases.kept_end_s(stream, pulse) - self._now_s()))

    def _ender(self, owned: Ownership, sessions: dict[str, Ending], last: Pulses | None = None) -> Decide:
        return lambda account, kept: policy.end(account, {**kept.pulses, **(last or {})}, sessions, owned.epoch, self._now_s())

    async def _sweep_on(self, every_s: float) -> None:
        while True:
            await asyncio.sleep(every_s)
            try:
                await self.sweep()
            except MatineeError as error:
                log.warning("session sweep put off", shard=self._shard, reason=error.detail)
