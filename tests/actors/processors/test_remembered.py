"""What an owner need not read again, and when it must."""

from collections.abc import Collection
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from actors.processors import results
from actors.processors.kept import ROWS, SEEN, Place
from actors.processors.remembered import ROW_LIMIT_BYTES, ROWS_LIMIT, Remembered
from cluster.durable import Row
from cluster.durable.sqlite.store import SqliteStore
from tests.actors.processors.world import LISTS, World, between, drained, number


def row(sort: str, expires_at_s: float | None = None) -> Row:
    return Row("p", sort, 1, "rows", {}, expires_at_s)


def kept(place: Place, *rows: Row, sizes_bytes: dict[str, int] | None = None) -> Remembered:
    remembered = Remembered()
    remembered.keep(place, {each.sort: each for each in rows}, sizes_bytes or {})
    return remembered


def test_rows_hold_for_one_version_of_the_place() -> None:
    remembered = kept(Place(version=3), row("a"))
    assert remembered.of(Place(version=3), {"a", "b"}, 0.0) == {"a": row("a")}
    assert remembered.of(Place(version=4), {"a"}, 0.0) == {}
    assert remembered.of(Place(version=3), {"a"}, 0.0) == {}  # somebody else was here in between


def test_what_is_not_there_is_known_too_and_what_has_expired_is_not_there() -> None:
    remembered = Remembered()
    remembered.keep(Place(version=1), {"none": None, "short": row("short", 10.0)}, {})
    assert remembered.of(Place(version=1), {"none", "short"}, 9.0) == {"none": None, "short": row("short", 10.0)}
    assert remembered.of(Place(version=1), {"none", "short"}, 10.0) == {"none": None, "short": None}


@given(st.lists(st.sets(st.integers(0, 3 * ROWS_LIMIT), max_size=500), max_size=20))
def test_it_holds_a_bounded_number_of_small_rows_the_latest(pages: list[Collection[int]]) -> None:
    remembered, place = Remembered(), Place(version=1)
    large = {f"{each:05d}": ROW_LIMIT_BYTES + 1 for page in pages for each in page if each % 7 == 0}
    for page in pages:
        remembered.keep(place, {f"{each:05d}": row(f"{each:05d}") for each in page}, large)
    everything = {f"{each:05d}" for page in pages for each in page}
    found = remembered.of(place, everything, 0.0)
    assert len(found) <= ROWS_LIMIT
    assert not found.keys() & large.keys()
    if pages:
        assert {f"{each:05d}" for each in pages[-1]} - large.keys() <= found.keys()


def test_rows_of_its_own_are_read_once(tmp_path: Any, monkeypatch: Any) -> None:
    read: list[str] = []
    original = SqliteStore.get

    async def noting(self: SqliteStore, partition: str, sort: str) -> Row | None:
        if sort.startswith((ROWS, SEEN)):
            read.append(sort)
        return await original(self, partition, sort)

    monkeypatch.setattr(SqliteStore, "get", noting)

    async def scenario(world: World) -> None:
        processor = world.processor()
        for version in range(1, 6):
            await world.give(*(number(f"k{key}", version) for key in range(5)))
            await drained(processor)
        assert await world.got() == {f"k{key}": [1, 2, 3, 4, 5] for key in range(5)}

    between(f"sqlite:{tmp_path}/store", f"sqlite:{tmp_path}/log", scenario)
    assert len(read) == len(set(read)) > 0


def test_after_a_replay_nothing_old_is_believed(tmp_path: Any) -> None:
    async def scenario(world: World) -> None:
        processor = world.processor()
        await world.give(*(number(f"k{key}", 1) for key in range(5)))
        await drained(processor)
        for partition in range(LISTS.topic.partitions):
            await results.replay(world.store, LISTS, partition)
        await world.give(*(number(f"k{key}", 2) for key in range(5)))
        await drained(processor)
        assert await world.got() == {f"k{key}": [1, 2] for key in range(5)}

    between(f"sqlite:{tmp_path}/store", f"sqlite:{tmp_path}/log", scenario)
