"""One fetch an object, however many ask; and nobody who leaves breaks it for the others."""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from pathlib import Path
from typing import Any

import pytest
from obstore.store import MemoryStore

from cluster.edge import fills as module
from cluster.edge.cache import Cached, DiskCache
from cluster.edge.counters import Counters
from cluster.edge.fills import Fills, Uncached
from cluster.edge.memory import LEAST_BYTES, MemoryCache
from cluster.edge.origin import Fetched, Origin
from cluster.errors import ObjectNotFound, OriginUnavailable, Overloaded
from tests.cluster.edge.until import until_async

LIMIT_BYTES = 8000


class HeldOrigin(Origin):
    """The real origin over a store in memory, which answers when it is let go."""

    def __init__(self, objects: MemoryStore, counters: Counters) -> None:
        super().__init__(objects, counters)
        self.let_go = asyncio.Event()
        self.asked: list[str] = []

    async def fetch(self, name: str, between: tuple[int, int] | None = None) -> Fetched:
        self.asked.append(name)
        await self.let_go.wait()
        return await super().fetch(name, between)


class Bench:
    """A cache in a folder, filled from an origin in memory."""

    def __init__(self, folder: Path, timeout_s: float = 10.0) -> None:
        self.counters = Counters()
        self.objects = MemoryStore()
        self.origin = HeldOrigin(self.objects, self.counters)
        self.cache = DiskCache(folder, LIMIT_BYTES, self.counters)
        self.cache.open()
        self.memory = MemoryCache(limit_bytes=2 * LEAST_BYTES)
        self.fills = self.filling_from(self.origin, timeout_s)

    def filling_from(self, origin: Origin, timeout_s: float = 10.0) -> Fills:
        return Fills(self.cache, self.memory, origin, self.counters, timeout_s=timeout_s)

    def leftovers(self) -> list[Path]:
        return list((self.cache.directory / "fill").iterdir())


async def until_waiting(fills: Fills, waiters: int) -> None:
    await until_async(lambda: fills.waiters == waiters)


def run(test: Coroutine[Any, Any, None]) -> None:
    asyncio.run(test)


def test_many_who_ask_at_once_share_one_fetch(tmp_path: Path) -> None:
    async def test() -> None:
        bench = Bench(tmp_path)
        bench.objects.put("film", b"x" * 900)
        asking = [asyncio.create_task(bench.fills.get("film")) for _ in range(50)]
        await until_waiting(bench.fills, 50)
        bench.origin.let_go.set()
        found = await asyncio.gather(*asking)
        assert isinstance(found[0], Cached)
        assert len({each.path for each in found if isinstance(each, Cached)}) == 1
        assert Path(found[0].path).read_bytes() == b"x" * 900
        assert bench.origin.asked == ["film"]
        assert (bench.counters.fills, bench.counters.fill_bytes, len(bench.fills), bench.fills.waiters) == (1, 900, 0, 0)

    run(test())


def test_a_waiter_that_leaves_breaks_neither_the_fetch_nor_the_others(tmp_path: Path) -> None:
    async def test() -> None:
        bench = Bench(tmp_path)
        bench.objects.put("film", b"x" * 900)
        first = asyncio.create_task(bench.fills.get("film"))
        second = asyncio.create_task(bench.fills.get("film"))
        await until_waiting(bench.fills, 2)
        first.cancel()
        await until_waiting(bench.fills, 1)
        bench.origin.let_go.set()
        assert isinstance(await second, Cached)
        assert bench.origin.asked == ["film"]

    run(test())


def test_a_fetch_that_nobody_waits_for_still_fills_the_cache(tmp_path: Path) -> None:
    async def test() -> None:
        bench = Bench(tmp_path)
        bench.objects.put("film", b"x" * 900)
        only = asyncio.create_task(bench.fills.get("film"))
        await until_waiting(bench.fills, 1)
        only.cancel()
        bench.origin.let_go.set()
        await until_async(lambda: len(bench.fills) == 0)
        assert bench.cache.find("film")

    run(test())


def test_a_failed_fetch_fails_all_who_waited_and_the_next_asks_again(tmp_path: Path) -> None:
    async def test() -> None:
        bench = Bench(tmp_path)
        asking = [asyncio.create_task(bench.fills.get("film")) for _ in range(5)]
        await until_waiting(bench.fills, 5)
        bench.origin.let_go.set()
        results = await asyncio.gather(*asking, return_exceptions=True)
        assert all(isinstance(result, ObjectNotFound) for result in results)
        bench.objects.put("film", b"x")
        assert isinstance(await bench.fills.get("film"), Cached)
        assert bench.origin.asked == ["film", "film"]

    run(test())


def test_an_origin_that_stalls_is_given_up_and_leaves_nothing(tmp_path: Path) -> None:
    async def test() -> None:
        bench = Bench(tmp_path, timeout_s=0.05)
        with pytest.raises(OriginUnavailable, match="within"):
            await bench.fills.get("film")
        assert bench.counters.origin_errors == 1
        assert (len(bench.fills), bench.leftovers()) == (0, [])

    run(test())


def test_an_origin_that_breaks_off_leaves_nothing(tmp_path: Path) -> None:
    class Breaking(HeldOrigin):
        async def fetch(self, name: str, between: tuple[int, int] | None = None) -> Fetched:
            async def chunks() -> AsyncIterator[bytes]:
                yield b"half"
                raise OriginUnavailable

            return Fetched(8, chunks())

    async def test() -> None:
        bench = Bench(tmp_path)
        fills = bench.filling_from(Breaking(bench.objects, bench.counters))
        with pytest.raises(OriginUnavailable):
            await fills.get("film")
        assert bench.leftovers() == []
        assert bench.cache.find("film") is None

    run(test())


def test_objects_larger_than_a_part_of_the_cache_are_held_in_memory_and_larger_ones_only_known_by_size(tmp_path: Path) -> None:
    async def test() -> None:
        bench = Bench(tmp_path)
        bench.origin.let_go.set()
        bench.objects.put("small", b"x" * (LIMIT_BYTES // 8))
        bench.objects.put("large", b"x" * (LIMIT_BYTES // 8 + 1))
        bench.objects.put("huge", b"x" * (2 * LEAST_BYTES + 1))
        assert isinstance(await bench.fills.get("small"), Cached)
        assert bench.cache.find("small")
        large = await bench.fills.get("large")
        assert isinstance(large, Cached)
        assert Path(large.path).read_bytes() == b"x" * (LIMIT_BYTES // 8 + 1)
        assert (bench.cache.find("large"), bench.memory.find("large")) == (None, large)
        for _ in range(2):
            assert await bench.fills.get("huge") == Uncached(2 * LEAST_BYTES + 1)
        assert bench.origin.asked == ["small", "large", "huge"]

    run(test())


def test_what_found_no_room_is_taken_once_there_is_some(tmp_path: Path) -> None:
    async def test() -> None:
        bench = Bench(tmp_path)
        bench.origin.let_go.set()
        clock = [0.0]
        bench.memory = MemoryCache(limit_bytes=2 * LEAST_BYTES, monotonic_s=lambda: clock[0])
        fills = bench.filling_from(bench.origin)
        for name in "abc":
            bench.objects.put(name, name.encode() * 2000)
        found = [await fills.get(name) for name in "abc"]
        assert [isinstance(each, Cached) for each in found] == [True, True, False]
        clock[0] += 61
        assert isinstance(await fills.get("c"), Cached)
        assert bench.memory.find("a") is None
        bench.memory.tend()
        assert bench.memory.find("b") is None
        assert bench.memory.held_bytes == LEAST_BYTES

    run(test())


def test_a_disk_that_takes_nothing_is_left_alone_for_a_while(tmp_path: Path) -> None:
    async def test() -> None:
        bench = Bench(tmp_path)
        bench.origin.let_go.set()
        bench.objects.put("film", b"x" * 900)
        bench.objects.put("next", b"y" * 900)
        (tmp_path / "fill").rmdir()
        for name, byte in (("film", b"x"), ("next", b"y")):
            found = await bench.fills.get(name)
            assert isinstance(found, Cached)
            assert Path(found.path).read_bytes() == byte * 900
        assert bench.counters.disk_errors == 1
        assert bench.cache.held_bytes == 0

    run(test())


def test_more_fetches_than_the_line_holds_are_refused_but_those_under_way_are_joined(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "FILLS_IN_LINE", 2)
    monkeypatch.setattr(module, "WAITERS_LIMIT", 4)

    async def test() -> None:
        bench = Bench(tmp_path)
        asking = [asyncio.create_task(bench.fills.get(name)) for name in ("a", "b")]
        await until_waiting(bench.fills, 2)
        with pytest.raises(Overloaded):
            await bench.fills.get("c")
        asking += [asyncio.create_task(bench.fills.get(name)) for name in ("a", "b")]
        await until_waiting(bench.fills, 4)
        with pytest.raises(Overloaded):
            await bench.fills.get("a")
        bench.origin.let_go.set()
        results = await asyncio.gather(*asking, return_exceptions=True)
        assert all(isinstance(result, ObjectNotFound) for result in results)

    run(test())


def test_closing_ends_all_fetches_and_leaves_nothing(tmp_path: Path) -> None:
    async def test() -> None:
        bench = Bench(tmp_path)
        asking = asyncio.create_task(bench.fills.get("film"))
        await until_waiting(bench.fills, 1)
        await bench.fills.close()
        with pytest.raises(asyncio.CancelledError):
            await asking
        assert (len(bench.fills), bench.leftovers()) == (0, [])

    run(test())
