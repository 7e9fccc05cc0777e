"""Three real nodes of which one or two stop answering, while rows are written all the time."""

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from cluster.durable import Insert, Mode, Row, Store, Table, Update, open_store
from cluster.durable.cassandra.store import CassandraStore
from cluster.errors import Indeterminate, MatineeError, StoreUnavailable, VersionConflict
from cluster.launch.servers.cassandra import CASSANDRA
from cluster.launch.servers.nodes import Nodes
from tests.running import eventually
from tests.servers import jars_of

pytestmark = [pytest.mark.durable, pytest.mark.three_nodes, pytest.mark.timeout(600)]

CHAINS = Table("chains", Mode.LINEAR, group="faults")
PLACES = Table("places", Mode.PLAIN, group="faults")
WRITERS = 8


def whole(nodes: Nodes) -> None:
    """Start what was killed, and wait until all three take each other for alive."""
    nodes.start(jars_of(CASSANDRA))


class Traffic:
    """Writers that each own a chain of versions and a place, on an event loop of their own; remembers what was acknowledged."""

    def __init__(self, url: str, name: str) -> None:
        self._url, self._name = url, name
        self.acknowledged: dict[str, int] = {}
        self.placed: dict[str, int] = {}
        self.errors: list[tuple[float, MatineeError]] = []
        self.took: list[tuple[float, float]] = []
        self.rounds = 0
        self._ending = False

    @contextmanager
    def running(self) -> Iterator[None]:
        """Write all the time; at the end hold what is stored against what was acknowledged."""
        failures: list[BaseException] = []

        def run() -> None:
            try:
                asyncio.run(self._run())
            except BaseException as error:
                failures.append(error)

        thread = threading.Thread(target=run)
        thread.start()
        try:
            yield
        finally:
            self._ending = True
            thread.join()
        assert failures == []

    def more(self, rounds: int) -> None:
        """Wait for so many acknowledged rounds more."""
        aim = self.rounds + rounds
        eventually(lambda: self.rounds >= aim, timeout_s=120)

    def errors_after(self, at_s: float) -> list[MatineeError]:
        return [error for began_s, error in self.errors if began_s > at_s]

    async def _run(self) -> None:
        chains, places = await open_store(self._url, CHAINS), await open_store(self._url, PLACES)
        try:
            await asyncio.gather(*(self._write(chains, places, f"{self._name}-{number}") for number in range(WRITERS)))
            await self._verify(chains, places)
        finally:
            await chains.close()
            await places.close()

    async def _write(self, chains: Store, places: Store, name: str) -> None:
        version = 0
        while not self._ending:
            at_s = time.monotonic()
            try:
                version = await self._round(chains, places, name, version)
                self.rounds += 1
            except MatineeError as error:
                self.errors.append((at_s, error))
                version = await _stored_version(chains, name, version)
            self.took.append((at_s, time.monotonic() - at_s))
            await asyncio.sleep(0.005)

    async def _round(self, chains: Store, places: Store, name: str, version: int) -> int:
        value = {"n": version + 1}
        await chains.batch(name, [Update("s", "link", value, version) if version else Insert("s", "link", value)])
        self.acknowledged[name] = version + 1
        row = await chains.get(name, "s")
        assert row is not None
        assert row.version >= version + 1
        names = [name, *(f"{name}-{number}" for number in range(5))]  # of several partitions: they share requests
        await places.put([Row(each, "s", version + 1, "place", value) for each in names])
        self.placed |= dict.fromkeys(names, version + 1)
        return version + 1

    async def _verify(self, chains: Store, places: Store) -> None:
        for name, version in self.acknowledged.items():
            row = await chains.get(name, "s")
            assert row is not None
            assert row.version >= version
            assert row.value == {"n": row.version}  # no write was made twice, none in between is missing
        for name, version in self.placed.items():
            place = await places.get(name, "s")
            assert place is not None
            assert place.version >= version


async def _stored_version(chains: Store, name: str, known: int) -> int:
    try:
        row = await chains.get(name, "s")
    except MatineeError:
        return known
    return row.version if row else 0


def test_rows_that_different_nodes_keep_go_to_those_and_nobody_else(three: Nodes) -> None:
    async def go() -> None:
        places = await open_store(three.url.replace("/matinee", "/one_copy") + "?rf=1", PLACES)
        assert isinstance(places, CassandraStore)
        try:
            names = [f"account-{number}" for number in range(60)]
            keepers = {places._opened().replicas(name) for name in names}
            assert len(keepers) == 3
            assert all(keeper is not None and len(keeper) == 1 for keeper in keepers)
            await places.put([Row(name, "s", 1, "place", {"name": name}) for name in names])
            for name in names:
                row = await places.get(name, "s")
                assert row is not None
                assert row.value == {"name": name}
        finally:
            await places.close()

    asyncio.run(go())


def passed(since_s: float, seconds: float) -> Callable[[], bool]:
    return lambda: time.monotonic() > since_s + seconds


def test_one_node_of_three_killed_costs_nothing_that_was_acknowledged(three: Nodes) -> None:
    traffic = Traffic(three.url, "killed")
    with traffic.running():
        traffic.more(80)
        three.nodes[0].kill()
        killed_s = time.monotonic()
        eventually(passed(killed_s, 6.0))
        traffic.more(80)
        whole(three)
        traffic.more(80)
    assert traffic.errors_after(killed_s + 2.0) == []
    assert all(isinstance(error, Indeterminate | StoreUnavailable | VersionConflict) for _, error in traffic.errors)


def test_a_node_that_stands_still_is_gone_around(three: Nodes) -> None:
    traffic = Traffic(three.url, "paused")
    with traffic.running():
        traffic.more(80)
        three.nodes[1].pause()
        paused_s = time.monotonic()
        try:
            eventually(passed(paused_s, 12.0))
            traffic.more(80)
        finally:
            three.nodes[1].resume()
        traffic.more(80)
        whole(three)
    assert traffic.errors == []


def test_two_of_three_gone_fail_fast_acknowledge_nothing_and_come_back(three: Nodes) -> None:
    traffic = Traffic(three.url, "alone")
    with traffic.running():
        traffic.more(80)
        for node in three.nodes[1:]:
            node.kill()
        killed_s = time.monotonic()
        eventually(passed(killed_s, 10.0))
        known, asked = traffic.rounds, len(traffic.took)
        eventually(passed(killed_s, 15.0))
        assert traffic.rounds == known
        # What is let through to try is slow, once a second; everything else is refused at once.
        took_s = sorted(took_s for _, took_s in traffic.took[asked:])
        assert took_s[len(took_s) // 2] < 0.1
        whole(three)
        traffic.more(80)
    assert all(isinstance(error, Indeterminate | StoreUnavailable | VersionConflict) for _, error in traffic.errors)
