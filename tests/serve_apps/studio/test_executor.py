from __future__ import annotations

import asyncio
import contextlib
import pickle
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cluster.durable import open_store
from cluster.errors import MediaRefused
from serve_apps.studio import tasks
from serve_apps.studio.executor import LocalExecutor, Slots, TaskLost
from serve_apps.studio.jobs import Jobs
from serve_apps.studio.policy import JobRecord, JobState
from serve_apps.studio.progress import OVER_S, Progress
from serve_apps.studio.tables import JOBS, LISTS
from serve_apps.studio.tasks import Task, TaskStopped, throttled
from tests.serve_apps.studio.rig import Clock, settings_at, until


@given(
    count=st.integers(1, 4),
    wanted=st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 1), st.integers(0, 9)), max_size=20),
    leaving=st.sets(st.integers(0, 19)),
)
@settings(deadline=None)
def test_slots_are_never_overdrawn_never_lost_and_go_to_the_earlier_job_first(
    count: int, wanted: list[tuple[str, int, int]], leaving: set[int]
) -> None:
    async def main() -> None:
        slots, held, most, order = Slots(count), 0, 0, []

        async def hold(priority: tuple[str, int, int]) -> None:
            nonlocal held, most
            async with slots.one(priority):
                held += 1
                most = max(most, held)
                order.append(priority)
                await asyncio.sleep(0)
                held -= 1

        async with contextlib.AsyncExitStack() as stack:
            for _ in range(count):
                await stack.enter_async_context(slots.one(("", 0, 0)))
            waiting = [asyncio.create_task(hold(priority)) for priority in wanted]
            await asyncio.sleep(0)
            for number in leaving & set(range(len(waiting))):
                waiting[number].cancel()
            await asyncio.sleep(0)
        await asyncio.gather(*waiting, return_exceptions=True)
        stayed = [priority for number, priority in enumerate(wanted) if number not in leaving]
        assert order == sorted(stayed)
        assert most <= count
        assert (slots._taken, held) == (0, 0)

    asyncio.run(main())


def test_more_encoders_start_who_waits() -> None:
    async def main() -> None:
        slots, entered = Slots(1), []

        async def hold(number: int) -> None:
            async with slots.one(("a", 0, number)):
                entered.append(number)
                await asyncio.Event().wait()

        holders = [asyncio.create_task(hold(number)) for number in range(3)]
        await until(lambda: entered == [0])
        slots.resize(3)
        await until(lambda: entered == [0, 1, 2])
        for holder in holders:
            holder.cancel()
        await asyncio.gather(*holders, return_exceptions=True)

    asyncio.run(main())


def test_speed_is_that_of_late_and_a_finished_chunk_counts_once() -> None:
    clock = Clock(0.0)
    progress = Progress(clock)
    progress.begin({"done/chunk/00000": 100})
    assert progress.changed()
    assert progress.frames_per_s() is None
    progress.started("chunk/00001")
    for second in range(1, 41):
        clock.value_s = second
        progress.reported("chunk/00001", second * 10)
        assert progress.changed()
        assert progress.frames_per_s() == 10.0
        assert len(progress._samples) <= OVER_S + 2
    progress.dropped("chunk/00001")
    progress.finished("done/chunk/00001", 400)
    progress.reported("chunk/00001", 400)  # a report that was under way
    assert progress.frames_done == 500
    assert not progress.changed()


def test_reports_are_passed_on_now_and_then() -> None:
    clock, told = Clock(), []
    report = throttled(told.append, 0.5, clock)
    for frames in range(100):
        clock.value_s += 0.1
        report(frames)
    assert 15 <= len(told) <= 25


@contextlib.asynccontextmanager
async def a_job(path: Path):
    stores = [await open_store(settings_at(path).store, table) for table in (JOBS, LISTS)]
    jobs = Jobs(*stores)
    await jobs.create(JobRecord(job_id="j", account_id="a", upload_id="u", playable_id="p", created_at_s=1.0, updated_at_s=1.0))
    ledger = await jobs.take("j", 1)
    await ledger.move(JobState.PROBING)
    yield jobs, ledger
    for store in stores:
        await store.close()


@pytest.mark.parametrize("why", ["cancelled", "another runner", "forgotten"])
def test_a_task_ends_by_itself_once_its_job_is_lost(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, why: str) -> None:
    """The runner may be dead: nobody else would tell the task."""
    monkeypatch.setattr(tasks, "STOP_POLL_S", 0.02)
    began = asyncio.Event()
    ended: list[bool] = []

    async def for_ever(*_: object, **__: object) -> None:
        began.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.append(True)

    monkeypatch.setattr(tasks, "probe", for_ever)
    monkeypatch.setattr(tasks._Bench, "_source", lambda *_: asyncio.sleep(0, tmp_path))

    async def main() -> None:
        async with a_job(tmp_path) as (jobs, _ledger):
            running = asyncio.create_task(tasks.perform(Task(settings_at(tmp_path), "j", 1, "probe"), lambda _: None))
            await began.wait()
            if why == "cancelled":
                await jobs.cancel("j")
            elif why == "another runner":
                await jobs.take("j", 2)
            else:
                await jobs.forget("j")
            with pytest.raises(TaskStopped):
                await running
            assert ended == [True]
            assert not list((tmp_path / "work" / "j").glob("task-*"))

    asyncio.run(main())


def test_a_task_of_a_job_that_has_another_runner_does_not_even_begin(tmp_path: Path) -> None:
    async def main() -> None:
        async with a_job(tmp_path) as (jobs, _ledger):
            await jobs.take("j", 2)
            with pytest.raises(TaskStopped):
                await LocalExecutor(settings_at(tmp_path)).run(Task(settings_at(tmp_path), "j", 1, "probe"), lambda _: None)

    asyncio.run(main())


def test_what_is_unforeseen_in_a_task_counts_as_lost_and_what_is_meant_does_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def main() -> None:
        executor, task = LocalExecutor(settings_at(tmp_path)), Task(settings_at(tmp_path), "j", 1, "probe")
        for raised, expected in ((ZeroDivisionError(), TaskLost), (MediaRefused("no"), MediaRefused)):

            async def perform(*_: object, error: Exception = raised) -> None:
                raise error

            monkeypatch.setattr("serve_apps.studio.executor.perform", perform)
            with pytest.raises(expected):
                await executor.run(task, lambda _: None)

    asyncio.run(main())


def test_a_task_travels_to_other_processes(tmp_path: Path) -> None:
    task = Task(settings_at(tmp_path), "j", 1, "chunk/00001")
    assert pickle.loads(pickle.dumps(task)) == task
    assert task.encodes
    assert not Task(settings_at(tmp_path), "j", 1, "subtitles").encodes
