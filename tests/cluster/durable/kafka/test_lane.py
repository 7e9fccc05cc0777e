"""What is gathered for one partition: in which batches it goes, and what becomes of each."""

import asyncio
from collections.abc import Awaitable, Callable

from cluster.durable.entries import Record
from cluster.durable.kafka.lane import APPEND_DEADLINE_S, BATCH_BYTES, GATHER_S, Batch, Lane


def record(size_bytes: int = 100) -> Record:
    return Record(0, "a", b"x" * size_bytes)


class Brokers:
    """Answers for each batch what it is told to."""

    def __init__(self) -> None:
        self.written: list[Batch] = []
        self.asked: asyncio.Queue[Batch] = asyncio.Queue()
        self.answers: asyncio.Queue[int | Exception] = asyncio.Queue()

    async def write(self, batch: Batch) -> None:
        self.asked.put_nowait(batch)
        answer = await self.answers.get()
        if isinstance(answer, Exception):
            batch.failure = answer
        else:
            batch.offset = answer
            self.written.append(batch)


def with_lane(go: Callable[[Lane, Brokers], Awaitable[None]]) -> None:
    async def run() -> None:
        brokers = Brokers()
        async with asyncio.timeout(10.0):
            await go(Lane(0, brokers.write), brokers)

    asyncio.run(run())


def test_what_comes_while_a_batch_is_under_way_goes_together_and_in_its_order() -> None:
    async def go(lane: Lane, brokers: Brokers) -> None:
        first, _ = lane.add(record(), 0.0)
        assert await brokers.asked.get() is first
        followers = [lane.add(record(size), 0.1) for size in (10, 20, 30)]
        assert {id(batch) for batch, _ in followers} == {id(followers[0][0])} != {id(first)}
        assert [number for _, number in followers] == [0, 1, 2]
        for offset in (7, 8):
            brokers.answers.put_nowait(offset)
        await followers[0][0].wait()
        assert [batch.offset for batch in brokers.written] == [7, 8]
        assert [len(written.raw) for written in followers[0][0].records] == [10, 20, 30]

    with_lane(go)


def test_a_batch_is_bounded_and_what_is_larger_is_alone() -> None:
    async def go(lane: Lane, _: Brokers) -> None:
        sizes = (BATCH_BYTES - 100, 100, 1, BATCH_BYTES + 1, 1)
        numbers: dict[int, list[int]] = {}
        kept = [lane.add(record(size), 0.0) for size in sizes]
        for batch, number in kept:
            numbers.setdefault(id(batch), []).append(number)
        assert list(numbers.values()) == [[0, 1], [0], [0], [0]]

    with_lane(go)


def test_one_that_comes_later_has_a_deadline_of_its_own() -> None:
    async def go(lane: Lane, _: Brokers) -> None:
        first, _ = lane.add(record(), 0.0)
        assert lane.add(record(), GATHER_S / 2)[0] is first
        later, _ = lane.add(record(), GATHER_S)
        assert (first.deadline_s, later.deadline_s) == (APPEND_DEADLINE_S, GATHER_S + APPEND_DEADLINE_S)

    with_lane(go)


def test_what_follows_a_batch_that_was_not_written_is_not_written_and_what_comes_afterwards_is() -> None:
    async def go(lane: Lane, brokers: Brokers) -> None:
        failure = OSError("gone")
        first, _ = lane.add(record(), 0.0)
        assert await brokers.asked.get() is first
        second, _ = lane.add(record(), 0.0)
        third, _ = lane.add(record(), GATHER_S)
        brokers.answers.put_nowait(failure)
        await third.wait()
        assert [batch.settled for batch in (first, second, third)] == [True] * 3
        assert [batch.failure for batch in (first, second, third)] == [failure] * 3
        brokers.answers.put_nowait(5)
        later, _ = lane.add(record(), 0.0)
        await later.wait()
        assert brokers.written == [later]

    with_lane(go)


def test_who_gives_up_takes_nothing_from_those_who_wait_for_the_same() -> None:
    async def go(lane: Lane, brokers: Brokers) -> None:
        batch, _ = lane.add(record(), 0.0)
        hasty, patient = batch.wait(), batch.wait()
        hasty.cancel()
        brokers.answers.put_nowait(3)
        await patient
        assert batch.offset == 3

    with_lane(go)


def test_nobody_waits_for_a_lane_that_was_ended() -> None:
    async def go(lane: Lane, brokers: Brokers) -> None:
        first, _ = lane.add(record(), 0.0)
        await brokers.asked.get()
        second, _ = lane.add(record(), 0.0)
        waiting = first.wait(), second.wait()
        assert lane.task is not None
        lane.task.cancel()
        await asyncio.gather(*waiting)
        assert (first.offset, second.offset, lane.task) == (None, None, None)

    with_lane(go)
