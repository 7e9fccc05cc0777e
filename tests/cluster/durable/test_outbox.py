"""The outbox: facts are written with the change they tell of, and a hint is there before."""

import asyncio
import contextlib
from collections.abc import Callable, Coroutine, Sequence
from pathlib import Path
from typing import Any

import pytest

from cluster.durable import BATCH_LIMIT, Change, Insert, Mode, Store, Table, Update, open_store
from cluster.durable.outbox import BUCKETS, GRACE_S, HINTS, OUTBOX_PREFIX, Hint, Hints, Outbox, open_outbox, read_event, slot_of
from cluster.errors import CorruptData, Indeterminate, InvalidInput, ModeMixed, VersionConflict
from cluster.events import Event
from cluster.settings import Settings
from tests.clock import Clock

ACCOUNTS = Table("accounts", Mode.LINEAR, group="auth", files=2)


def event(key: str, version: int, topic: str = "accounts") -> Event:
    return Event(topic, "account.changed", key, version, 1.5, {"plan": "film"})


class Rig:
    """A table, its outbox, and what the relay would see."""

    def __init__(self, table: Store, hints: Store, clock: Clock) -> None:
        self.table, self.store, self.clock = table, hints, clock
        self.hints = Hints(hints)
        self.nudged: list[tuple[Hint, bool]] = []
        self.outbox = Outbox(table, hints, clock, lambda hint, settled: self.nudged.append((hint, settled)))

    async def hinted(self) -> list[Hint]:
        slots = await self.hints.slots(0, 100)
        return [hint for slot in slots for bucket in range(BUCKETS) for hint in await self.hints.of(bucket, slot)]

    async def waiting(self, partition: str = "p") -> list[Event]:
        return [read_event(row) for row in await self.table.scan(partition, OUTBOX_PREFIX)]


def with_rig(folder: Path, scenario: Callable[[Rig], Coroutine[Any, Any, None]]) -> None:
    async def go() -> None:
        clock = Clock()
        table = await open_store(f"sqlite:{folder}", ACCOUNTS, clock)
        hints = await open_store(f"sqlite:{folder}", HINTS, clock)
        try:
            await scenario(Rig(table, hints, clock))
        finally:
            await table.close()
            await hints.close()

    asyncio.run(go())


def test_changes_and_facts_are_written_together_and_hinted(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        await rig.outbox.commit("p", [Insert("a", "account", {"n": 1})], [event("a", 1), event("a", 2)])
        assert (await rig.table.get("p", "a")) is not None
        assert await rig.waiting() == [event("a", 1), event("a", 2)]
        (hint,) = await rig.hinted()
        assert (hint.table, hint.partition, slot_of(hint.hinted_at_s)) == (ACCOUNTS, "p", slot_of(rig.clock()))
        assert rig.nudged == [(hint, True)]

    with_rig(tmp_path, scenario)


def test_a_commit_whose_condition_fails_leaves_neither_change_nor_fact(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        with pytest.raises(VersionConflict) as caught:
            await rig.outbox.commit("p", [Update("a", "account", {}, 3), Insert("b", "account", {})], [event("a", 4)])
        assert caught.value.fields["failed"] == ["a"]
        assert await rig.table.scan("p") == []
        assert rig.nudged == []

    with_rig(tmp_path, scenario)


def test_the_hint_is_durable_before_the_commit(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        seen: list[list[Hint]] = []

        class Watched:
            table = ACCOUNTS

            async def batch(self, partition: str, changes: Sequence[Change]) -> None:
                seen.append(await rig.hinted())
                await rig.table.batch(partition, changes)

        watched: Any = Watched()
        await Outbox(watched, rig.store, rig.clock).commit("p", [Insert("a", "account", {})], [event("a", 1)])
        assert [hint.partition for hint in seen[0]] == ["p"]

    with_rig(tmp_path, scenario)


@pytest.mark.parametrize("outcome", [None, Indeterminate()], ids=["made", "not known"])
def test_a_commit_that_took_longer_than_the_relay_may_wait_is_hinted_again(tmp_path: Path, outcome: Indeterminate | None) -> None:
    async def scenario(rig: Rig) -> None:
        class Slow:
            table = ACCOUNTS

            async def batch(self, partition: str, changes: Sequence[Change]) -> None:
                rig.clock.advance(10 * GRACE_S)
                await rig.table.batch(partition, changes)
                if outcome:
                    raise outcome

        slow: Any = Slow()
        with contextlib.suppress(Indeterminate):
            await Outbox(slow, rig.store, rig.clock).commit("p", [Insert("a", "account", {})], [event("a", 1)])
        assert max(hint.hinted_at_s for hint in await rig.hinted()) == rig.clock()

    with_rig(tmp_path, scenario)


def test_facts_of_several_entities_of_one_partition_wait_side_by_side_in_version_order(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        for key, version in [("a", 9), ("b", 9), ("a", 10), ("a", 1_700_000_000_000), ("a", 100)]:
            await rig.outbox.commit("p", [Insert(f"{key}{version}", "account", {})], [event(key, version)])
        assert [(fact.key, fact.entity_version) for fact in await rig.waiting()] == [
            ("a", 9),
            ("b", 9),
            ("a", 10),
            ("a", 100),
            ("a", 1_700_000_000_000),
        ]

    with_rig(tmp_path, scenario)


def test_many_commits_of_a_partition_leave_one_hint_a_slot(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        for version in range(1, 6):
            await rig.outbox.commit("p", [Insert(f"a{version}", "account", {})], [event("a", version)])
            rig.clock.advance(0.01)
        assert len(await rig.hinted()) == 1
        rig.clock.advance(60)
        await rig.outbox.commit("p", [Insert("later", "account", {})], [event("a", 6)])
        assert len(await rig.hinted()) == 2

    with_rig(tmp_path, scenario)


def test_without_facts_it_is_a_plain_batch(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        await rig.outbox.commit("p", [Insert("a", "account", {})], [])
        assert len(await rig.table.scan("p")) == 1
        assert await rig.hinted() == []

    with_rig(tmp_path, scenario)


def test_what_could_never_be_published_is_refused(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        change = Insert("a", "account", {})
        for changes, events in (
            ([change], [event("a", 1, topic="gossip")]),
            ([change, Insert(f"{OUTBOX_PREFIX}mine", "event", {})], [event("a", 1)]),
            ([change], [event("a", version) for version in range(BATCH_LIMIT)]),
        ):
            with pytest.raises(InvalidInput):
                await rig.outbox.commit("p", changes, events)
        with pytest.raises(ModeMixed):
            await Outbox(rig.store, rig.store, rig.clock).commit("p", [change], [event("a", 1)])
        assert await rig.table.scan("p") == []

    with_rig(tmp_path, scenario)


def test_a_row_that_holds_no_fact_is_corrupt(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        row = await rig.table.put_if_absent("p", f"{OUTBOX_PREFIX}x", "event", {"topic": 3})
        with pytest.raises(CorruptData):
            read_event(row)

    with_rig(tmp_path, scenario)


def test_cursors_never_go_back(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        assert await rig.hints.cursors() == [0] * BUCKETS
        await rig.hints.move_cursors(range(BUCKETS), 7)
        await rig.hints.move_cursors([1, 2], 9)
        await rig.hints.move_cursors([2, 3], 5)
        assert await rig.hints.cursors() == [7, 9, 9] + [7] * (BUCKETS - 3)

    with_rig(tmp_path, scenario)


def test_it_opens_beside_the_store_of_the_settings(tmp_path: Path) -> None:
    settings = Settings(data=tmp_path)

    async def go() -> None:
        table = await open_store(settings.store, ACCOUNTS)
        outbox = await open_outbox(settings, table)
        await outbox.commit("p", [Insert("a", "account", {})], [event("a", 1)])
        await outbox.close()
        assert len(await table.scan("p")) == 2
        await table.close()

    asyncio.run(go())
    assert (tmp_path / "store" / "outbox.sqlite3").exists()
