"""A processor follows its partitions over gaps, outages and replays, in bounded writes."""

import asyncio
import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from actors.processors import Processor, results
from actors.processors.kept import PROCESSED
from cluster.durable import BATCH_LIMIT, Change, Store, partition_of
from cluster.errors import Indeterminate, InvalidInput
from cluster.events import Event
from tests.actors.processors.world import LISTS, NUMBERS, Faults, World, drained, in_world, number, until
from tests.clock import Clock


def let_go(folder: Path, partition: int, offsets: Sequence[int]) -> None:
    with sqlite3.connect(folder / "log" / "numbers.sqlite3") as file:
        file.executemany("DELETE FROM entries WHERE partition = ? AND offset = ?", [(partition, offset) for offset in offsets])


def test_instances_share_the_partitions() -> None:
    shared = [LISTS.partitions(instance, 3) for instance in range(3)]
    assert shared == [[0], [1], []]
    assert LISTS.partitions(0, 1) == [0, 1]


def test_offsets_with_gaps_are_gone_over_and_are_no_lag(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        await world.give(*(number("a", at) for at in range(1, 12)))
        let_go(tmp_path, partition_of("a", 2), [0, 1, 5, 6, 7])
        assert await world.lag() == 11
        processor = world.processor()
        assert await processor.run_once() == 6
        assert await world.got() == {"a": [3, 4, 5, 9, 10, 11]}
        await world.give(number("a", 12), number("a", 13))
        let_go(tmp_path, partition_of("a", 2), [11, 12])
        assert await processor.run_once() == 0
        assert await world.lag() == 0
        await world.give(number("a", 14))
        assert await world.lag() > 0
        await processor.run_once()
        assert (await world.got())["a"][-1] == 14

    in_world(tmp_path, scenario)


def test_a_replay_comes_to_the_same_and_leaves_nothing_of_before(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        await world.give(*(number(f"k{at % 150}", at) for at in range(1, 401)))
        processor = world.processor()
        await processor.run_once()
        before = await world.got()
        for partition in range(2):
            await results.replay(world.store, LISTS, partition)
            assert await results.rows(world.store, LISTS.name, partition) == []
            assert [row.sort for row in await world.store.scan(f"lists/{partition:03d}")] == ["offset"]
        assert await world.lag() == 400
        await drained(processor)
        assert await world.got() == before
        await results.replay(world.store, LISTS, partition_of("k1", 2))
        await world.give(number("k1", 1000))
        await drained(processor)
        assert await world.got() == {**before, "k1": [*before["k1"], 1000]}

    in_world(tmp_path, scenario)


def test_a_replay_may_begin_anywhere_and_be_broken_off(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        await world.give(*(number("a", at) for at in range(1, 11)))
        await world.processor().run_once()

        class Breaking:
            """Dies at the second write."""

            writes = 0

            def __getattr__(self, name: str) -> Any:
                return getattr(world.store, name)

            async def batch(self, partition: str, changes: Sequence[Change]) -> None:
                Breaking.writes += 1
                if Breaking.writes == 2:
                    raise Indeterminate
                await world.store.batch(partition, changes)

        partition = partition_of("a", 2)
        with pytest.raises(Indeterminate):
            await results.replay(Breaking(), LISTS, partition, 6)  # type: ignore[arg-type]
        assert await world.got() == {}
        await world.processor().run_once()
        assert await world.got() == {"a": [7, 8, 9, 10]}
        await results.replay(world.store, LISTS, partition, 8)
        assert [row.sort for row in await world.store.scan(f"lists/{partition:03d}")] == ["offset"]
        await world.processor().run_once()
        assert await world.got() == {"a": [9, 10]}
        for wrong in ((5, 0), (-1, 0), (0, -1)):
            with pytest.raises(InvalidInput):
                await results.replay(world.store, LISTS, *wrong)

    in_world(tmp_path, scenario)


def test_a_replay_while_it_runs_is_noticed(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        await world.give(*(number("a", at) for at in range(1, 300)))
        running = asyncio.create_task(world.processor().run())

        async def done() -> bool:
            return (await world.got()).get("a", [0])[-1] == 299

        await until(done)
        await results.replay(world.store, LISTS, partition_of("a", 2))
        await world.give(number("a", 300))

        async def done_again() -> bool:
            return await world.got() == {"a": list(range(1, 301))}

        await until(done_again)
        running.cancel()
        await asyncio.wait({running})

    in_world(tmp_path, scenario)


def test_while_store_and_log_are_away_it_waits_and_recovers_by_itself(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        faults = Faults()
        faults.away = True
        running = asyncio.create_task(world.processor(faults).run())

        async def tried() -> bool:
            return faults.calls >= 20

        async def done() -> bool:
            return await world.lag() == 0

        await until(tried)
        await world.give(*(number("a", at) for at in range(1, 6)))
        faults.away = False
        await until(done)
        faults.away, faults.calls = True, 0
        await world.give(*(number("a", at) for at in range(6, 11)))
        await until(tried)
        assert await world.lag() == 5
        faults.away = False
        await until(done)
        assert await world.got() == {"a": list(range(1, 11))}
        assert await world.letters() == []
        assert not running.done()
        running.cancel()
        await asyncio.wait({running})

    in_world(tmp_path, scenario)


def test_many_entries_are_one_write_and_no_write_is_beyond_the_limits(tmp_path: Path) -> None:
    written: list[int] = []

    class Counting:
        def __init__(self, store: Store) -> None:
            self._store = store

        def __getattr__(self, name: str) -> Any:
            return getattr(self._store, name)

        async def batch(self, partition: str, changes: Sequence[Change]) -> None:
            written.append(len(changes))
            await self._store.batch(partition, changes)

    async def scenario(world: World) -> None:
        async def opened() -> Store:
            return Counting(await world.opened(PROCESSED))  # type: ignore[return-value]

        processor = world.processor()
        processor._open_store = opened
        await world.give(*(number("a", at) for at in range(1, 201)))
        await processor.run_once()
        assert written == [3]  # the offset, one row, one version
        written.clear()
        await world.give(*(number(f"k{at}", 1, **({"poison": "apply"} if at % 3 == 0 else {})) for at in range(400)))
        await processor.run_once()
        assert max(written) <= BATCH_LIMIT
        assert sum(written) / len(written) > BATCH_LIMIT / 2

    in_world(tmp_path, scenario)


def test_rows_may_be_removed_and_may_expire(tmp_path: Path) -> None:
    clock = Clock()

    def apply(current: dict[str, Any], event: Event) -> dict[str, Any]:
        return {key: {"until": event.value["until"]} if event.value["until"] else None for key in current}

    fading = Processor("fading", NUMBERS, lambda event: [event.key, "both"], apply, lambda _, value: value["until"])

    async def scenario(world: World) -> None:
        partition = partition_of("a", 2)

        async def kept() -> list[str]:
            return [key for key, _ in await results.rows(world.store, "fading", partition)]

        processor = world.processor(processor=fading)
        await world.give(number("a", 1, until=clock() + 10))
        await processor.run_once()
        assert await kept() == ["a", "both"]
        clock.advance(11)
        assert await kept() == []
        await world.give(number("a", 2, until=clock() + 10))
        await processor.run_once()
        assert await kept() == ["a", "both"]
        await world.give(number("a", 3, until=0), number("a", 4, until=0))
        await processor.run_once()
        assert await kept() == []

    in_world(tmp_path, scenario, clock)
