"""Stores against a model in memory: whatever is done in whatever order, both answer alike."""

import asyncio
import itertools
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from cluster.durable import BATCH_LIMIT, Change, Check, Delete, Discardable, Insert, Mode, Row, Store, Table, Update, open_store
from cluster.errors import VersionConflict
from tests.clock import Clock

LINEAR = Table("linear_model", Mode.LINEAR, group="model")
PLAIN = Table("plain_model", Mode.PLAIN, group="model", files=2)

# UTF-8 order is that of code points, not that of UTF-16: the last three tell them apart.
SORTS = ["", "a", "a/", "a/1", "a/2", "a0", "b", "é", "\ud7ff", "\ue000", "\uffff", "\U0001f600"]
sorts = st.sampled_from(SORTS)
values = st.dictionaries(st.sampled_from(["x", "y"]), st.none() | st.integers(-5, 5) | st.text(max_size=3), max_size=2)
partitions = st.sampled_from(["p", "q"])
lifetimes = st.none() | st.floats(1, 20)
pages = st.fixed_dictionaries(
    {"prefix": st.sampled_from(["", "a", "a/", "\uffff"]), "after": st.none() | sorts, "reverse": st.booleans(), "limit": st.integers(1, 8)}
)


def scanned(rows: list[Row], prefix: str, after: str | None, reverse: bool, limit: int) -> list[Row]:
    found = sorted((row for row in rows if row.sort.startswith(prefix)), key=lambda row: row.sort.encode(), reverse=reverse)
    if after is not None:
        found = [row for row in found if (row.sort < after if reverse else row.sort > after)]
    return found[:limit]


class _Machine(RuleBasedStateMachine):
    """Holds one open store; every run has partitions of its own in it."""

    store: Store
    runner: asyncio.Runner
    clock: Clock
    names = itertools.count()

    @initialize()
    def begin(self) -> None:
        self.prefix = f"{next(self.names)}-"
        self.begin_model()

    def begin_model(self) -> None:
        raise NotImplementedError

    def live(self, partition: str) -> list[Row]:
        raise NotImplementedError

    def run(self, operation: Any) -> Any:
        return self.runner.run(operation)

    @rule(partition=partitions, sort=sorts)
    def get(self, partition: str, sort: str) -> None:
        expected = next((row for row in self.live(partition) if row.sort == sort), None)
        assert self.run(self.store.get(self.prefix + partition, sort)) == expected

    @rule(partition=partitions, page=pages)
    def scan(self, partition: str, page: dict[str, Any]) -> None:
        assert self.run(self.store.scan(self.prefix + partition, **page)) == scanned(self.live(partition), **page)

    @rule(seconds=st.floats(0.5, 5))
    def wait(self, seconds: float) -> None:
        self.clock.advance(seconds)


class LinearMachine(_Machine):
    reads: Bundle[tuple[Discardable, list[Row]]] = Bundle("reads")

    def begin_model(self) -> None:
        self.rows: dict[tuple[str, str], Row] = {}

    def live(self, partition: str) -> list[Row]:
        now_s = self.clock()
        return [row for (of, _), row in self.rows.items() if of == partition and (row.expires_at_s is None or row.expires_at_s > now_s)]

    def version(self, partition: str, sort: str) -> int:
        return next((row.version for row in self.live(partition) if row.sort == sort), 0)

    @rule(partition=partitions, sort=sorts, value=values, lifetime_s=lifetimes)
    def put_if_absent(self, partition: str, sort: str, value: dict[str, Any], lifetime_s: float | None) -> None:
        expires_at_s = None if lifetime_s is None else self.clock() + lifetime_s
        row = Row(self.prefix + partition, sort, 1, "kind", value, expires_at_s)
        operation = self.store.put_if_absent(row.partition, sort, "kind", value, expires_at_s=expires_at_s)
        if self.version(partition, sort):
            with pytest.raises(VersionConflict):
                self.run(operation)
        else:
            assert self.run(operation) == row
            self.rows[partition, sort] = row

    @rule(partition=partitions, sort=sorts, value=values, off=st.sampled_from([0, 0, 0, 1, -1]))
    def compare_and_set(self, partition: str, sort: str, value: dict[str, Any], off: int) -> None:
        version = self.version(partition, sort)
        held = Row(self.prefix + partition, sort, max(1, version + off), "kind", {})
        operation = self.store.compare_and_set(held, value)
        if held.version != version:
            with pytest.raises(VersionConflict):
                self.run(operation)
        else:
            self.rows[partition, sort] = Row(held.partition, sort, version + 1, "kind", value)
            assert self.run(operation) == self.rows[partition, sort]

    @rule(partition=partitions, sort=sorts, off=st.sampled_from([0, 0, 1]))
    def delete(self, partition: str, sort: str, off: int) -> None:
        version = self.version(partition, sort)
        operation = self.store.delete(Row(self.prefix + partition, sort, max(1, version + off), "kind", {}))
        if version and not off:
            self.run(operation)
            del self.rows[partition, sort]
        else:
            with pytest.raises(VersionConflict):
                self.run(operation)

    @rule(target=reads, chosen=st.lists(partitions, unique=True), limit=st.sampled_from([1, 2, BATCH_LIMIT]))
    def read_to_discard(self, chosen: list[str], limit: int) -> tuple[Discardable, list[Row]]:
        expected = [row for partition in chosen for row in scanned(self.live(partition), "", None, False, limit)]
        read = self.run(self.store.read_to_discard([self.prefix + partition for partition in chosen], limit=limit))
        if all(row.expires_at_s is None or row.expires_at_s > self.clock() for row in self.rows.values()):
            assert read.rows == expected
        return read, [row for row in expected if row in read.rows]

    @rule(read=reads)
    def discard(self, read: tuple[Discardable, list[Row]]) -> None:
        self.run(self.store.discard(read[0]))
        for row in read[1]:
            place = row.partition.removeprefix(self.prefix), row.sort
            held = self.rows.get(place)
            # Removed since, made anew and of this version again, it may stay or go.
            if held is row or (held and held.version == row.version and not self.run(self.store.get(row.partition, row.sort))):
                del self.rows[place]

    @rule(partition=partitions, data=st.data())
    def batch(self, partition: str, data: st.DataObject) -> None:
        changes: list[Change] = []
        after = dict(self.rows)
        failed = []
        for sort in data.draw(st.lists(sorts, unique=True, max_size=5)):
            version = self.version(partition, sort)
            if_version = max(1, version + data.draw(st.sampled_from([0, 0, 0, 0, 1, -1])))
            value = data.draw(values)
            kinds = ["insert", "update", "delete", "check"] if version else ["insert", "insert", "check", "update"]
            kind = data.draw(st.sampled_from(kinds))
            place = partition, sort
            match kind:
                case "insert":
                    if_version = 0
                    changes.append(Insert(sort, "kind", value))
                    after[place] = Row(self.prefix + partition, sort, 1, "kind", value)
                case "update":
                    changes.append(Update(sort, "other", value, if_version))
                    after[place] = Row(self.prefix + partition, sort, if_version + 1, "other", value)
                case "delete":
                    changes.append(Delete(sort, if_version))
                    after.pop(place, None)
                case "check":
                    if_version = data.draw(st.sampled_from([version, version, 0]))
                    changes.append(Check(sort, if_version))
            if if_version != version:
                failed.append(sort)
        operation = self.store.batch(self.prefix + partition, changes)
        if failed:
            with pytest.raises(VersionConflict) as caught:
                self.run(operation)
            assert sorted(caught.value.fields["failed"]) == sorted(failed)
        else:
            self.run(operation)
            self.rows = after


class PlainMachine(_Machine):
    """Rows that never expire: what an expired version still outweighs is each adapter's own."""

    def begin_model(self) -> None:
        self.rows: dict[tuple[str, str], tuple[int, Row | None]] = {}

    def live(self, partition: str) -> list[Row]:
        return [row for (of, _), (_, row) in self.rows.items() if of == partition and row is not None]

    def row(self, partition: str, sort: str, version: int) -> Row:
        # The value follows from the version: a sequence number is never used for two different writes.
        return Row(self.prefix + partition, sort, version, "kind", {"written": version})

    @rule(writes=st.lists(st.tuples(partitions, sorts, st.integers(0, 6)), max_size=6, unique_by=lambda write: write[:2]))
    def put(self, writes: list[tuple[str, str, int]]) -> None:
        self.run(self.store.put([self.row(*write) for write in writes]))
        for partition, sort, version in writes:
            stored, held = self.rows.get((partition, sort), (-1, None))
            if version > stored or (version == stored and held is not None):
                self.rows[partition, sort] = version, self.row(partition, sort, version)

    @rule(partition=partitions, sort=sorts, version=st.integers(0, 6))
    def remove(self, partition: str, sort: str, version: int) -> None:
        self.run(self.store.remove(self.prefix + partition, sort, version))
        if version >= self.rows.get((partition, sort), (-1, None))[0]:
            self.rows[partition, sort] = version, None


@pytest.mark.parametrize(("base", "table"), [(LinearMachine, LINEAR), (PlainMachine, PLAIN)], ids=["linear", "plain"])
def test_a_store_answers_as_its_model(store_url: str, base: type[_Machine], table: Table) -> None:
    clock = Clock()
    with asyncio.Runner() as runner:
        store = runner.run(open_store(store_url, table, clock))
        machine = type(base.__name__, (base,), {"store": store, "runner": runner, "clock": clock})
        run_state_machine_as_test(machine, settings=settings(max_examples=40, stateful_step_count=30, deadline=None))
        runner.run(store.close())
