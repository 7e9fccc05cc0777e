"""What an owner need not read again, and when it must."""

from collections.abc import Sequence
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from actors.processors import results
from actors.processors.kept import Kept, Place
from actors.processors.remembered import LIMIT_BYTES, Remembered, size_bytes
from cluster.durable import Row
from cluster.durable.sqlite.store import SqliteStore
from tests.actors.processors.world import LISTS, World, between, drained, number

EIGHTH_BYTES = LIMIT_BYTES // 8


def row(expires_at_s: float | None = None, size_bytes: int = 2) -> Kept:
    return Kept(1, {}, size_bytes, expires_at_s)


def test_rows_hold_for_one_version_of_the_place() -> None:
    remembered = Remembered()
    remembered.keep(Place(version=3), {"a": row()})
    assert remembered.of(Place(version=3), {"a", "b"}, 0.0) == {"a": row()}
    assert remembered.of(Place(version=4), {"a"}, 0.0) == {}
    assert remembered.of(Place(version=3), {"a"}, 0.0) == {}  # somebody else was here in between


def test_what_is_not_there_is_known_too_and_what_has_expired_is_not_there() -> None:
    remembered = Remembered()
    remembered.keep(Place(version=1), {"none": None, "short": row(10.0)})
    assert remembered.of(Place(version=1), {"none", "short"}, 9.0) == {"none": None, "short": row(10.0)}
    assert remembered.of(Place(version=1), {"none", "short"}, 10.0) == {"none": None, "short": None}


@given(st.lists(st.dictionaries(st.integers(0, 9), st.integers(0, 8), max_size=4), max_size=9))
def test_it_holds_so_many_bytes_of_rows_the_latest(pages: list[dict[int, int]]) -> None:
    remembered, place = Remembered(), Place(version=1)
    used: dict[str, Kept] = {}
    for page in pages:
        rows = {str(key): row(size_bytes=EIGHTH_BYTES * eighths) for key, eighths in page.items()}
        remembered.keep(place, rows)
        used = {key: each for key, each in used.items() if key not in rows} | rows
        found = remembered.of(place, used, 0.0)
        assert list(found.items()) == list(used.items())[len(used) - len(found) :]
        assert sum(map(size_bytes, found.values())) <= LIMIT_BYTES
        assert found.keys() >= rows.keys() or sum(map(size_bytes, rows.values())) > LIMIT_BYTES


def test_rows_of_its_own_are_read_once(tmp_path: Any, monkeypatch: Any) -> None:
    read: list[str] = []
    original = SqliteStore.get_each

    async def noting(self: SqliteStore, partition: str, sorts: Sequence[str]) -> list[Row | None]:
        read.extend(sorts)
        return await original(self, partition, sorts)

    monkeypatch.setattr(SqliteStore, "get_each", noting)

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
