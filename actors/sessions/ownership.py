"""What a shard holds in memory from the moment it takes its epoch until another takes it over, and how it changes that.

Main path: take -> current (an account read once) -> change (decide, commit, shut out, remember). Memory is believed only for accounts whose
`owner` row carries this epoch; any other is read again before it is changed.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Iterator, Mapping
from typing import Final, TypeVar

from actors.sessions.draft import Decision
from actors.sessions.locks import AccountLocks
from actors.sessions.policy import PARTITIONS, Leases, partition_of, renew
from actors.sessions.rows import Account, read_account, read_pulses
from actors.sessions.stream import Pulse, Stream
from actors.sessions.tables import BEAT, OWNER, OWNERS, SHARDS, STREAM, Tables, live_partition
from cluster.durable import Row, Store
from cluster.durable.store import SCAN_LIMIT
from cluster.edge.revocation import revoked_row
from cluster.errors import CorruptData, Fenced, Indeterminate, MatineeError, Overloaded, VersionConflict

T = TypeVar("T")

ACCOUNTS_LIMIT: Final = 100_000
TRIES: Final = 5
READERS: Final = 8


class Kept:
    """An account in memory; `account` is None after a write whose outcome is unknown, until it is read again."""

    __slots__ = ("account", "listed", "pulses")

    def __init__(self) -> None:
        self.account: Account | None = None
        self.pulses: dict[str, Pulse] = {}
        self.listed = False


async def take_epoch(streams: Store, shard: int, shards: int) -> int:
    """Take the next epoch for a shard by compare-and-set; whoever had it before is superseded.

    One row counts for all shards, so that epochs compare also after the number of shards has changed.
    """
    for _ in range(100):
        row = await streams.get(SHARDS, OWNERS)
        try:
            if row is None:
                await streams.put_if_absent(SHARDS, OWNERS, "owners", {"epoch": 1, "shards": shards, "owners": {str(shard): 1}})
                return 1
            epoch = int(row.value["epoch"]) + 1
            owners = row.value["owners"] if row.value["shards"] == shards else {}
            await streams.compare_and_set(row, {"epoch": epoch, "shards": shards, "owners": {**owners, str(shard): epoch}})
        except (VersionConflict, Indeterminate):  # an epoch that was taken and is not known stays unused
            await asyncio.sleep(random.uniform(0.0, 0.05))
        else:
            return epoch
    raise Overloaded("Too many shards start at once")


async def apart(step: Awaitable[T], failed: dict[str, MatineeError], account_id: str) -> T | None:
    """Return what a step with one account comes to; what only that account can be blamed for is written into `failed` instead of raised."""
    try:
        return await step
    except (CorruptData, Overloaded, VersionConflict) as error:
        failed[account_id] = error
        return None


Decide = Callable[[Account, Kept], Decision | None]
"""Decides on the newest state of an account; may raise, writes nothing."""


class Ownership:
    """The accounts of one shard under one epoch."""

    def __init__(self, tables: Tables, shard: int, shards: int, epoch: int, lease_s: float, now_s: Callable[[], float]) -> None:
        self.epoch = epoch
        self.leases = Leases(lease_s, now_s())
        self.tables, self._shard, self._shards, self._now_s = tables, shard, shards, now_s
        self._kept: dict[str, Kept] = {}
        self._locks = AccountLocks()
        self._unread = [partition for partition in range(PARTITIONS) if partition % shards == shard]

    def __len__(self) -> int:
        return len(self._kept)

    def __iter__(self) -> Iterator[tuple[str, Kept]]:
        return iter(list(self._kept.items()))

    async def confirm(self) -> None:
        """Make sure that no other owner has taken the shard over.

        What was written before this is seen by whoever takes over after it: nothing is acknowledged without.

        Raises:
            Fenced: one has.
        """
        row = await self.tables.streams.get(SHARDS, OWNERS)
        if row is None or row.value["shards"] != self._shards or row.value["owners"].get(str(self._shard)) != self.epoch:
            raise self._fenced()

    async def current(self, account_id: str, session_id: str = "") -> tuple[Kept, Account]:
        """Return an account, read if it is not in memory; also if memory may be old and lacks the session."""
        kept = self._keep(account_id)
        account = kept.account
        if account is None or (session_id and account.epoch != self.epoch and not account.session(session_id)):
            async with self._locks.hold(account_id):
                kept = self._keep(account_id)
                if kept.account is None or kept.account is account:
                    kept.account = await self._read(account_id, kept)
                account = kept.account
        return kept, self._require_owned(account)

    async def change(self, account_id: str, decide: Decide) -> Decision | None:
        """Commit what `decide` decides on the newest state, and remember it; None if there is nothing to change.

        Raises:
            Fenced: another owner has changed the account.
            VersionConflict: a condition beside the account's own state did not hold.
        """
        async with self._locks.hold(account_id):
            kept = self._keep(account_id)
            for _ in range(TRIES):
                if kept.account is None or kept.account.epoch != self.epoch:
                    kept.account = await self._read(account_id, kept)
                decision = decide(self._require_owned(kept.account), kept)
                if decision is None:
                    return None
                # Before: a newer owner lengthens leases that this decision may call ended. After: it may have read the account before.
                await self.confirm()
                try:
                    await self._commit(decision, kept)
                except VersionConflict as conflict:
                    if OWNER in conflict.fields.get("failed", (OWNER,)):
                        continue
                    raise
                await self.confirm()
                return decision
        raise self._fenced()

    async def renewed(self, account_id: str, session_id: str) -> Stream | None:
        """Return a running session that was just heard of, with what it had lost taken anew (`policy.renew`); None if it has ended."""
        kept, account = await self.current(account_id, session_id)

        def decide(account: Account, kept: Kept) -> Decision | None:
            return renew(account, kept.pulses, session_id, self.leases, self.epoch, self._now_s())

        if decide(account, kept) is not None:
            await self.change(account_id, decide)
            _, account = await self.current(account_id)
        return account.session(session_id)

    async def forget(self, account_id: str) -> None:
        """Drop an account that has no streams from memory."""
        async with self._locks.hold(account_id):
            kept = self._kept.get(account_id)
            if kept is None or kept.account is None or kept.account.streams:
                return
            if kept.account.turn:
                await self.tables.places.remove(live_partition(partition_of(account_id)), account_id, kept.account.turn)
            del self._kept[account_id]

    async def read_back(self, failed: dict[str, MatineeError]) -> None:
        """Read the accounts that had streams when this shard came up; goes on where it was interrupted, leaves out what cannot be read."""
        while self._unread:
            after: str | None = None
            while True:
                rows = await self.tables.places.scan(live_partition(self._unread[-1]), after=after, limit=READERS)
                await asyncio.gather(*(apart(self.current(row.sort), failed, row.sort) for row in rows))
                if len(rows) < READERS:
                    break
                after = rows[-1].sort
            self._unread.pop()

    def _keep(self, account_id: str) -> Kept:
        kept = self._kept.get(account_id)
        if kept is None:
            if len(self._kept) >= ACCOUNTS_LIMIT:
                raise Overloaded("This shard holds as many accounts as it may")
            kept = self._kept[account_id] = Kept()
        return kept

    def _require_owned(self, account: Account) -> Account:
        if account.epoch > self.epoch:
            raise self._fenced()
        return account

    def _fenced(self) -> Fenced:
        return Fenced(f"Session shard {self._shard} has a newer owner")

    async def _read(self, account_id: str, kept: Kept) -> Account:
        streams = self.tables.streams
        owner = await streams.get(account_id, OWNER)  # first: see read_account
        if owner is None:
            return Account(account_id)
        rows, beats = await asyncio.gather(
            streams.scan(account_id, STREAM),
            self.tables.places.scan(account_id, BEAT, limit=SCAN_LIMIT),
        )
        account = read_account(account_id, owner, rows)
        for pulse in read_pulses(beats):
            held = kept.pulses.get(pulse.session_id)
            if account.session(pulse.session_id) and (held is None or held.sequence < pulse.sequence):
                kept.pulses[pulse.session_id] = pulse
        await self._shut_out(account.ended)
        return account

    async def _commit(self, decision: Decision, kept: Kept) -> None:
        account_id = decision.account.account_id
        if decision.account.streams and not kept.listed:
            listing = Row(live_partition(partition_of(account_id)), account_id, decision.account.turn, "account", {})
            await self.tables.places.put([listing])
            kept.listed = True
        try:
            await self.tables.outbox.commit(account_id, decision.changes, decision.events)
            await self._shut_out(decision.account.ended)
        except BaseException:
            kept.account = None
            raise
        kept.account = decision.account
        for session_id in decision.account.ended:
            kept.pulses.pop(session_id, None)

    async def _shut_out(self, ended: Mapping[str, float]) -> None:
        """Tell the edges which sessions may not read any more; whoever reads an account that a crash left owing this makes up for it."""
        if ended:
            rows = [revoked_row(session_id, until_s, self._now_s()) for session_id, until_s in ended.items()]
            await self.tables.revoked_sessions.put(rows)
