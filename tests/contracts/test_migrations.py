"""Migrations are made once, in order, whoever begins them and whatever breaks them off; on every store."""

import asyncio
import contextlib
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from cluster.durable import migrations as subject
from cluster.durable import open_store
from cluster.durable.migrations import LEDGER, TURN_S, Ledger, Migration
from cluster.errors import Misconfigured, StoreUnavailable
from cluster.settings import Settings, load
from tests.clock import Clock


class Made:
    """Migrations that remember when they were made; the one named in `failing` raises."""

    def __init__(self) -> None:
        self.begun: list[int] = []
        self.before: list[int] = []
        self.failing: int | None = None

    def up_to(self, count: int) -> list[Migration]:
        return [Migration(number, f"number {number}", self._making(number)) for number in range(1, count + 1)]

    def _making(self, number: int) -> Callable[[Settings], object]:
        async def make(settings: Settings) -> None:
            self.begun.append(number)
            if self.failing == number:
                raise StoreUnavailable("broken off")

        return make

    async def note_before(self, version: int) -> None:
        self.before.append(version)


@contextlib.asynccontextmanager
async def ledger(url: str, clock: Clock, migrations: list[Migration], holder: str = "me") -> AsyncIterator[Ledger]:
    store = await open_store(url, LEDGER, clock)
    try:
        yield Ledger(store, migrations, holder, clock)
    finally:
        await store.close()


def silent(doing: str) -> None: ...


def test_each_is_made_once_in_order_and_the_next_release_makes_only_its_own(store_url: str, clock: Clock) -> None:
    made = Made()

    async def scenario() -> None:
        for count, new in ((2, [1, 2]), (2, []), (4, [3, 4])):
            async with ledger(store_url, clock, made.up_to(count)) as now:
                assert [each.number for each in await now.pending()] == new
                assert [each.number for each in await now.migrate(load(), silent, made.note_before)] == new
                assert await now.version() == count

    asyncio.run(scenario())
    assert made.begun == [1, 2, 3, 4]
    assert made.before == [0, 2]  # once a run that has something to do


def test_data_of_a_newer_matinee_is_refused_in_words(store_url: str, clock: Clock) -> None:
    made = Made()

    async def scenario() -> None:
        async with ledger(store_url, clock, made.up_to(3)) as newer:
            await newer.migrate(load(), silent, made.note_before)
        async with ledger(store_url, clock, made.up_to(2)) as older:
            with pytest.raises(Misconfigured, match=r"newer Matinee .* \(version 3; this one knows 2\)"):
                await older.migrate(load(), silent, made.note_before)

    asyncio.run(scenario())


def test_one_that_fails_leaves_those_before_it_and_is_made_at_the_next_try_without_a_wait(store_url: str, clock: Clock) -> None:
    made = Made()
    made.failing = 2

    async def scenario() -> None:
        async with ledger(store_url, clock, made.up_to(3)) as now:
            with pytest.raises(StoreUnavailable, match="broken off"):
                await now.migrate(load(), silent, made.note_before)
            assert await now.version() == 1
            made.failing = None
            assert [each.number for each in await now.migrate(load(), silent, made.note_before)] == [2, 3]

    asyncio.run(scenario())
    assert made.begun == [1, 2, 2, 3]
    assert made.before == [0]  # not again once one has begun


def test_the_turn_of_one_that_died_is_taken_over_once_its_lease_has_ended(store_url: str, clock: Clock) -> None:
    made, waited = Made(), []

    async def scenario() -> None:
        async with ledger(store_url, clock, made.up_to(1), "dead") as dead, ledger(store_url, clock, made.up_to(1)) as now:
            assert await dead._take_turn() is not None

            def doing(what: str) -> None:
                waited.append(what)
                if len(waited) == 2:
                    clock.advance(TURN_S)

            assert [each.number for each in await now.migrate(load(), doing, made.note_before)] == [1]

    asyncio.run(scenario())
    assert ["waiting" in what for what in waited] == [True, True, False]


def test_a_process_that_stood_still_and_lost_its_turn_marks_nothing_made(
    store_url: str, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subject, "TURN_S", 0.3)

    async def scenario() -> None:
        entered = asyncio.Event()

        async def for_ever(settings: Settings) -> None:
            entered.set()
            await asyncio.Event().wait()

        made, ahead = Made(), Clock(clock())
        async with (
            ledger(store_url, clock, [Migration(1, "slow", for_ever)]) as slow,
            ledger(store_url, ahead, made.up_to(1), "other") as other,
        ):
            hanging = asyncio.create_task(slow.migrate(load(), silent, made.note_before))
            await entered.wait()
            # By the other's clock its lease has ended, however often it is renewed.
            while not made.begun:
                ahead.advance(1.0)
                with contextlib.suppress(StoreUnavailable):
                    await other.migrate(load(), silent, made.note_before)
            with pytest.raises(StoreUnavailable, match="taken over"):
                await hanging
            assert await other.version() == 1

    asyncio.run(scenario())


def test_three_processes_begin_at_once_and_each_migration_is_made_once(store_url: str, tmp_path: Path) -> None:
    path = tmp_path / "made"
    command = [sys.executable, "-m", "tests.contracts.migrating", store_url, str(path)]
    processes = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(3)
    ]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    outputs = [process.communicate("\n", timeout=120) for process in processes]
    assert [errors for _, errors in outputs] == [""] * 3
    assert sorted(number for told, _ in outputs for number in told.split()) == ["1", "2"]
    assert path.read_text().splitlines() == ["1 begun", "1 done", "2 begun", "2 done"]
