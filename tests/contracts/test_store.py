"""What every store does, whichever adapter stands behind the port."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any

import pytest

from cluster.durable import (
    BATCH_LIMIT,
    TOGETHER_LIMIT,
    Change,
    Check,
    Delete,
    Discardable,
    Insert,
    Mode,
    Row,
    Store,
    Table,
    Update,
    open_store,
)
from cluster.durable.store import KEY_LIMIT_BYTES, PUT_LIMIT, SCAN_LIMIT, VALUE_LIMIT_BYTES
from cluster.errors import Indeterminate, InvalidInput, ModeMixed, StoreUnavailable, VersionConflict
from tests.clock import Clock

LINEAR = Table("accounts", Mode.LINEAR, group="contract", files=3)
PLAIN = Table("places", Mode.PLAIN, group="contract", files=3)

Scenario = Callable[[Store], Coroutine[Any, Any, None]]


@asynccontextmanager
async def opened(store_url: str, table: Table, clock: Clock) -> AsyncIterator[Store]:
    store = await open_store(store_url, table, clock)
    try:
        yield store
    finally:
        await store.close()


def check(store_url: str, table: Table, clock: Clock, scenario: Scenario) -> None:
    async def go() -> None:
        async with opened(store_url, table, clock) as store:
            await scenario(store)

    asyncio.run(go())


def place(sort: str, version: int, partition: str = "p", **value: Any) -> Row:
    return Row(partition, sort, version, "place", value)


# --- linear


def test_versions_count_from_one_and_begin_anew_after_a_delete(store_url: str, clock: Clock) -> None:
    async def scenario(store: Store) -> None:
        first = await store.put_if_absent("p", "s", "kind", {"n": 1})
        second = await store.compare_and_set(first, {"n": 2})
        assert (first.version, second.version) == (1, 2)
        assert await store.get("p", "s") == second == Row("p", "s", 2, "kind", {"n": 2})
        await store.delete(second)
        assert await store.get("p", "s") is None
        assert (await store.put_if_absent("p", "s", "kind", {})).version == 1

    check(store_url, LINEAR, clock, scenario)


def test_each_of_several_rows_is_what_it_is_alone(store_url: str, clock: Clock) -> None:
    async def scenario(store: Store) -> None:
        first = await store.put_if_absent("p", "a", "kind", {"n": 1})
        await store.put_if_absent("p", "gone", "kind", {}, expires_at_s=clock() - 1.0)
        other = await store.put_if_absent("p", "b", "kind", {"n": 2})
        await store.put_if_absent("q", "c", "kind", {})
        assert await store.get_each("p", ["b", "c", "gone", "a", "b"]) == [other, None, None, first, other]
        assert await store.get_each("p", []) == []
        with pytest.raises(InvalidInput):
            await store.get_each("p", ["a", "x" * (KEY_LIMIT_BYTES + 1)])

    check(store_url, LINEAR, clock, scenario)


def test_a_condition_that_does_not_hold_changes_nothing_and_names_the_row(store_url: str, clock: Clock) -> None:
    async def scenario(store: Store) -> None:
        row = await store.put_if_absent("p", "s", "kind", {"n": 1})
        newer = await store.compare_and_set(row, {"n": 2})
        for attempt in (
            store.put_if_absent("p", "s", "kind", {"n": 9}),
            store.compare_and_set(row, {"n": 9}),
            store.delete(row),
            store.compare_and_set(Row("p", "none", 1, "kind", {}), {}),
            store.delete(Row("p", "none", 1, "kind", {})),
        ):
            with pytest.raises(VersionConflict) as caught:
                await attempt
            assert caught.value.fields["failed"] in (["s"], ["none"])
        assert await store.scan("p") == [newer]

    check(store_url, LINEAR, clock, scenario)


def test_a_batch_is_all_or_nothing(store_url: str, clock: Clock) -> None:
    async def scenario(store: Store) -> None:
        await store.batch("p", [Insert(sort, "kind", {"n": 1}) for sort in "abcd"])
        before = await store.scan("p")
        changes: list[Change] = [
            Update("a", "kind", {"n": 2}, if_version=1),
            Insert("b", "kind", {"n": 2}),
            Delete("c", if_version=1),
            Check("d", if_version=3),
            Check("e", if_version=0),
            Insert("f", "kind", {}),
            Update("g", "kind", {}, if_version=1),
        ]
        with pytest.raises(VersionConflict) as caught:
            await store.batch("p", changes)
        assert sorted(caught.value.fields["failed"]) == ["b", "d", "g"]
        assert await store.scan("p") == before
        await store.batch("p", [changes[0], changes[2], Check("d", 1), changes[4], changes[5]])
        assert [(row.sort, row.version) for row in await store.scan("p")] == [("a", 2), ("b", 1), ("d", 1), ("f", 1)]

    check(store_url, LINEAR, clock, scenario)


def test_a_check_writes_nothing(store_url: str, clock: Clock) -> None:
    async def scenario(store: Store) -> None:
        row = await store.put_if_absent("p", "s", "kind", {"n": 1})
        await store.batch("p", [Check("s", 1), Check("none", 0)])
        assert await store.scan("p") == [row]

    check(store_url, LINEAR, clock, scenario)


def test_version_0_is_that_of_a_row_that_is_not_there(store_url: str, clock: Clock) -> None:
    async def scenario(store: Store) -> None:
        await store.batch("p", [Update("a", "kind", {"n": 1}, if_version=0), Delete("b", if_version=0), Check("c", if_version=0)])
        assert await store.scan("p") == [Row("p", "a", 1, "kind", {"n": 1})]
        with pytest.raises(VersionConflict):
            await store.batch("p", [Delete("a", if_version=0)])

    check(store_url, LINEAR, clock, scenario)


def test_of_many_that_insert_at_once_one_wins(store_url: str, clock: Clock) -> None:
    async def scenario(store: Store) -> None:
        attempts = [store.put_if_absent("mail@example", "account", "kind", {"who": who}) for who in range(100)]
        outcomes = await asyncio.gather(*attempts, return_exceptions=True)
        won = [outcome for outcome in outcomes if isinstance(outcome, Row)]
        assert len(won) == 1
        assert all(isinstance(outcome, VersionConflict) for outcome in outcomes if not isinstance(outcome, Row))
        assert await store.get("mail@example", "account") == won[0]

    check(store_url, LINEAR, clock, scenario)


def test_no_update_is_lost_between_writers(store_url: str, clock: Clock) -> None:
    async def count(store: Store, times: int) -> int:
        """Return how often it was not told whether it had counted: servers that are slow may leave that open."""
        unknown = 0
        for _ in range(times):
            while True:
                row = await store.get("p", "counter")
                assert row is not None
                try:
                    await store.compare_and_set(row, {"n": row.value["n"] + 1})
                    break
                except VersionConflict:
                    continue
                except Indeterminate:
                    unknown += 1
        return unknown

    async def scenario(store: Store) -> None:
        await store.put_if_absent("p", "counter", "kind", {"n": 0})
        async with opened(store_url, LINEAR, clock) as other:
            unknown = sum(await asyncio.gather(*(count(side, 10) for side in (store, other) for _ in range(4))))
        row = await store.get("p", "counter")
        assert row is not None
        assert 80 <= row.value["n"] <= 80 + unknown
        assert row.version == row.value["n"] + 1

    check(store_url, LINEAR, clock, scenario)


def test_expired_rows_are_absent(store_url: str, clock: Clock) -> None:
    async def scenario(store: Store) -> None:
        row = await store.put_if_absent("p", "s", "kind", {}, expires_at_s=clock() + 100)
        row = await store.compare_and_set(row, {"n": 2}, expires_at_s=clock() + 10)
        clock.advance(9.9)
        assert await store.get("p", "s") == row
        clock.advance(0.1)
        assert await store.get("p", "s") is None
        assert await store.scan("p") == []
        with pytest.raises(VersionConflict):
            await store.compare_and_set(row, {})
        await store.batch("p", [Check("s", 0)])
        assert (await store.put_if_absent("p", "s", "kind", {})).version == 1

    check(store_url, LINEAR, clock, scenario)


# --- plain


def test_the_highest_version_wins_in_whatever_order_they_come(store_url: str, clock: Clock) -> None:
    async def scenario(store: Store) -> None:
        for version in (2, 5, 1, 5, 3):
            await store.put([place("s", version, at=version)])
        assert await store.get("p", "s") == place("s", 5, at=5)

    check(store_url, PLAIN, clock, scenario)


def test_of_two_writes_of_one_version_the_later_stays(store_url: str, clock: Clock) -> None:
    async def scenario(store: Store) -> None:
        for number in (2, 3, 1):
            await store.put([place("s", 5, n=number)])
            assert await store.get("p", "s") == place("s", 5, n=number)
        await store.put([place("s", 5, n=9), place("s", 5, n=8)])
        assert await store.get("p", "s") == place("s", 5, n=8)
        await store.put([Row("p", "s", 5, "place", {"n": 8}, expires_at_s=clock() + 10)])
        clock.advance(10.0)
        assert await store.get("p", "s") is None

    check(store_url, PLAIN, clock, scenario)


def test_a_removed_row_stays_removed_for_earlier_versions(store_url: str, clock: Clock) -> None:
    async def scenario(store: Store) -> None:
        await store.remove("p", "never", 4)
        await store.put([place("never", 3), place("s", 5)])
        await store.remove("p", "s", 4)
        assert [row.sort for row in await store.scan("p")] == ["s"]
        await store.remove("p", "s", 5)
        await store.put([place("s", 5), place("s", 2)])
        assert await store.scan("p") == []
        assert await store.get("p", "s") is None
        await store.put([place("s", 6), place("never", 5)])
        assert [row.sort for row in await store.scan("p")] == ["never", "s"]

    check(store_url, PLAIN, clock, scenario)


def test_rows_of_many_partitions_are_put_in_one_call(store_url: str, clock: Clock) -> None:
    async def scenario(store: Store) -> None:
        rows = [place(f"s{number % 7}", 1, partition=f"p{number}", n=number) for number in range(200)]
        await store.put(rows)
        await store.put([])
        assert [await store.get(row.partition, row.sort) for row in rows] == rows

    check(store_url, PLAIN, clock, scenario)


def test_plain_rows_expire(store_url: str, clock: Clock) -> None:
    async def scenario(store: Store) -> None:
        await store.put([Row("p", "s", 1, "place", {}, expires_at_s=clock() + 10), place("t", 1)])
        clock.advance(10.0)
        assert [row.sort for row in await store.scan("p")] == ["t"]
        await store.put([place("s", 2)])
        assert [row.sort for row in await store.scan("p")] == ["s", "t"]

    check(store_url, PLAIN, clock, scenario)


# --- both


def test_pages_follow_each_other_in_both_directions(store_url: str, clock: Clock) -> None:
    async def scenario(store: Store) -> None:
        sorts = sorted([f"e/{number:03d}" for number in range(57)] + ["d/1", "e", "f/1"])
        await store.put([place(sort, 1) for sort in sorts])
        inside = [sort for sort in sorts if sort.startswith("e/")]
        for reverse in (False, True):
            seen: list[str] = []
            while page := await store.scan("p", "e/", after=seen[-1] if seen else None, reverse=reverse, limit=10):
                seen += [row.sort for row in page]
            assert seen == (inside[::-1] if reverse else inside)
        assert [row.sort for row in await store.scan("p")] == sorts
        assert await store.scan("other") == []

    check(store_url, PLAIN, clock, scenario)


def test_what_was_written_is_there_when_it_is_opened_again(store_url: str, clock: Clock) -> None:
    value: dict[str, Any] = {"text": "naïve \U0001f37f", "none": None, "list": [1, 2.5, {"deep": True}], "big": 2**80, "empty": {}}

    async def go() -> None:
        async with opened(store_url, LINEAR, clock) as store:
            written = await store.put_if_absent("p", "s", "kind", value, expires_at_s=clock() + 9.5)
        async with opened(store_url, LINEAR, clock) as store:
            assert await store.get("p", "s") == written

    asyncio.run(go())


def test_operations_of_the_other_mode_are_refused(store_url: str, clock: Clock) -> None:
    async def linear(store: Store) -> None:
        row = await store.put_if_absent("p", "s", "kind", {})
        for attempt in (store.put([row]), store.remove("p", "s", 2)):
            with pytest.raises(ModeMixed):
                await attempt
        assert await store.scan("p") == [row]

    async def plain(store: Store) -> None:
        await store.put([place("s", 1)])
        row = place("s", 1)
        for attempt in (
            store.put_if_absent("p", "t", "kind", {}),
            store.compare_and_set(row, {}),
            store.delete(row),
            store.batch("p", [Insert("t", "kind", {})]),
            store.discard(Discardable([row], [1])),
            store.read_to_discard(["p"]),
        ):
            with pytest.raises(ModeMixed):
                await attempt
        assert await store.scan("p") == [row]

    check(store_url, LINEAR, clock, linear)
    check(store_url, PLAIN, clock, plain)


def test_a_table_does_not_change_its_mode(store_url: str, clock: Clock) -> None:
    async def go() -> None:
        async with opened(store_url, LINEAR, clock):
            pass
        with pytest.raises(ModeMixed):
            await open_store(store_url, Table(LINEAR.name, Mode.PLAIN, LINEAR.group, LINEAR.files), clock)

    asyncio.run(go())


@pytest.mark.parametrize(
    ("partition", "changes"),
    [
        ("", [Insert("s", "kind", {})]),
        ("p" * (KEY_LIMIT_BYTES + 1), [Insert("s", "kind", {})]),
        ("p", [Insert("é" * (KEY_LIMIT_BYTES // 2 + 1), "kind", {})]),
        ("p", [Insert("\ud800", "kind", {})]),
        ("p", [Insert("a\0b", "kind", {})]),
        ("p", [Insert("s", "kind", {"x": "y" * VALUE_LIMIT_BYTES})]),
        ("p", [Insert("s", "kind", {"x": object()})]),
        ("p", [Insert("s", "kind", {"x": "\ud800"})]),
        ("p", [Insert("s", "kind", [1])]),  # type: ignore[arg-type]
        ("p", [Insert("s", "kind", {}), Delete("s", 1)]),
        ("p", [Insert(f"s{number}", "kind", {}) for number in range(BATCH_LIMIT + 1)]),
    ],
    ids=lambda value: "" if isinstance(value, list) else value[:1],
)
def test_what_is_beyond_a_limit_is_refused_and_changes_nothing(store_url: str, clock: Clock, partition: str, changes: list[Change]) -> None:
    async def scenario(store: Store) -> None:
        with pytest.raises(InvalidInput):
            await store.batch(partition, changes)
        assert await store.scan("p") == []

    check(store_url, LINEAR, clock, scenario)


def test_the_limits_of_reads_and_puts_are_refused_beyond(store_url: str, clock: Clock) -> None:
    async def scenario(store: Store) -> None:
        for attempt in (
            store.scan("p", limit=0),
            store.scan("p", limit=SCAN_LIMIT + 1),
            store.scan(""),
            store.get("p", "s" * 2000),
            store.put([place("s", -1)]),
            store.put([place("s", 2**63)]),
            store.put([place(f"s{number}", 1) for number in range(PUT_LIMIT + 1)]),
            store.remove("p", "s", -1),
        ):
            with pytest.raises(InvalidInput):
                await attempt
        await store.put([place(f"s{number:04d}", 1) for number in range(PUT_LIMIT)])
        assert len(await store.scan("p", limit=SCAN_LIMIT)) == min(PUT_LIMIT, SCAN_LIMIT)

    check(store_url, PLAIN, clock, scenario)


def test_discarded_rows_are_gone_and_may_be_made_anew(store_url: str, clock: Clock) -> None:
    async def scenario(store: Store) -> None:
        await store.batch("p", [Insert(f"s{number:03d}", "kind", {"n": number}) for number in range(BATCH_LIMIT)])
        kept = await store.put_if_absent("p", "t", "kind", {})
        await store.discard(await store.read_to_discard(["q"]))
        await store.discard(await store.read_to_discard([]))
        read = await store.read_to_discard(["p"], "s")
        assert read.rows == await store.scan("p", "s")
        for _ in range(2):
            await store.discard(read)
            assert await store.scan("p") == [kept]
        again = await store.put_if_absent("p", "s001", "kind", {"n": "again"})
        assert await store.compare_and_set(again, {"n": "more"}) == await store.get("p", "s001")
        for limit in (0, BATCH_LIMIT + 1):
            with pytest.raises(InvalidInput):
                await store.read_to_discard(["p"], limit=limit)

    check(store_url, LINEAR, clock, scenario)


def test_several_partitions_are_read_and_discarded_together(store_url: str, clock: Clock) -> None:
    async def scenario(store: Store) -> None:
        partitions = [f"p{number}" for number in range(TOGETHER_LIMIT)]
        for partition in reversed(partitions[1:]):
            await store.batch(partition, [Insert(sort, "kind", {"in": partition}) for sort in ("s1", "s2", "s3", "t")])
        read = await store.read_to_discard(partitions, "s", limit=2)
        assert [(row.partition, row.sort, row.value) for row in read.rows] == [
            (partition, sort, {"in": partition}) for partition in partitions[1:] for sort in ("s1", "s2")
        ]
        await store.discard(read)
        assert [row.sort for partition in partitions for row in await store.scan(partition)] == ["s3", "t"] * (TOGETHER_LIMIT - 1)
        for wrong in ([*partitions, "one more"], ["p", "p"], [""]):
            with pytest.raises(InvalidInput):
                await store.read_to_discard(wrong)

    check(store_url, LINEAR, clock, scenario)


def test_what_has_expired_is_not_read_to_be_discarded(store_url: str, clock: Clock) -> None:
    async def scenario(store: Store) -> None:
        await store.put_if_absent("p", "s1", "kind", {}, expires_at_s=clock() + 10)
        lasting = await store.put_if_absent("p", "s2", "kind", {})
        clock.advance(11)
        assert (await store.read_to_discard(["p"])).rows == [lasting]

    check(store_url, LINEAR, clock, scenario)


def test_a_row_that_was_changed_since_it_was_read_is_not_discarded(store_url: str, clock: Clock) -> None:
    async def scenario(store: Store) -> None:
        row = await store.put_if_absent("p", "s", "kind", {})
        await store.put_if_absent("p", "t", "kind", {})
        read = await store.read_to_discard(["p"])
        changed = await store.compare_and_set(row, {"n": 2})
        await store.discard(read)
        assert await store.scan("p") == [changed]

    check(store_url, LINEAR, clock, scenario)


def test_discarding_beside_conditional_writes_takes_nothing_else_away(store_url: str, clock: Clock) -> None:
    async def scenario(store: Store) -> None:
        async def discarding() -> None:
            for _ in range(20):
                await store.discard(await store.read_to_discard(["p"], "fact/"))

        async def writing() -> None:
            row = await store.put_if_absent("p", "row", "kind", {})
            for number in range(20):
                await store.batch("p", [Update("row", "kind", {"n": number}, row.version + number), Insert(f"fact/{number}", "kind", {})])

        await asyncio.gather(discarding(), writing())
        await store.discard(await store.read_to_discard(["p"], "fact/"))
        assert [(row.sort, row.version, row.value) for row in await store.scan("p")] == [("row", 21, {"n": 19})]

    check(store_url, LINEAR, clock, scenario)


def test_a_batch_and_a_value_at_their_limits_are_taken(store_url: str, clock: Clock) -> None:
    async def scenario(store: Store) -> None:
        await store.batch("p", [Insert(f"s{number}", "kind", {}) for number in range(BATCH_LIMIT)])
        await store.batch("p", [])
        row = await store.put_if_absent("p" * KEY_LIMIT_BYTES, "s" * KEY_LIMIT_BYTES, "kind", {"x": "y" * (VALUE_LIMIT_BYTES - 8)})
        assert await store.get(row.partition, row.sort) == row

    check(store_url, LINEAR, clock, scenario)


def test_a_closed_store_says_so(store_url: str, clock: Clock) -> None:
    async def go() -> None:
        store = await open_store(store_url, PLAIN, clock)
        await store.put([place("s", 1)])
        await store.close()
        await store.close()
        for attempt in (store.get("p", "s"), store.scan("p"), store.put([place("s", 2)])):
            with pytest.raises(StoreUnavailable):
                await attempt

    asyncio.run(go())


# --- a table as a whole


async def whole(store: Store, limit: int = 500) -> list[Row]:
    rows: list[Row] = []
    after: str | None = None
    while True:
        page, after = await store.read_all(after, limit=limit)
        assert len(page) <= limit
        rows += page
        if after is None:
            return rows


def by_key(rows: list[Row]) -> list[Row]:
    return sorted(rows, key=lambda row: (row.partition, row.sort))


@pytest.mark.parametrize("table", [LINEAR, PLAIN], ids=["linear", "plain"])
def test_a_whole_table_is_read_in_pages(store_url: str, clock: Clock, table: Table) -> None:
    rows = [Row(f"p{number % 9}é", f"s{number:03d}\U0001f37f", 1 + number, "kind", {"n": number}) for number in range(150)]
    lasting = [*rows, Row("q", "", 7, "kind", {}, clock() + 50), Row("q" * KEY_LIMIT_BYTES, "s" * KEY_LIMIT_BYTES, 1, "kind", {})]

    async def scenario(store: Store) -> None:
        assert await whole(store) == []
        await store.load([*lasting, Row("q", "gone", 1, "kind", {}, clock() + 10)])
        clock.advance(10.0)
        for limit in (1000, 7, 1):
            found = await whole(store, limit)
            assert by_key(found) == by_key(lasting)
            partitions = [row.partition for row in found]
            assert all(partitions.index(row.partition) + partitions.count(row.partition) > at for at, row in enumerate(found))
            assert all(one.sort < two.sort for one, two in itertools.pairwise(found) if one.partition == two.partition)

    check(store_url, table, clock, scenario)


def test_another_reader_goes_on_where_one_stopped(store_url: str, clock: Clock) -> None:
    rows = [place(f"s{number}", 1, partition=f"p{number % 5}") for number in range(50)]

    async def go() -> None:
        found: list[Row] = []
        after: str | None = None
        async with opened(store_url, PLAIN, clock) as store:
            await store.put(rows)
        for _ in range(1000):
            async with opened(store_url, PLAIN, clock) as store:
                page, after = await store.read_all(after, limit=20)
            found += page
            if after is None:
                break
        assert by_key(found) == by_key(rows)

    asyncio.run(go())


def test_removed_rows_are_not_read(store_url: str, clock: Clock) -> None:
    async def linear(store: Store) -> None:
        first = await store.put_if_absent("p", "s", "kind", {})
        kept = await store.put_if_absent("p", "t", "kind", {})
        await store.delete(first)
        assert await whole(store) == [kept]

    async def plain(store: Store) -> None:
        await store.put([place("s", 1), place("t", 1)])
        await store.remove("p", "s", 1)
        assert await whole(store) == [place("t", 1)]

    check(store_url, LINEAR, clock, linear)
    check(store_url, PLAIN, clock, plain)


def test_a_loaded_linear_row_changes_as_any_other(store_url: str, clock: Clock) -> None:
    rows = [Row("p", sort, version, "kind", {"from": "elsewhere"}, None) for sort, version in (("a", 4), ("b", 1), ("c", 9), ("d", 2))]
    expiring = Row("p", "e", 3, "kind", {"n": 1}, clock() + 20)

    async def scenario(store: Store) -> None:
        await store.load([*rows, expiring])
        await store.load([*rows, expiring])
        assert await store.scan("p") == [*rows, expiring]
        for attempt in (
            store.put_if_absent("p", "a", "kind", {}),
            store.compare_and_set(Row("p", "a", 3, "kind", {}), {}),
            store.delete(Row("p", "c", 8, "kind", {})),
        ):
            with pytest.raises(VersionConflict):
                await attempt
        changed = await store.compare_and_set(rows[0], {"n": 2})
        assert changed == Row("p", "a", 5, "kind", {"n": 2})
        await store.batch("p", [Delete("b", 1), Update("c", "other", {}, if_version=9), Check("d", 2), Insert("f", "kind", {})])
        after = [changed, Row("p", "c", 10, "other", {}), rows[3], expiring, Row("p", "f", 1, "kind", {})]
        assert await store.scan("p") == after
        clock.advance(20.0)
        assert (await store.put_if_absent("p", "e", "kind", {})).version == 1
        assert (await store.put_if_absent("p", "b", "kind", {})).version == 1

    check(store_url, LINEAR, clock, scenario)


@pytest.mark.parametrize("table", [LINEAR, PLAIN], ids=["linear", "plain"])
def test_of_two_loads_the_higher_version_stays(store_url: str, clock: Clock, table: Table) -> None:
    async def scenario(store: Store) -> None:
        for version in (2, 5, 1, 5, 3):
            await store.load([place("s", version, at=version), place("t", version, partition="q", at=version)])
        assert by_key(await whole(store)) == [place("s", 5, at=5), place("t", 5, partition="q", at=5)]

    check(store_url, table, clock, scenario)


def test_a_loaded_plain_row_is_ordered_as_any_other(store_url: str, clock: Clock) -> None:
    async def scenario(store: Store) -> None:
        await store.load([place("s", 5, n=1), place("t", 5, n=1), place("u", 5, n=1)])
        await store.put([place("s", 4, n=2), place("t", 6, n=2)])
        await store.remove("p", "u", 5)
        assert await store.scan("p") == [place("s", 5, n=1), place("t", 6, n=2)]

    check(store_url, PLAIN, clock, scenario)


def test_what_cannot_be_read_or_loaded_is_refused(store_url: str, clock: Clock) -> None:
    async def scenario(store: Store) -> None:
        for attempt in (
            store.read_all(limit=0),
            store.read_all(limit=SCAN_LIMIT + 1),
            *(store.read_all(after) for after in ("", "x", "[", "99", "[99]", "[-1]", "99:", "1:x", "[1,2]", "\ud800")),
            store.load([place("s", -1)]),
            store.load([Row("", "s", 1, "kind", {})]),
            store.load([place("s", 1, x=object())]),
            store.load([place(f"s{number}", 1) for number in range(PUT_LIMIT + 1)]),
        ):
            with pytest.raises(InvalidInput):
                await attempt
        await store.load([])
        assert await whole(store) == []

    check(store_url, LINEAR, clock, scenario)
