"""The relay: at least once, in order within a key, nothing lost whoever dies when."""

import asyncio
import itertools
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any, cast

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actors.outbox_relay import OutboxRelay, Relay, RelayHost, policy
from cluster.durable import (
    TOGETHER_LIMIT,
    Change,
    Delete,
    Discardable,
    Insert,
    Log,
    Mode,
    Row,
    Store,
    Table,
    Update,
    open_log,
    open_store,
    partition_of,
)
from cluster.durable.outbox import BUCKETS, HINTS, KEPT_S, OUTBOX_PREFIX, SLOT_S, Hint, Hints, Outbox
from cluster.errors import Indeterminate, Misconfigured, StoreUnavailable, VersionConflict
from cluster.events import CATALOG, Event
from cluster.settings import Settings
from tests.clock import Clock

TITLES = Table("titles", Mode.LINEAR, group="catalog")


def event(key: str, version: int, **value: Any) -> Event:
    return Event("catalog", "title.changed", key, version, 0.0, value)


class World:
    """One store and log in a folder, an outbox, and relays over them."""

    def __init__(self, folder: Path, clock: Clock) -> None:
        self.url, self.clock = f"sqlite:{folder}", clock
        self.closing: list[Callable[[], Awaitable[None]]] = []

    async def __aenter__(self) -> "World":
        self.titles = await open_store(self.url, TITLES, self.clock)
        self.hints = await open_store(self.url, HINTS, self.clock)
        self.log = await open_log(self.url + "/log", self.clock)
        self.outbox = Outbox(self.titles, self.hints, self.clock)
        self.closing = [self.titles.close, self.hints.close, self.log.close]
        return self

    async def __aexit__(self, *_: object) -> None:
        for close in self.closing:
            await close()

    def relay(
        self,
        open_table: Callable[[Table], Awaitable[Store]] | None = None,
        open_the_log: Callable[[], Awaitable[Log]] | None = None,
        open_hints: Callable[[], Awaitable[Store]] | None = None,
        buckets: Sequence[int] = range(BUCKETS),
    ) -> OutboxRelay:
        relay = OutboxRelay(
            open_hints or partial(open_store, self.url, HINTS, self.clock),
            open_table or partial(open_store, self.url, now_s=self.clock),
            open_the_log or partial(open_log, self.url + "/log", self.clock),
            self.clock,
            buckets,
        )
        self.closing.insert(0, relay.close)
        return relay

    async def save(self, title: str, version: int, partition: str = "p") -> None:
        change = Insert(title, "title", {"v": 1}) if version == 1 else Update(title, "title", {"v": version}, version - 1)
        await self.outbox.commit(partition, [change], [event(title, version)])

    async def published(self, key: str) -> list[int]:
        entries = await self.log.read(CATALOG, partition_of(key, CATALOG.partitions), 0)
        return [entry.event.entity_version for entry in entries if entry.event.key == key]


def in_world(folder: Path, scenario: Callable[[World], Coroutine[Any, Any, None]], clock: Clock | None = None) -> None:
    async def go() -> None:
        async with World(folder, clock or Clock()) as world:
            await scenario(world)

    asyncio.run(go())


def test_publishes_what_was_committed_once_and_empties_the_outbox(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        relay = world.relay()
        await world.save("t", 1)
        assert await relay.run_once() == 1
        assert await relay.run_once() == 0
        assert await world.published("t") == [1]
        assert await world.titles.scan("p", OUTBOX_PREFIX) == []
        await world.save("t", 2)  # in the same millisecond of the clock: the hint is the same row
        assert await relay.run_once() == 1
        assert await world.published("t") == [1, 2]

    in_world(tmp_path, scenario)


def test_publishes_each_key_in_the_order_of_its_versions(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        for version in range(1, 121):
            await world.save("a", version)
            await world.save("b", version)
        assert await world.relay().run_once() == 240
        assert await world.published("a") == await world.published("b") == list(range(1, 121))

    in_world(tmp_path, scenario)


def test_publishes_many_partitions_together_however_much_each_holds(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        held = {f"p{number}": 25 if number % 9 == 0 else 1 for number in range(3 * TOGETHER_LIMIT)}
        relay = world.relay()
        outbox = Outbox(world.titles, world.hints, world.clock, relay.nudge)
        for version in range(1, 26):
            for partition in [partition for partition, versions in held.items() if version <= versions]:
                await world.save(f"of {partition}", version, partition=partition)
        running = asyncio.create_task(relay.run())
        await until(lambda: relay._loop is not None)
        for partition in held:  # all nudged for while the first of them are published
            await outbox.commit(partition, [Insert("one more", "title", {})], [event(f"more of {partition}", 1)])
        for partition, versions in held.items():
            await until_async(partial(world.published, f"of {partition}"), list(range(1, versions + 1)))
            await until_async(partial(world.published, f"more of {partition}"), [1])
            await until_async(partial(world.titles.scan, partition, OUTBOX_PREFIX), [])
        running.cancel()
        await asyncio.wait([running])

    in_world(tmp_path, scenario, Clock(time.time()))


def test_a_commit_that_fails_publishes_nothing(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        await world.save("t", 1)
        with pytest.raises(VersionConflict):
            await world.outbox.commit("p", [Delete("t", 7)], [event("t", 8)])
        await world.relay().run_once()
        assert await world.published("t") == [1]

    in_world(tmp_path, scenario)


def test_a_relay_that_was_down_for_an_hour_finds_every_hint(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        await world.save("t", 1)
        first = world.relay()
        await first.run_once()
        await first.close()
        for minute in range(2, 62):
            world.clock.advance(SLOT_S)
            await world.save("t", minute)
        world.clock.advance(3600.0)
        await world.relay().run_once()
        assert await world.published("t") == list(range(1, 62))

    in_world(tmp_path, scenario)


def test_hints_older_than_any_relay_are_found(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        await world.save("t", 1)
        world.clock.advance(3 * 86400.0)
        await world.save("u", 1)
        relay = world.relay()
        assert await relay.run_once() == 2

    in_world(tmp_path, scenario)


def test_a_commit_that_comes_late_after_its_hint_is_found(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        hint = Hint(TITLES, "p", world.clock())
        await world.save("other", 1, partition="q")
        await Hints(world.hints).write(hint)
        relay = world.relay()
        await relay.run_once()
        world.clock.advance(20.0)
        await relay.run_once()
        await world.titles.batch("p", [Insert(f"{OUTBOX_PREFIX}0000000000000001/t/00", "event", msgspec.to_builtins(event("t", 1)))])
        world.clock.advance(9.0)
        await relay.run_once()
        assert await world.published("t") == [1]

    in_world(tmp_path, scenario)


def test_a_commit_that_is_made_after_its_writer_gave_up_is_published(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        class Stuck:
            table = TITLES

            async def batch(self, partition: str, changes: Sequence[Change]) -> None:
                world.clock.advance(12.0)
                self.later = world.titles.batch(partition, changes)
                raise Indeterminate

        relay, stuck = world.relay(), Stuck()
        await world.save("other", 1, partition="q")
        outbox = Outbox(cast(Store, stuck), world.hints, world.clock)
        with pytest.raises(Indeterminate):
            await outbox.commit("p", [Insert("t", "title", {})], [event("t", 1)])
        for _ in range(10):
            await relay.run_once()
            world.clock.advance(4.0)
        await stuck.later
        await relay.run_once()
        assert await world.published("t") == [1]

    in_world(tmp_path, scenario)


def test_hints_wait_for_the_relay_however_long_and_go_a_day_after_it_passed(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        for slot in range(3):
            await world.save(f"t{slot}", 1)
            world.clock.advance(SLOT_S)
        world.clock.advance(8 * 86400.0)
        assert await world.relay().run_once() == 3
        hints, bucket = Hints(world.hints), Hint(TITLES, "p", 0).bucket
        slots = await hints.slots(0, 10)
        assert [len(await hints.of(bucket, slot)) for slot in slots] == [1, 1, 1]
        world.clock.advance(KEPT_S)
        assert await hints.slots(0, 10) == []
        assert [await hints.of(bucket, slot) for slot in slots] == [[], [], []]

    in_world(tmp_path, scenario)


def test_a_slot_stays_until_the_relays_of_all_buckets_have_passed_it(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        mine = Hint(TITLES, "p", 0).bucket
        other = next(name for name in (f"q{n}" for n in range(99)) if Hint(TITLES, name, 0).bucket != mine)
        await world.save("t", 1)
        await world.save("u", 1, partition=other)
        world.clock.advance(3600.0)
        assert await world.relay(buckets=[mine]).run_once() == 1
        world.clock.advance(2 * KEPT_S)
        assert await world.relay(buckets=[bucket for bucket in range(BUCKETS) if bucket != mine]).run_once() == 1

    in_world(tmp_path, scenario)


def test_a_writer_whose_clock_is_minutes_behind_is_found(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        await world.save("other", 1)
        relay = world.relay()
        await relay.run_once()
        world.clock.advance(3600.0)
        await relay.run_once()
        slow = Clock(world.clock() - 240.0)
        await Outbox(world.titles, world.hints, slow).commit("p", [Insert("t", "title", {})], [event("t", 1)])
        assert await relay.run_once() == 1

    in_world(tmp_path, scenario)


def test_a_clock_that_is_set_back_loses_nothing(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        relay = world.relay()
        await world.save("t", 1)
        world.clock.advance(7200.0)
        await relay.run_once()
        world.clock.advance(-7200.0)
        await world.save("t", 2)
        await relay.run_once()
        assert await world.published("t") == [1, 2]

    in_world(tmp_path, scenario)


@pytest.mark.parametrize("patient", [True, False])
def test_a_clock_that_is_set_back_within_a_slot_loses_nothing(tmp_path: Path, patient: bool) -> None:
    async def scenario(world: World) -> None:
        relay = world.relay()

        async def sweep() -> None:
            await relay._sweep(patient=patient, late=True)

        world.clock.at_s -= world.clock.at_s % SLOT_S
        world.clock.advance(20.0)
        await world.save("t", 1)
        await sweep()
        world.clock.advance(35.0)
        await sweep()
        world.clock.advance(-45.0)
        await world.save("t", 2)  # its hint is older than the one that stands there
        await sweep()
        assert await world.published("t") == [1, 2]

    in_world(tmp_path, scenario)


class _Failing:
    """A port that fails on some calls and passes the others on."""

    def __init__(self, inner: Any, fails: Callable[[str], BaseException | None], *, after: bool = False) -> None:
        self._inner, self._fails, self._after = inner, fails, after

    def __getattr__(self, name: str) -> Any:
        attribute = getattr(self._inner, name)
        if name in {"table", "close"}:
            return attribute

        async def call(*args: Any, **kwargs: Any) -> Any:
            failure = self._fails(name)
            if failure is not None and not self._after:
                raise failure
            result = await attribute(*args, **kwargs)
            if failure is not None:
                raise failure
            return result

        return call


def test_what_was_appended_but_not_deleted_comes_again_with_the_same_version(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        failures = iter([StoreUnavailable("gone")])

        async def open_table(table: Table) -> Any:
            return _Failing(await open_store(world.url, table), lambda name: next(failures, None) if name == "discard" else None)

        for version in (1, 2, 3):
            await world.save("t", version)
        relay = world.relay(open_table=open_table)
        assert await relay.run_once() == 0
        assert await relay.run_once() == 3
        assert await world.published("t") == [1, 2, 3, 1, 2, 3]
        assert await world.titles.scan("p", OUTBOX_PREFIX) == []

    in_world(tmp_path, scenario)


class _Killed(BaseException):
    """The end of a process, at a step."""


@pytest.mark.parametrize("after", [False, True], ids=["before a step", "after a step"])
def test_a_relay_killed_at_any_step_loses_nothing_and_keeps_the_order(tmp_path: Path, after: bool) -> None:
    async def scenario(world: World) -> None:
        version, step, killed = 0, 0, True
        buckets = [Hint(TITLES, partition, 0).bucket for partition in ("p", "q")]
        while killed:
            step, killed, calls = step + 1, False, itertools.count(1)

            def dies(name: str, step: int = step, calls: Iterator[int] = calls) -> BaseException | None:
                return _Killed() if next(calls) == step else None

            async def dying(opening: Awaitable[Any], dies: Callable[[str], BaseException | None] = dies) -> Any:
                return _Failing(await opening, dies, after=after)

            for _ in range(2):
                version += 1
                await world.save("a", version)
                await world.save("b", version, partition="q")
            relay = world.relay(
                lambda table: dying(open_store(world.url, table, world.clock)),
                lambda: dying(open_log(world.url + "/log", world.clock)),
                lambda: dying(open_store(world.url, HINTS, world.clock)),
                buckets,
            )
            try:
                await relay.run_once()
            except _Killed:
                killed = True
            world.clock.advance(200.0)
            await world.relay(buckets=buckets).run_once()
            for key in ("a", "b"):
                assert list(dict.fromkeys(await world.published(key))) == list(range(1, version + 1))
        assert step > 10

    in_world(tmp_path, scenario)


def test_a_log_that_is_down_loses_nothing(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        down = True

        async def open_the_log() -> Any:
            log = await open_log(world.url + "/log")
            return _Failing(log, lambda _: StoreUnavailable("down") if down else None)

        relay = world.relay(open_the_log=open_the_log)
        for number in range(20):
            await world.save(f"t{number}", 1, partition=f"p{number}")
        for _ in range(5):
            with pytest.raises(StoreUnavailable):
                await relay.run_once()
            world.clock.advance(600.0)
        down = False
        assert await relay.run_once() == 20

    in_world(tmp_path, scenario)


def test_a_log_that_cannot_be_opened_yet_is_one_that_is_down(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        away = True

        async def open_the_log() -> Log:
            if away:
                raise Misconfigured("nobody answers there")
            return await open_log(world.url + "/log", world.clock)

        relay = world.relay(open_the_log=open_the_log)
        for number in range(3):
            await world.save(f"t{number}", 1, partition=f"p{number}")
        with pytest.raises(Misconfigured):
            await relay.run_once()
        away = False
        assert await relay.run_once() == 3

    in_world(tmp_path, scenario)


def test_a_partition_that_cannot_be_published_holds_up_no_other_and_is_not_forgotten(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        await world.save("t", 1)
        bucket_mates = [name for name in (f"q{n}" for n in range(400)) if Hint(TITLES, name, 0).bucket == Hint(TITLES, "p", 0).bucket]
        broken = Row("p", f"{OUTBOX_PREFIX}0000000000000000/x/00", 1, "event", {})
        await world.titles.batch("p", [Insert(broken.sort, "event", {"not": "an event"})])
        relay = world.relay()
        for number, partition in enumerate(bucket_mates, start=1):
            await world.save(f"u{number}", 1, partition=partition)
            assert await relay.run_once() == 1
            world.clock.advance(600.0)
        for _ in range(3):
            world.clock.advance(86400.0)
            await relay.run_once()
        await world.titles.delete(broken)
        assert await world.relay().run_once() == 1
        assert await world.published("t") == [1]

    in_world(tmp_path, scenario)


def test_two_relays_at_once_publish_everything(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        one, other = world.relay(), world.relay()
        for version in range(1, 31):
            await world.save("t", version)
        await asyncio.gather(one.run_once(), other.run_once())
        assert set(await world.published("t")) == set(range(1, 31))
        assert await world.titles.scan("p", OUTBOX_PREFIX) == []

    in_world(tmp_path, scenario)


def test_an_indeterminate_commit_is_published_if_it_happened_and_nudges(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        nudged: list[tuple[Hint, bool]] = []
        titles: Any = _Failing(world.titles, lambda name: Indeterminate("slow") if name == "batch" else None, after=True)
        outbox = Outbox(titles, world.hints, world.clock, lambda hint, settled: nudged.append((hint, settled)))
        with pytest.raises(Indeterminate):
            await outbox.commit("p", [Insert("t", "title", {})], [event("t", 1)])
        assert [(hint.partition, settled) for hint, settled in nudged] == [("p", False)]
        await world.relay().run_once()
        assert await world.published("t") == [1]

    in_world(tmp_path, scenario)


def test_a_running_relay_publishes_a_nudged_partition_at_once_and_the_others_within_a_second(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        relay = world.relay()
        running = asyncio.create_task(relay.run())
        outbox = Outbox(world.titles, world.hints, world.clock, relay.nudge)
        partition = partition_of("t", CATALOG.partitions)
        await world.outbox.commit("p", [Insert("t", "title", {})], [event("t", 1)])
        assert len(await world.log.read(CATALOG, partition, 0, wait_s=5.0)) == 1
        began_s = time.monotonic()
        for version in range(2, 12):
            await outbox.commit("p", [Update("t", "title", {}, version - 1)], [event("t", version)])
            assert len(await world.log.read(CATALOG, partition, version - 1, wait_s=5.0)) == 1
        assert time.monotonic() - began_s < 6.0  # ten of them, one after another: without the nudge each takes a second
        running.cancel()
        await asyncio.wait([running])

    in_world(tmp_path, scenario, Clock(time.time()))


class _Counting:
    """A table that counts how often each partition is looked at."""

    def __init__(self, inner: Store) -> None:
        self._inner, self.table, self.looks = inner, inner.table, Counter[str]()

    async def read_to_discard(self, partitions: Sequence[str], prefix: str = "", **options: Any) -> Discardable:
        self.looks.update(partitions)
        return await self._inner.read_to_discard(partitions, prefix, **options)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)


@pytest.mark.parametrize("settled", [True, False])
def test_what_its_writer_settled_is_looked_at_once_and_anything_else_until_its_time_is_over(tmp_path: Path, settled: bool) -> None:
    async def scenario(world: World) -> None:
        nudged: list[Hint] = []
        outbox = Outbox(world.titles, world.hints, world.clock, lambda hint, _: nudged.append(hint))
        await outbox.commit("p", [Insert("t", "title", {})], [event("t", 1)])
        counting: Any = _Counting(world.titles)

        async def open_table(_: Table) -> Store:
            return cast(Store, counting)

        relay = world.relay(open_table)
        running = asyncio.create_task(relay.run())
        partition = partition_of("t", CATALOG.partitions)
        assert len(await world.log.read(CATALOG, partition, 0, wait_s=5.0)) == 1
        relay.nudge(nudged[0], settled)
        await until(lambda: counting.looks["p"] == 2)
        running.cancel()
        await asyncio.wait([running])
        for _ in range(100):
            world.clock.advance(4.0)
            await relay._sweep(patient=True, late=True)
        assert counting.looks["p"] == 2 if settled else counting.looks["p"] > 5
        await outbox.commit("p", [Update("t", "title", {}, 1)], [event("t", 2)])  # whoever dies now has nudged nobody
        await relay._sweep(patient=True, late=True)
        assert await world.published("t") == [1, 2]

    in_world(tmp_path, scenario, Clock(time.time()))


def test_a_commit_that_may_yet_come_keeps_its_hint_from_being_settled_by_later_ones(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        class Late:
            """Carries the first batch out only when it is told to."""

            table = TITLES
            first: Sequence[Change] | None = None

            async def batch(self, partition: str, changes: Sequence[Change]) -> None:
                if self.first is None:
                    self.first = changes
                    raise Indeterminate
                await world.titles.batch(partition, changes)

        late, relay = Late(), world.relay()
        outbox = Outbox(cast(Store, late), world.hints, world.clock, relay.nudge)
        running = asyncio.create_task(relay.run())
        await until(lambda: relay._loop is not None)
        with pytest.raises(Indeterminate):
            await outbox.commit("p", [Insert("t", "title", {})], [event("t", 1)])
        await outbox.commit("p", [Insert("u", "title", {})], [event("u", 1)])
        assert len(await world.log.read(CATALOG, partition_of("u", CATALOG.partitions), 0, wait_s=5.0)) == 1
        assert late.first is not None
        await world.titles.batch("p", late.first)
        world.clock.advance(20.0)
        await until_async(lambda: world.published("t"), [1])
        running.cancel()
        await asyncio.wait([running])

    in_world(tmp_path, scenario, Clock(time.time()))


def test_a_nudge_while_the_log_is_away_is_left_to_the_sweeps(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        down, tries = True, 0

        def fails(_: str) -> BaseException | None:
            nonlocal tries
            tries += 1
            return StoreUnavailable("down") if down else None

        async def open_the_log() -> Any:
            return _Failing(await open_log(world.url + "/log"), fails)

        relay = world.relay(open_the_log=open_the_log)
        outbox = Outbox(world.titles, world.hints, world.clock, relay.nudge)
        running = asyncio.create_task(relay.run())
        await until(lambda: relay._loop is not None)
        for number in range(200):
            await outbox.commit(f"p{number}", [Insert(f"t{number}", "title", {})], [event(f"t{number}", 1)])
        await until(lambda: tries > 0)
        assert tries < 100  # not once for each
        down = False
        for number in range(200):
            await until_async(partial(world.published, f"t{number}"), [1])
        running.cancel()
        await asyncio.wait([running])

    in_world(tmp_path, scenario, Clock(time.time()))


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not holds():  # noqa: ASYNC110 -- a thread of the store brings it about
            await asyncio.sleep(0.005)


async def until_async(find: Callable[[], Awaitable[object]], expected: object) -> None:
    async with asyncio.timeout(60):
        while await find() != expected:  # noqa: ASYNC110 -- what is waited for is in the log
            await asyncio.sleep(0.02)


def test_the_host_relays_from_its_start_without_being_called(tmp_path: Path) -> None:
    configured = Settings(data=tmp_path)

    async def scenario() -> None:
        titles = await open_store(configured.store, TITLES)
        outbox = Outbox(titles, await open_store(configured.store, HINTS))
        log = await open_log(configured.log)
        await outbox.commit("p", [Insert("t", "title", {})], [event("t", 1)])
        host = RelayHost(configured)
        host.check()
        assert len(await log.read(CATALOG, partition_of("t", CATALOG.partitions), 0, wait_s=5.0)) == 1
        await asyncio.to_thread(host.close)
        await asyncio.gather(titles.close(), outbox.close(), log.close())

    asyncio.run(scenario())


class _Handle:
    """Stands where Ray's handle stands: counts, or refuses as Ray does when too many calls wait."""

    def __init__(self, *, refuses: bool = False) -> None:
        self.nudge, self.nudged, self._refuses = self, list[tuple[Hint, bool]](), refuses

    def remote(self, hint: Hint, settled: bool) -> None:
        if self._refuses:
            raise RuntimeError("pending calls limit exceeded")
        self.nudged.append((hint, settled))


def test_a_nudge_never_fails_whatever_the_cluster_does() -> None:
    handle, hint = _Handle(), Hint(TITLES, "p", 1.0)
    Relay(handle).nudge(hint, True)
    assert handle.nudged == [(hint, True)]
    Relay(_Handle(refuses=True)).nudge(hint, True)
    Relay().nudge(hint, True)


def test_a_process_without_ray_stays_without_it() -> None:
    program = "import sys, threading; from actors.outbox_relay import Relay; Relay().nudge(None, True);"
    program += " [thread.join() for thread in threading.enumerate() if thread is not threading.main_thread()]; print('ray' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout == "False\n"


@settings(deadline=None)
@given(delay_s=st.floats(0, policy.LATE_S), period_s=st.floats(0.5, 1.5))
def test_a_patient_sweep_sees_a_commit_soon_after_it_comes(delay_s: float, period_s: float) -> None:
    hint, last, now_s, looks = Hint(TITLES, "p", 0.0), None, 0.01, 0
    while True:
        if policy.is_due(hint, last, now_s, patient=True):
            if now_s >= delay_s:
                break
            last, looks = policy.Look(hint, now_s), looks + 1
        now_s += period_s
    assert now_s - delay_s <= max(delay_s, 1.0) + 2 * period_s
    assert looks <= 13


@settings(deadline=None)
@given(took_s=st.floats(0, 600))
def test_long_sweeps_are_made_seldom_but_for_what_nobody_nudged_for_soon_enough(took_s: float) -> None:
    assert policy.pause_s(took_s, failed=True) == policy.SWEEP_INTERVAL_S
    pause_s = policy.pause_s(took_s, failed=False)
    assert policy.SWEEP_INTERVAL_S <= pause_s <= policy.LONGEST_PAUSE_S
    assert pause_s == policy.LONGEST_PAUSE_S or took_s <= policy.SWEEPS_SHARE * (took_s + pause_s) + 1e-9
