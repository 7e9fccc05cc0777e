"""A session shard: the live sessions of some of the 256 virtual partitions of accounts.

Main path: Sessions.start -> SessionShard.start -> policy.admit -> one conditional batch -> memory.
Knows nothing of HTTP, manifests, titles or profiles.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Final

import structlog

from actors.sessions import heartbeats, policy
from actors.sessions.draft import Decision
from actors.sessions.heartbeats import Answer
from actors.sessions.ownership import Decide, Kept, Ownership, apart, take_epoch
from actors.sessions.rows import Account, place_row, read_ended, within
from actors.sessions.stream import (
    LAST_SEQUENCE,
    AccountStream,
    Admission,
    Beat,
    Ending,
    LiveStream,
    Pulse,
    Pulses,
    ShardStatus,
    Start,
    Stop,
    StreamPage,
)
from actors.sessions.tables import ENDED, Tables
from cluster.errors import Fenced, MatineeError, SessionNotFound, VersionConflict

log = structlog.get_logger()

ACCOUNTS_AT_ONCE: Final = 1000


class SessionShard:
    """Owns the streams of the accounts whose virtual partition is `shard` modulo `shards`.

    Survives a crash: everything acknowledged. The first call or sweep takes a new epoch; accounts are read back at their first call or by
    the sweep, and leases that were live then are lengthened once. Superseded, it forgets everything; asked again, it takes a new epoch.
    Repeated calls: a start is idempotent on its session's id, a stop too (for a day), a beat on (session, sequence).
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
        """Bind the recipe; `sweep_every_s` None leaves sweeping to the caller, anything else needs a running event loop."""
        self._shard, self._shards, self._open_tables = shard, shards, open_tables
        self._lease_s, self._now_s = lease_s, now_s
        self._tables: Tables | None = None
        self._owned: Ownership | None = None
        self._taking = asyncio.Lock()
        self._failing: dict[str, MatineeError] = {}
        self._sweeping: asyncio.Task[None] | None = None
        if sweep_every_s is not None:
            self._sweeping = asyncio.create_task(self._sweep_on(sweep_every_s), name="session sweep")

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
            stream, last = account.session(stop.session_id), dict[str, Pulse]()
            if stream is not None and stop.position_s is not None and policy.saves_place(stop, stream):
                stream = await owned.renewed(stop.account_id, stop.session_id)
                if stream is not None:
                    position_s, now_s = within(stream, stop.position_s), self._now_s()
                    await owned.tables.places.put([place_row(stop.account_id, stream, LAST_SEQUENCE, position_s, now_s)])
                    last = {stream.session_id: Pulse(stream.session_id, LAST_SEQUENCE, now_s, position_s)}
            if stream is None:
                await self._stop_late(owned, stop)
                return
            ending = {stop.session_id: policy.ending_of(stop, stream)}
            await owned.change(stop.account_id, self._ender(owned, lambda *_: ending, last))

    async def end_all(self, account_id: str, profile_id: str | None = None) -> None:
        """End every session of an account, or of one of its profiles, that was deleted, and publish that a profile is; idempotent."""
        async with self._ownership() as owned:

            def decide(account: Account, kept: Kept) -> Decision | None:
                return policy.forget(account, kept.pulses, profile_id, owned.epoch, self._now_s())

            if await owned.change(account_id, decide) is None:
                await owned.confirm()  # a newer owner may have started what is unknown here

    async def beat(self, beats: Sequence[Beat]) -> list[Answer]:
        """Keep sessions alive and their places saved, in one commit for all that arrived together.

        Returns for each beat the highest sequence saved, None if there is no such session (any more) on that device and profile, or what
        was wrong with its account. A beat after the lease has run out takes the lease anew if the slot is still the session's.
        """
        async with self._ownership() as owned:
            return await heartbeats.save(owned, beats, self._now_s)

    async def live(self, account_id: str) -> list[LiveStream]:
        """Return the account's live streams, the latest started first."""
        async with self._ownership() as owned:
            await owned.confirm()
            kept, account = await owned.current(account_id)
            return policy.live(account, kept.pulses, owned.leases, self._now_s())

    async def streams(self, after: str | None, limit: int) -> StreamPage:
        """Return the first live streams of all accounts after a key (`AccountStream.key`), and how many are live.

        After a restart streams are told of as they are read back.
        """
        async with self._ownership() as owned:
            await owned.confirm()
            now_s, first, total = self._now_s(), list[AccountStream](), 0
            for number, (account_id, kept) in enumerate(owned, 1):
                if kept.account is not None:
                    alive = policy.alive(kept.account, kept.pulses, owned.leases, now_s)
                    total += len(alive)
                    if limit:  # who only counts needs no words about each
                        first += [AccountStream(account_id, stream) for stream in policy.shown(alive, kept.pulses)]
                if number % ACCOUNTS_AT_ONCE == 0:
                    first = policy.first_of(first, after, limit)
                    await asyncio.sleep(0)  # heartbeats go on meanwhile
            return StreamPage(policy.first_of(first, after, limit), total)

    async def status(self) -> ShardStatus:
        """Return how this shard is; after a restart the streams are counted as they are read back."""
        async with self._ownership() as owned:
            now_s = self._now_s()
            live = sum(len(policy.alive(kept.account, kept.pulses, owned.leases, now_s)) for _, kept in owned if kept.account)
            return ShardStatus(self._shard, owned.epoch, live, len(owned))

    async def sweep(self) -> None:
        """End the sessions of signed-out devices and those not heard of for long; forget accounts without streams."""
        if self._owned is None:  # it was superseded: only who is asked takes over again
            return
        async with self._ownership() as owned:
            await owned.confirm()
            failed: dict[str, MatineeError] = {}
            await owned.read_back(failed)
            for account_id, _ in owned:
                await apart(self._sweep_account(owned, account_id), failed, account_id)
            for account_id in failed.keys() - self._failing.keys():  # told once, not twice a second
                log.error("account left out of the sweep", account_id=account_id, reason=failed[account_id].detail)
            self._failing = failed

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
        async with self._taking:  # a constructor cannot await: the first call opens, the others wait
            if self._tables is None:
                self._tables = await self._open_tables()
            if self._owned is None:
                epoch = await take_epoch(self._tables.streams, self._shard, self._shards)
                self._owned = Ownership(self._tables, self._shard, self._shards, epoch, self._lease_s, self._now_s)
                log.info("session shard took over", shard=self._shard, epoch=epoch)
            owned = self._owned
        try:
            yield owned
        except Fenced:
            if self._owned is owned:
                self._owned = None
            raise

    async def _stop_late(self, owned: Ownership, stop: Stop) -> None:
        """Stop a session that has ended already: its place is kept as of its end, if its player had no say in that."""
        row = await owned.tables.streams.get(stop.account_id, f"{ENDED}{stop.session_id}")
        await owned.confirm()  # a newer owner may have started what is unknown here
        if row is None:
            raise SessionNotFound
        ended = read_ended(row)
        if stop.position_s is not None and ended.stream is not None and policy.saves_late_place(stop, ended, ended.stream):
            position_s = within(ended.stream, stop.position_s)
            await owned.tables.places.put([place_row(stop.account_id, ended.stream, LAST_SEQUENCE, position_s, ended.at_s)])

    async def _sweep_account(self, owned: Ownership, account_id: str) -> None:
        def overdue(account: Account, pulses: Pulses) -> Mapping[str, Ending]:
            return policy.overdue(account, pulses, owned.leases, owned.tables.signed_out, self._now_s())

        kept, account = await owned.current(account_id)
        if not account.streams:
            await owned.forget(account_id)
        elif overdue(account, kept.pulses):
            await owned.change(account_id, self._ender(owned, overdue))  # decided anew there: a beat may have come first

    def _ender(self, owned: Ownership, which: Callable[[Account, Pulses], Mapping[str, Ending]], last: Pulses | None = None) -> Decide:
        def decide(account: Account, kept: Kept) -> Decision | None:
            pulses = {**kept.pulses, **(last or {})}
            return policy.end(account, pulses, which(account, pulses), owned.epoch, self._now_s())

        return decide

    async def _sweep_on(self, every_s: float) -> None:
        took_over = False
        while True:
            try:
                if not took_over:  # once, unasked: after a crash it may be that nobody calls, and streams are to end all the same
                    await self.status()
                    took_over = True
                await self.sweep()
            except Exception as error:
                log.warning("session sweep put off", shard=self._shard, reason=str(error), kind=type(error).__name__)
            await asyncio.sleep(every_s)
