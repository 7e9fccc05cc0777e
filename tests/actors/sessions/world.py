"""Session shards in process over one store in a folder, on a clock that the test sets."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import msgspec

from actors.sessions.rows import read_place
from actors.sessions.shard import SessionShard
from actors.sessions.stream import Beat, Place, Start, Stop
from actors.sessions.tables import PLACES, STREAMS, Tables, open_tables, place_sort
from cluster.durable import Row, Store, Table, open_store
from cluster.durable.outbox import HINTS, OUTBOX_PREFIX, Outbox, read_event
from cluster.edge.revocation import PARTITION, REVOKED_SESSIONS
from cluster.events import Event
from cluster.settings import Settings, load
from tests.actors.sessions.stores import SteppedStore
from tests.clock import Clock

LEASE_S = 30.0


def start(
    session_id: str, *, account: str = "anna", device: str = "", profile: str = "adult", playable: str = "film", limit: int = 2
) -> Start:
    return Start(
        session_id=session_id,
        account_id=account,
        device_id=device or f"device-of-{session_id}",
        profile_id=profile,
        playable_id=playable,
        title_id=playable,
        kind="film",
        name=playable.title(),
        maturity=0,
        duration_s=100.0,
        credits_s=None,
        position_s=0.0,
        limit=limit,
        paths_expire_at_s=2_000_000_000.0,
    )


def beat(started: Start, sequence: int, position_s: float = 0.0) -> Beat:
    return Beat(started.session_id, started.account_id, started.device_id, started.profile_id, sequence, position_s)


def stop(started: Start, position_s: float | None = None, *, device: str = "") -> Stop:
    return Stop(started.account_id, started.session_id, device or started.device_id, started.profile_id, position_s)


class World:
    def __init__(self, settings: Settings, clock: Clock, opened: AsyncExitStack) -> None:
        self.settings, self.clock, self.opened = settings, clock, opened

    def shard(self, shard: int = 0, shards: int = 1, *, sweep_every_s: float | None = None) -> SessionShard:
        """Return another owner of a shard; the one before goes on believing that it is the one."""
        made = SessionShard(shard, shards, self._tables, LEASE_S, self.clock, sweep_every_s)
        self.opened.push_async_callback(made.close)
        return made

    async def _tables(self) -> Tables:
        tables = await open_tables(self.settings, self.clock)
        streams = SteppedStore(tables.streams, ["anna"])
        outbox = Outbox(streams, await self.store(HINTS), self.clock)
        return msgspec.structs.replace(tables, streams=streams, outbox=outbox)

    async def store(self, table: Table) -> Store:
        store = await open_store(self.settings.store, table, self.clock)
        self.opened.push_async_callback(store.close)
        return store

    async def place(self, started: Start) -> Place | None:
        row = await (await self.store(PLACES)).get(started.account_id, place_sort(started.profile_id, started.playable_id))
        return None if row is None else read_place(row)

    async def rows(self, account_id: str, prefix: str) -> list[Row]:
        return await (await self.store(STREAMS)).scan(account_id, prefix)

    async def facts(self, account_id: str) -> list[Event]:
        return [read_event(row) for row in await self.rows(account_id, OUTBOX_PREFIX)]

    async def shut_out(self, session_id: str) -> bool:
        return await (await self.store(REVOKED_SESSIONS)).get(PARTITION, session_id) is not None


@asynccontextmanager
async def open_world(folder: Path) -> AsyncIterator[World]:
    async with AsyncExitStack() as opened:
        yield World(load(data=folder), Clock(), opened)


def run(folder: Path, scene: Callable[[World], Awaitable[None]]) -> None:
    async def whole() -> None:
        async with open_world(folder) as world:
            await scene(world)

    asyncio.run(whole())
