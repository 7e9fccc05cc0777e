"""A broker killed -9 for a while: what was appended, and what outboxes committed meanwhile, is all there afterwards, once."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path

import pytest

from actors.outbox_relay import OutboxRelay
from cluster.durable import Insert, Log, Mode, Store, Table, Update, open_log, open_store
from cluster.durable.outbox import HINTS, OUTBOX_PREFIX, Outbox
from cluster.errors import Unavailable
from cluster.events import CATALOG, Event
from cluster.launch.servers.kafka import KAFKA
from cluster.launch.servers.nodes import Nodes
from tests.histories.history import History, Outcome
from tests.histories.nemeses import Kill
from tests.histories.trial import Trial, Workload, on_the_log
from tests.running import eventually
from tests.servers import started

pytestmark = [pytest.mark.durable, pytest.mark.timeout(600)]

TITLES = Table("titles", Mode.LINEAR, group="catalog")
KEYS = ("a", "b", "c")
APPLIED_WITHIN_S = 120.0


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nodes]:
    nodes = started(KAFKA, tmp_path_factory.mktemp("broker"))
    try:
        yield nodes
    finally:
        nodes.stop()


class Facts:
    """The workload: titles that change, a relay that publishes it, and a reader that applies what it reads by versions."""

    name = "facts through the outbox"

    def __init__(self, titles: Store, outbox: Outbox, relay: OutboxRelay, log: Log) -> None:
        self.history = History()
        self.applied: dict[str, list[int]] = {key: [] for key in KEYS}
        self.left: list[object] = []
        self._titles, self._outbox, self._relay, self._log = titles, outbox, relay, log

    async def run(self, ending: Callable[[], bool]) -> None:
        """Commit until `ending`; then wait until everything is applied."""
        relaying = asyncio.create_task(self._relay.run())
        reading = [asyncio.create_task(self._read(partition)) for partition in range(CATALOG.partitions)]
        try:
            committed = await asyncio.gather(*(self._commit(key, ending) for key in KEYS))
            async with asyncio.timeout(APPLIED_WITHIN_S):
                while [len(self.applied[key]) for key in KEYS] != committed or self.left:
                    await asyncio.sleep(0.05)
                    self.left = [row for key in KEYS for row in await self._titles.scan(key, OUTBOX_PREFIX)]
        finally:
            for task in (relaying, *reading):
                task.cancel()
            await asyncio.gather(relaying, *reading, return_exceptions=True)

    def faults(self) -> list[str]:
        """Return the keys whose facts were not applied one after another, each once."""
        return [f"{key}: {versions}" for key, versions in self.applied.items() if versions != list(range(1, len(versions) + 1))]

    def judged(self) -> str:
        """Say what was judged."""
        return "each applied once, in order"

    async def _commit(self, key: str, ending: Callable[[], bool]) -> int:
        version = 0
        while not ending():
            version += 1
            change = Insert(key, "title", {}) if version == 1 else Update(key, "title", {}, version - 1)
            fact = Event(CATALOG.name, "title.changed", key, version, 0.0, {})
            committed = await self.history.record(key, key, fact, self._outbox.commit(key, [change], [fact]))
            assert committed.outcome is Outcome.OK  # the store is well, whatever the log is
            await asyncio.sleep(0.02)
        return version

    async def _read(self, partition: int) -> None:
        offset = 0
        while True:
            with contextlib.suppress(Unavailable):
                for entry in await self._log.read(CATALOG, partition, offset, wait_s=5.0):
                    offset = entry.offset + 1
                    applied = self.applied[entry.event.key]
                    if entry.event.entity_version > (applied[-1] if applied else 0):
                        applied.append(entry.event.entity_version)


def around_a_kill(broker: Nodes, trial: Trial, meanwhile: Callable[[], None]) -> None:
    with trial.running():
        trial.more()
        Kill().strike(broker, broker.nodes[0])
        try:
            meanwhile()
        finally:
            Kill().heal(broker, broker.nodes[0])
        trial.more()
    assert trial.faults() == []


def test_what_is_committed_while_the_broker_is_dead_arrives_and_counts_once(broker: Nodes, tmp_path: Path) -> None:
    store, log_url = f"sqlite:{tmp_path}", f"{broker.url}/facts"

    async def workloads(opened: AsyncExitStack) -> AsyncIterator[Workload]:
        titles, hints, log = await open_store(store, TITLES), await open_store(store, HINTS), await open_log(log_url)
        relay = OutboxRelay(partial(open_store, store, HINTS), partial(open_store, store), partial(open_log, log_url))
        for each in (titles, hints, log, relay):
            opened.push_async_callback(each.close)
        yield Facts(titles, Outbox(titles, hints, nudge=relay.nudge), relay, log)

    trial = Trial(workloads)
    around_a_kill(broker, trial, lambda: trial.more(200))


def test_no_append_that_was_acknowledged_is_lost_and_none_that_was_refused_is_there(broker: Nodes) -> None:
    trial = Trial(partial(on_the_log, f"{broker.url}/appends", 1))

    def some_fail() -> None:
        (appends,) = trial.workloads
        eventually(lambda: appends.history.count(Outcome.REFUSED) + appends.history.count(Outcome.UNKNOWN) >= 4, 120.0)

    around_a_kill(broker, trial, some_fail)
