"""Two hundred devices that want to start at once, on accounts that may have two streams, while one node of three dies."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path

import pytest

from actors.sessions.client import Sessions
from actors.sessions.shard import SessionShard
from actors.sessions.tables import STREAM, STREAMS, open_tables
from cluster.durable import Store, open_store
from cluster.launch.servers.nodes import Nodes
from cluster.settings import load
from tests.actors.sessions.world import start
from tests.histories.elements import PATIENCE_S, until_answered
from tests.histories.history import History, Outcome
from tests.histories.leases import LIMIT, too_many
from tests.histories.nemeses import Kill
from tests.histories.trial import Trial, Workload, urls_of
from tests.running import eventually

pytestmark = [pytest.mark.durable, pytest.mark.three_nodes, pytest.mark.timeout(600)]

STARTS = 200
ACCOUNTS = ("anna", "ben")
AT_ONCE = 40
LEASE_S = 3600.0
DEADLINE_S = 20.0


class Rush:
    """The workload: each start by a device of its own, through one of two owners that both believe to be the one."""

    name = f"{STARTS} starts"

    def __init__(self, owners: list[Sessions], streams: Store) -> None:
        self.history = History()
        self.most = 0
        self._owners, self._streams = owners, streams
        self._turns = asyncio.Semaphore(AT_ONCE)
        self.rows: dict[str, int] = {}

    async def run(self, ending: Callable[[], bool]) -> None:
        """Start everything; then let every account take what it may still have, and count."""
        await asyncio.gather(*(self._start(number) for number in range(STARTS)))
        while not ending():  # noqa: ASYNC110 -- another thread says so
            await asyncio.sleep(0.05)
        async with asyncio.timeout(PATIENCE_S):
            for account in ACCOUNTS:
                while (rows := await self._count(account)) < LIMIT:
                    asked = start(f"{account}-last-{len(self.history.operations)}", account=account, limit=LIMIT)
                    await self.history.record(asked.device_id, account, asked, self._owners[0].start(asked))
                self.rows[account] = rows

    def faults(self) -> list[str]:
        """Return the moments with more live streams than the limit."""
        return too_many(self.history.operations, LIMIT, LEASE_S)

    def judged(self) -> str:
        """Say what was judged."""
        return self.name

    async def _start(self, number: int) -> None:
        account = ACCOUNTS[number % len(ACCOUNTS)]
        asked = start(f"{account}-{number}", account=account, limit=LIMIT)
        async with self._turns:
            await self.history.record(asked.device_id, account, asked, self._owners[number // 25 % 2].start(asked))
            self.most = max(self.most, await self._count(account))

    async def _count(self, account: str) -> int:
        return len(await until_answered(lambda: self._streams.scan(account, STREAM)))


def test_never_more_than_two_of_two_hundred_are_live_whatever_dies(three: Nodes, tmp_path: Path) -> None:
    urls = urls_of(three, "histories")

    async def workloads(opened: AsyncExitStack) -> AsyncIterator[Workload]:
        owners = []
        for url in urls[:2]:
            settings = load(data=tmp_path, store=url)
            shard = SessionShard(0, 1, partial(open_tables, settings), LEASE_S)
            opened.push_async_callback(shard.close)
            owners.append(Sessions([shard], DEADLINE_S))
        streams = await open_store(urls[2], STREAMS)
        opened.push_async_callback(streams.close)
        yield Rush(owners, streams)

    trial = Trial(workloads)
    with trial.running():
        (rush,) = trial.workloads
        assert isinstance(rush, Rush)
        eventually(lambda: len(rush.history.operations) >= STARTS // 5, 120.0)
        killed_s = time.monotonic()
        Kill().strike(three, three.nodes[2])  # for good: whoever needs it next starts it
        eventually(lambda: len(rush.history.operations) >= STARTS and time.monotonic() > killed_s + 1.0, 300.0)
    assert trial.faults() == []
    assert rush.most <= LIMIT
    assert rush.rows == dict.fromkeys(ACCOUNTS, LIMIT)
    granted = [each for each in rush.history.operations if each.outcome is Outcome.OK]
    assert len(granted) <= LIMIT * len(ACCOUNTS)
