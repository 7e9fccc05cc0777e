"""Three real nodes of which one or two stop answering, while rows are written all the time."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager

import pytest

from cluster.durable import Insert, Mode, Row, Store, Table, Update, open_store
from cluster.errors import Indeterminate, MatineeError, StoreUnavailable, VersionConflict
from cluster.launch.servers.cassandra import CASSANDRA
from cluster.launch.servers.jars import fetch
from cluster.launch.servers.nodes import Nodes
from tests.servers import CACHE, started

pytestmark = [pytest.mark.durable, pytest.mark.timeout(600)]

CHAINS = Table("chains", Mode.LINEAR, group="faults")
PLACES = Table("places", Mode.PLAIN, group="faults")
WRITERS = 8


@pytest.fixture(scope="module")
def three(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nodes]:
    nodes = started(CASSANDRA, tmp_path_factory.mktemp("three"), count=3)
    try:
        yield nodes
    finally:
        nodes.stop()


def whole(nodes: Nodes) -> None:
    """Start what was killed, and wait until all three know each other."""
    nodes.start(fetch(CASSANDRA.title, CASSANDRA.coordinates, CACHE))


class Traffic:
    """Writers that each own a chain of versions and a place, and readers beside them; remembers what was acknowledged."""

    def __init__(self, chains: Store, places: Store, name: str) -> None:
        self.chains, self.places, self.name = chains, places, name
        self.acknowledged: dict[str, int] = {}
        self.placed: dict[str, int] = {}
        self.errors: list[tuple[float, MatineeError]] = []
        self.took: list[tuple[float, float]] = []
        self.count = 0
        self._ended = False

    async def until(self, done: Callable[[], bool], timeout_s: float = 120.0) -> None:
        """Let it run until something holds of it."""
        async with asyncio.timeout(timeout_s):
            while not done():  # noqa: ASYNC110 -- of many kinds of things
                await asyncio.sleep(0.01)

    async def more(self, count: int) -> None:
        """Let it run for so many acknowledged rounds more."""
        aim = self.count + count
        await self.until(lambda: self.count >= aim)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        writers = [asyncio.create_task(self._write(f"{self.name}-{number}")) for number in range(WRITERS)]
        try:
            yield
        finally:
            self._ended = True
            await asyncio.gather(*writers)

    async def _write(self, chain: str) -> None:
        version = 0
        while not self._ended:
            at_s = time.monotonic()
            try:
                version = await self._round(chain, version)
                self.count += 1
            except MatineeError as error:
                self.errors.append((at_s, error))
                version = await self._stored(chain, version)
            self.took.append((at_s, time.monotonic() - at_s))
            await asyncio.sleep(0.005)

    async def _round(self, chain: str, version: int) -> int:
        value = {"n": version + 1}
        change = Update("s", "link", value, version) if version else Insert("s", "link", value)
        await self.chains.batch(chain, [change])
        self.acknowledged[chain] = version + 1
        row = await self.chains.get(chain, "s")
        assert row is not None
        assert row.version >= version + 1
        await self.places.put([Row(chain, "s", version + 1, "place", {"n": version + 1})])
        self.placed[chain] = version + 1
        return version + 1

    async def _stored(self, chain: str, version: int) -> int:
        try:
            row = await self.chains.get(chain, "s")
        except MatineeError:
            return version
        return row.version if row else 0

    async def verify(self) -> None:
        """Hold what is stored against what was acknowledged."""
        for chain, version in self.acknowledged.items():
            row = await self.chains.get(chain, "s")
            assert row is not None
            assert row.version >= version
            assert row.value == {"n": row.version}  # no write was made twice, none in between is missing
        for chain, version in self.placed.items():
            place = await self.places.get(chain, "s")
            assert place is not None
            assert place.version >= version

    def errors_after(self, at_s: float) -> list[MatineeError]:
        return [error for began_s, error in self.errors if began_s > at_s]


def run(url: str, name: str, scenario: Callable[[Traffic], Awaitable[None]]) -> None:
    async def go() -> None:
        chains, places = await open_store(url, CHAINS), await open_store(url, PLACES)
        try:
            await scenario(Traffic(chains, places, name))
        finally:
            await chains.close()
            await places.close()

    asyncio.run(go())


def test_one_node_of_three_killed_costs_nothing_that_was_acknowledged(three: Nodes) -> None:
    async def scenario(traffic: Traffic) -> None:
        async with traffic.running():
            await traffic.more(80)
            await asyncio.to_thread(three.nodes[0].kill)
            killed_s = time.monotonic()
            await traffic.until(lambda: time.monotonic() > killed_s + 6.0)
            await traffic.more(80)
        assert traffic.errors_after(killed_s + 2.0) == []
        assert all(isinstance(error, Indeterminate | StoreUnavailable | VersionConflict) for _, error in traffic.errors)
        await traffic.verify()
        await asyncio.to_thread(whole, three)
        await traffic.verify()

    run(three.url, "killed", scenario)


def test_a_node_that_stands_still_is_gone_around(three: Nodes) -> None:
    async def scenario(traffic: Traffic) -> None:
        async with traffic.running():
            await traffic.more(80)
            three.nodes[1].pause()
            paused_s = time.monotonic()
            try:
                await traffic.until(lambda: time.monotonic() > paused_s + 12.0)
                await traffic.more(80)
            finally:
                three.nodes[1].resume()
            await traffic.more(80)
        assert traffic.errors == []
        await traffic.verify()
        await asyncio.to_thread(whole, three)

    run(three.url, "paused", scenario)


def test_two_of_three_gone_fail_fast_acknowledge_nothing_and_come_back(three: Nodes) -> None:
    async def scenario(traffic: Traffic) -> None:
        async with traffic.running():
            await traffic.more(80)
            for node in three.nodes[1:]:
                await asyncio.to_thread(node.kill)
            killed_s = time.monotonic()
            await traffic.until(lambda: time.monotonic() > killed_s + 15.0)
            late = [took_s for at_s, took_s in traffic.took if at_s > killed_s + 10.0]
            known = traffic.count
            await traffic.until(lambda: time.monotonic() > killed_s + 18.0)
            assert traffic.count == known
            # What is let through to try is slow, once a second; everything else is refused at once.
            assert sorted(late)[len(late) // 2] < 0.1
            await asyncio.to_thread(whole, three)
            await traffic.more(80)
        await traffic.verify()

    run(three.url, "alone", scenario)
