"""Two owners of one session shard over one store, interleaved at every operation, crashing and restarting, against a model.

Whatever happens: never more live streams than the limit, as the store has it and as the players were told; no acknowledged place is lost;
a second start on a device replaces its first; a repeated call changes nothing.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, field
from typing import Any

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from actors.sessions.draft import ENDED_KEPT_S
from actors.sessions.shard import SessionShard
from actors.sessions.stream import LAST_SEQUENCE, SEQUENCE_BITS, Beat, Start, Stop
from actors.sessions.tables import PLACE, PLACES, STREAM, STREAMS, Tables
from cluster.durable import Store, Table
from cluster.durable.outbox import HINTS, Outbox
from cluster.durable.sqlite.store import SqliteStore
from cluster.edge.revocation import REVOKED_SESSIONS
from cluster.errors import Fenced, Indeterminate, MatineeError, SessionNotFound, StoreUnavailable, StreamLimitReached, Unavailable
from tests.actors.sessions.stores import CALL, Call, MemoryStore, SteppedStore
from tests.memory import FOLDER

LEASE_S = 30.0
LIMIT = 2
ACCOUNTS = ("anna", "ben")
DEVICES = ("phone", "tv", "tablet", "laptop")
PLAYABLES = ("film", "episode")


@dataclass
class Session:
    """A session as its player knows it."""

    start: Start
    order: int
    asked_at_s: float
    live_until_s: float = 0.0
    started: bool = False
    ending: bool = False
    sequence: int = 0
    positions: dict[int, float] = field(default_factory=dict)
    final_positions: set[float] = field(default_factory=set)


@dataclass
class Asked:
    """A call under way."""

    owner: int
    call: Call
    task: asyncio.Task[Any]
    what: Start | Beat | Stop
    at_s: float
    order: int


OWNERS_ST = st.sampled_from([0, 1])
THROUGH = st.sampled_from([True, True, True, False])
"""Whether a call is answered before anything else happens."""


class TwoOwners(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.now = 1_000_000.0
        self.order = 0
        self.sessions: dict[str, Session] = {}
        self.asked: list[Asked] = []
        self.ended_at: dict[str, int] = {}
        self.place_versions: dict[tuple[str, str], int] = {}
        self.stack = AsyncExitStack()
        self.loop.run_until_complete(self._open())
        self.owners = [self._shard(), self._shard()]

    async def store(self, table: Table) -> Store:
        return MemoryStore(table, lambda: self.now)

    async def _open(self) -> None:
        self.streams, self.places = await self.store(STREAMS), await self.store(PLACES)
        self.revoked, self.hints = await self.store(REVOKED_SESSIONS), await self.store(HINTS)

    def _shard(self) -> SessionShard:
        async def open_tables() -> Tables:
            streams, places = SteppedStore(self.streams, ACCOUNTS), SteppedStore(self.places, ACCOUNTS)
            outbox = Outbox(streams, SteppedStore(self.hints, ()), lambda: self.now)
            return Tables(streams, outbox, places, SteppedStore(self.revoked, ()), lambda _: False, AsyncExitStack())

        return SessionShard(0, 1, open_tables, LEASE_S, lambda: self.now)

    # --- asking

    def _ask(self, owner: int, what: Start | Beat | Stop, through: bool) -> None:
        call = Call()

        async def run() -> Any:
            CALL.set(call)
            shard = self.owners[owner]
            match what:
                case Start():
                    return await shard.start(what)
                case Beat():
                    return (await shard.beat([what]))[0]
                case Stop():
                    return await shard.stop(what)

        self.order += 1
        asked = Asked(owner, call, self.loop.create_task(run()), what, self.now, self.order)
        self.asked.append(asked)
        if through:
            self._finish(asked)
        else:
            self._settle()

    def _finish(self, asked: Asked) -> None:
        for _ in range(500):
            self._settle()
            if asked.task.done():
                return
            if not any(each.call.stopped for each in self.asked if each.owner == asked.owner):
                time.sleep(0.001)  # it may be between two tries at an epoch, which are milliseconds apart
            for each in self.asked:  # it may wait for the account's lock, which another call holds
                if each is asked or (each.owner == asked.owner and not asked.call.stopped):
                    each.call.step()
        raise AssertionError(f"{asked.what} never ends")

    def _settle(self) -> None:
        async def settle() -> None:
            quiet = 0
            while quiet < 3:
                for _ in range(5):
                    await asyncio.sleep(0)
                if SteppedStore.under_way:
                    quiet = 0
                    await asyncio.sleep(0.0005)
                else:
                    quiet += 1

        self.loop.run_until_complete(settle())
        for asked in [each for each in self.asked if each.task.done()]:
            self.asked.remove(asked)
            self._answered(asked)

    def _answered(self, asked: Asked) -> None:
        if asked.task.cancelled():
            return
        error = asked.task.exception()
        what = asked.what
        self.order += 1
        if error is not None:
            assert isinstance(error, MatineeError), repr(error)
            self._refused(asked, error)
            return
        session = self.sessions[what.session_id]
        match what:
            case Start():
                if not session.started and not session.ending:
                    session.live_until_s = asked.at_s + LEASE_S
                session.started = True
                self._started(session, asked)
            case Stop():
                self.ended_at[session.start.session_id] = min(self.order, self.ended_at.get(session.start.session_id, self.order))
            case Beat():
                self._beaten(session, what, asked)

    def _refused(self, asked: Asked, error: MatineeError) -> None:
        allowed: tuple[type[MatineeError], ...] = (Fenced, StoreUnavailable, Indeterminate)
        match asked.what:
            case Start():
                allowed += (StreamLimitReached,)
                if isinstance(error, StreamLimitReached):
                    assert len(error.fields["streams"]) >= LIMIT
                    assert all(stream["device_id"] != asked.what.device_id for stream in error.fields["streams"])
            case Stop():
                allowed += (SessionNotFound,)
        assert isinstance(error, allowed), repr(error)

    def _started(self, session: Session, asked: Asked) -> None:
        """Whoever played on this device before is replaced."""
        for other in self.sessions.values():
            same_device = (other.start.account_id, other.start.device_id) == (session.start.account_id, session.start.device_id)
            if other is not session and same_device and other.started and other.order < asked.order and session.order > other.order:
                other.ending = True
                self.ended_at.setdefault(other.start.session_id, self.order)

    def _beaten(self, session: Session, beat: Beat, asked: Asked) -> None:
        answer = asked.task.result()
        if answer is None:
            return
        ended = self.ended_at.get(beat.session_id)
        assert ended is None or ended > asked.order, "a session that has ended goes on"
        assert answer.sequence >= beat.sequence or beat.sequence <= session.sequence
        if not session.ending:
            session.live_until_s = max(session.live_until_s, self.now + answer.lease_s)
        self._require_place(session, answer.sequence)

    def _require_place(self, session: Session, sequence: int) -> None:
        start = session.start
        row = self.loop.run_until_complete(self.places.get(start.account_id, f"{PLACE}{start.profile_id}/{start.playable_id}"))
        assert row is not None, "an acknowledged place is not there"
        if row.value["session_id"] == start.session_id:
            assert row.version & LAST_SEQUENCE >= sequence, "an acknowledged place was lost"
        elif session.start.session_id not in self.ended_at and not session.ending:
            other = self.sessions[row.value["session_id"]]
            assert other.order > session.order or not session.started, "an older session's place was kept instead of an acknowledged one"

    def _worth_asking(self) -> list[Session]:
        """Return the sessions that may be live, and a few that are not."""
        started = [each for each in self.sessions.values() if each.started]
        return [each for each in started if each.live_until_s > self.now] or started[-3:]

    # --- rules

    @rule(
        owner=OWNERS_ST,
        account=st.sampled_from(ACCOUNTS[:1] * 7 + ACCOUNTS[1:]),
        device=st.sampled_from(DEVICES),
        profile=st.sampled_from(["adult", "adult", "kid"]),
        playable=st.sampled_from(PLAYABLES),
        through=THROUGH,
    )
    def start(self, owner: int, account: str, device: str, profile: str, playable: str, through: bool) -> None:
        start = Start(
            session_id=f"session-{len(self.sessions):04d}",
            account_id=account,
            device_id=device,
            profile_id=profile,
            playable_id=playable,
            title_id=playable,
            kind="film",
            name=playable,
            maturity=0,
            duration_s=100.0,
            credits_s=None,
            position_s=0.0,
            limit=LIMIT,
            paths_expire_at_s=self.now + 43200,
        )
        self.sessions[start.session_id] = Session(start, self.order + 1, self.now)
        self._ask(owner, start, through)

    @rule(owner=OWNERS_ST, data=st.data(), through=THROUGH)
    def start_again(self, owner: int, data: st.DataObject, through: bool) -> None:
        sessions = [each for each in self.sessions.values() if self.now - each.asked_at_s < ENDED_KEPT_S]
        if sessions:
            self._ask(owner, data.draw(st.sampled_from(sessions[-6:])).start, through)

    @rule(owner=OWNERS_ST, data=st.data(), back=st.sampled_from([0, 0, 0, 0, 1]), position=st.integers(0, 120), through=THROUGH)
    def beat(self, owner: int, data: st.DataObject, back: int, position: int, through: bool) -> None:
        sessions = self._worth_asking()
        if not sessions:
            return
        session = data.draw(st.sampled_from(sessions))
        if not back or session.sequence == 0:
            session.sequence += 1
            session.positions[session.sequence] = min(float(position), 100.0)
        start = session.start
        sequence = session.sequence
        beat = Beat(start.session_id, start.account_id, start.device_id, start.profile_id, sequence, session.positions[sequence])
        self._ask(owner, beat, through)

    @rule(owner=OWNERS_ST, data=st.data(), position=st.none() | st.integers(0, 100), other=st.booleans(), through=THROUGH)
    def stop(self, owner: int, data: st.DataObject, position: int | None, other: bool, through: bool) -> None:
        sessions = self._worth_asking()
        if not sessions:
            return
        session = data.draw(st.sampled_from(sessions))
        session.ending = True
        start = session.start
        for each in self.sessions.values():  # of two starts at once on a device it is not known which one replaced the other
            if (each.start.account_id, each.start.device_id) == (start.account_id, start.device_id):
                each.live_until_s = 0.0
        if position is not None:
            session.final_positions.add(float(position))
        device = "elsewhere" if other else start.device_id
        self._ask(owner, Stop(start.account_id, start.session_id, device, start.profile_id, position), through)

    @rule(data=st.data(), outcome=st.sampled_from(["done"] * 8 + ["refused", "unknown"]))
    def step(self, data: st.DataObject, outcome: str) -> None:
        stopped = [each for each in self.asked if each.call.stopped]
        if stopped:
            data.draw(st.sampled_from(stopped)).call.step(outcome)
            self._settle()

    @rule(data=st.data())
    def finish(self, data: st.DataObject) -> None:
        if self.asked:
            self._finish(data.draw(st.sampled_from(self.asked)))

    @rule(owner=OWNERS_ST)
    def crash(self, owner: int) -> None:
        for asked in self.asked:
            if asked.owner == owner:
                asked.task.cancel()
        self._settle()
        self.owners[owner] = self._shard()

    @rule(owner=OWNERS_ST)
    def sweep(self, owner: int) -> None:
        for asked in [each for each in self.asked if each.owner == owner]:
            if not asked.task.done():
                self._finish(asked)
        with suppress(Unavailable):
            self.loop.run_until_complete(self.owners[owner].sweep())

    @rule(seconds=st.sampled_from([0.4, 1.0, 15.0, 20.0, 29.0, 29.8, 31.0, 400.0]))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds

    # --- what always holds

    @invariant()
    def never_more_streams_than_the_limit(self) -> None:
        for account in ACCOUNTS:
            rows = self.loop.run_until_complete(self.streams.scan(account, STREAM))
            assert len(rows) <= LIMIT, [row.value for row in rows]
            told = {
                each.start.device_id: each.start.session_id
                for each in self.sessions.values()
                if each.start.account_id == account and each.live_until_s > self.now and not each.ending
            }
            assert len(told) <= LIMIT, f"told that they may play: {told}"

    @invariant()
    def places_only_go_on(self) -> None:
        for account in ACCOUNTS:
            for row in self.loop.run_until_complete(self.places.scan(account, PLACE)):
                assert row.version >= self.place_versions.get((account, row.sort), 0)
                self.place_versions[account, row.sort] = row.version
                session = self.sessions[row.value["session_id"]]
                sequence = row.version & LAST_SEQUENCE
                allowed = session.final_positions if sequence == LAST_SEQUENCE else {session.positions[sequence]}
                assert row.value["position_s"] in allowed
                assert row.version >> SEQUENCE_BITS > 0

    def teardown(self) -> None:
        try:
            for asked in list(self.asked):
                if not asked.task.done():
                    self._finish(asked)
            self._settle()
            self.now += 100 * LEASE_S
            for account in ACCOUNTS:
                for _ in range(LIMIT):  # nothing that happened keeps an account from watching for long
                    self.start(0, account, f"new-{len(self.sessions)}", "adult", "film", True)
                    last = self.sessions[f"session-{len(self.sessions) - 1:04d}"]
                    if not last.started:  # superseded once, asked again
                        self._ask(0, last.start, True)
                    assert last.started
            self.never_more_streams_than_the_limit()
        finally:
            self.loop.run_until_complete(self.stack.aclose())
            self.loop.close()


class TwoOwnersOnSqlite(TwoOwners):
    async def store(self, table: Table) -> Store:
        if not hasattr(self, "folder"):
            self.folder = self.stack.enter_context(tempfile.TemporaryDirectory(dir=FOLDER))
        store = await SqliteStore.open(self.folder, table, lambda: self.now)
        self.stack.push_async_callback(store.close)
        return store


CHECKS = [HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large]
NO_SHRINKING = (Phase.explicit, Phase.reuse, Phase.generate)  # a shrunk failure here takes longer to find than to read an unshrunk one
TestTwoOwners = TwoOwners.TestCase
TestTwoOwners.settings = settings(
    max_examples=200, stateful_step_count=50, deadline=None, phases=NO_SHRINKING, suppress_health_check=CHECKS
)
TestTwoOwnersOnSqlite = TwoOwnersOnSqlite.TestCase
TestTwoOwnersOnSqlite.settings = settings(
    max_examples=10, stateful_step_count=40, deadline=None, phases=NO_SHRINKING, suppress_health_check=CHECKS
)
