"""An edge is live while its row is young."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

from cluster.durable import Row, Store, open_store
from cluster.edge.registry import EDGES, LIVE_S, PARTITION, EdgeStatus, Registration, live_edges


class Clock:
    def __init__(self) -> None:
        self.now_s = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now_s


def with_store(folder: Path, test: Callable[[Store, Clock], Awaitable[None]]) -> None:
    async def run() -> None:
        clock = Clock()
        store = await open_store(f"sqlite:{folder}", EDGES, clock)
        try:
            await test(store, clock)
        finally:
            await store.close()

    asyncio.run(run())


def registration(folder: Path, clock: Clock, edge_id: str = "edge-1", hits: int = 0) -> Registration:
    return Registration(
        lambda: open_store(f"sqlite:{folder}", EDGES, clock), lambda: EdgeStatus(edge_id, f"http://{edge_id}", 1.0, clock.now_s, hits=hits)
    )


def test_an_edge_is_live_until_its_row_is_old(tmp_path: Path) -> None:
    async def test(store: Store, clock: Clock) -> None:
        one, two = registration(tmp_path, clock, "edge-1", hits=7), registration(tmp_path, clock, "edge-2")
        await one.refresh()
        clock.now_s += LIVE_S - 1
        await two.refresh()
        assert [edge.edge_id for edge in await live_edges(store, clock)] == ["edge-1", "edge-2"]
        assert (await live_edges(store, clock))[0] == EdgeStatus("edge-1", "http://edge-1", 1.0, clock.now_s - LIVE_S + 1, hits=7)
        clock.now_s += 1
        assert [edge.edge_id for edge in await live_edges(store, clock)] == ["edge-2"]
        await one.refresh()
        assert len(await live_edges(store, clock)) == 2
        await one.withdraw()
        await two.withdraw()

    with_store(tmp_path, test)


def test_an_edge_that_stops_cleanly_is_gone_at_once(tmp_path: Path) -> None:
    async def test(store: Store, clock: Clock) -> None:
        edge = registration(tmp_path, clock)
        await edge.refresh()
        await edge.withdraw()
        assert await live_edges(store, clock) == []

    with_store(tmp_path, test)


def test_an_edge_that_never_registered_withdraws_quietly(tmp_path: Path) -> None:
    async def test(store: Store, clock: Clock) -> None:
        await registration(tmp_path, clock).withdraw()
        assert await live_edges(store, clock) == []

    with_store(tmp_path, test)


def test_a_clock_that_was_set_back_does_not_silence_an_edge(tmp_path: Path) -> None:
    async def test(store: Store, clock: Clock) -> None:
        killed = registration(tmp_path, clock)
        await killed.refresh()
        clock.now_s -= 300
        for again in (killed, registration(tmp_path, clock, hits=2)):
            await again.refresh()
            row = await store.get(PARTITION, "edge-1")
            assert row
            assert row.value["seen_at_s"] == clock.now_s
        await again.withdraw()

    with_store(tmp_path, test)


def test_an_edge_that_stopped_is_live_again_after_a_start_also_when_the_clock_was_set_back(tmp_path: Path) -> None:
    async def test(store: Store, clock: Clock) -> None:
        stopped = registration(tmp_path, clock)
        await stopped.refresh()
        await stopped.withdraw()
        clock.now_s -= 300
        assert await live_edges(store, clock) == []
        again = registration(tmp_path, clock)
        await again.refresh()
        assert [edge.edge_id for edge in await live_edges(store, clock)] == ["edge-1"]
        await again.withdraw()

    with_store(tmp_path, test)


def test_a_row_that_cannot_be_read_is_passed_over_and_a_newer_one_is_understood(tmp_path: Path) -> None:
    async def test(store: Store, clock: Clock) -> None:
        newer = {"url": "http://b", "started_at_s": 1.0, "seen_at_s": clock.now_s, "temperature": 21}
        await store.put([Row(PARTITION, "a", 1, "edge", {"url": 5}), Row(PARTITION, "b", 1, "edge", newer)])
        assert [edge.edge_id for edge in await live_edges(store, clock)] == ["b"]

    with_store(tmp_path, test)
