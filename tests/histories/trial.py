"""Workloads that run all the time on a thread of their own, while the main thread does bad things to the nodes."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import AsyncExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Final, Protocol

from actors.sessions.client import Sessions
from actors.sessions.shard import SessionShard
from actors.sessions.tables import STREAMS, open_tables
from cluster.durable import Store, Table, open_log, open_store
from cluster.launch.servers.nodes import Nodes
from cluster.settings import load
from tests.histories.elements import ELEMENTS, LogEntries, PlainRows
from tests.histories.history import History, Outcome
from tests.histories.leases import Streams
from tests.histories.rows import ROWS, Registers
from tests.running import eventually

CLIENTS: Final = 6
ADDERS: Final = 3
ACCOUNTS: Final = 2
LEASE_S: Final = 6.0
SKEW_S: Final = 1.0
MORE_TIMEOUT_S: Final = 150.0


class Workload(Protocol):
    """Clients of one kind, and the judge of their history."""

    name: str
    history: History

    async def run(self, ending: Callable[[], bool]) -> None: ...

    def faults(self) -> list[str]: ...

    def judged(self) -> str: ...


class Trial:
    """Runs workloads that are opened on its thread's event loop."""

    def __init__(self, open_workloads: Callable[[AsyncExitStack], AsyncIterator[Workload]]) -> None:
        self._open = open_workloads
        self.workloads: list[Workload] = []
        self._failures: list[BaseException] = []
        self._ending = False

    @contextmanager
    def running(self) -> Iterator[None]:
        """Run all of them; at the end they read what there is."""
        thread = threading.Thread(target=self._run, name="workloads")
        thread.start()
        try:
            eventually(lambda: self.workloads or self._failures, MORE_TIMEOUT_S)
            yield
        finally:
            self._ending = True
            thread.join()
        if self._failures:
            raise self._failures[0]

    def more(self, operations: int = 8) -> None:
        """Wait until each workload was acknowledged so many operations more: it goes on."""
        aims = [(each, each.history.count(Outcome.OK) + operations) for each in self.workloads]
        eventually(lambda: self._failures or all(each.history.count(Outcome.OK) >= aim for each, aim in aims), MORE_TIMEOUT_S)

    def faults(self) -> list[str]:
        """Return all that the judges found."""
        return [f"{each.name}: {fault}" for each in self.workloads for fault in each.faults()]

    def _run(self) -> None:
        try:
            asyncio.run(self._work())
        except BaseException as error:
            self._failures.append(error)

    async def _work(self) -> None:
        async with AsyncExitStack() as opened:
            workloads = [each async for each in self._open(opened)]
            self.workloads = workloads
            async with asyncio.TaskGroup() as group:
                for each in workloads:
                    group.create_task(each.run(lambda: self._ending))


def urls_of(nodes: Nodes, name: str) -> list[str]:
    """Return a URL a node, each naming it first: clients with URLs of their own share no connection and no breaker."""
    hosts = nodes.plan.hosts
    return [f"cassandra://{','.join(hosts[at:] + hosts[:at])}:{nodes.plan.port}/{name}" for at in range(len(hosts))]


def on_the_store(
    urls: Sequence[str], folder: Path, prefix: str, seed: int = 0, *, skew_s: float = 0.0, removals: bool = False
) -> Callable[[AsyncExitStack], AsyncIterator[Workload]]:
    """Return how the workloads on the store are opened; the clocks of the clients differ by `skew_s` to both sides."""
    clocks = [partial(_skewed, skew) for skew in (-skew_s, 0.0, skew_s)]

    async def workloads(opened: AsyncExitStack) -> AsyncIterator[Workload]:
        async def store(number: int, table: Table) -> Store:
            made = await open_store(urls[number % len(urls)], table, clocks[number % len(clocks)])
            opened.push_async_callback(made.close)
            return made

        yield Registers([await store(number, ROWS) for number in range(CLIENTS)], prefix, seed, removals=removals)
        yield PlainRows([await store(number, ELEMENTS) for number in range(ADDERS)], prefix, seed + 1)
        owners = []
        for number, clock in enumerate(clocks):
            settings = load(data=folder, store=urls[number % len(urls)])
            shard = SessionShard(0, 1, partial(open_tables, settings, clock), LEASE_S, clock, sweep_every_s=1.0)
            opened.push_async_callback(shard.close)
            owners.append(Sessions([shard]))
            opened.push_async_callback(owners[-1].close)
        accounts = [f"{prefix}-account-{number}" for number in range(ACCOUNTS)]
        yield Streams(owners, await store(0, STREAMS), accounts, LEASE_S - 2 * skew_s, seed + 2)

    return workloads


async def on_the_log(url: str, seed: int, opened: AsyncExitStack) -> AsyncIterator[Workload]:
    """Open the workload on the log."""
    logs = []
    for _ in range(ADDERS):
        logs.append(await open_log(url))
        opened.push_async_callback(logs[-1].close)
    yield LogEntries(logs, seed)


def _skewed(skew_s: float) -> float:
    return time.time() + skew_s
