"""How answers come from the driver's thread to those who wait for them on an event loop."""

import asyncio
import threading
from collections.abc import Callable
from typing import Any

import pytest

from cluster.durable.cassandra import answers as module
from cluster.durable.cassandra.answers import Answers


class Sent:
    """What the driver returns for a statement that was sent; its answer is given by hand, as the driver's thread does."""

    def __init__(self) -> None:
        self._callbacks: list[tuple[Callable[..., None], tuple[Any, ...]]] = []

    def add_callbacks(self, done: Any, failed: Any, arguments: Any, _: Any, failed_arguments: Any) -> None:
        self._callbacks = [(done, arguments), (failed, failed_arguments)]

    def answer(self, outcome: Any) -> None:
        call, arguments = self._callbacks[isinstance(outcome, Exception)]
        call(outcome, *arguments)


async def waiting(answers: Answers, count: int) -> tuple[list[Sent], list[asyncio.Task[Any]]]:
    sent = [Sent() for _ in range(count)]
    tasks = [asyncio.create_task(answers.of(each, 30.0)) for each in sent]
    await asyncio.sleep(0)
    return sent, tasks


def test_each_gets_its_own_answer_whoever_gives_up_and_whatever_fails() -> None:
    async def go() -> None:
        sent, tasks = await waiting(Answers(asyncio.get_running_loop()), 4)
        tasks[0].cancel()

        def answer() -> None:
            for number, outcome in enumerate(([{"n": 0}], [{"n": 1}], None, ValueError("bad"))):
                sent[number].answer(outcome)

        thread = threading.Thread(target=answer)
        thread.start()
        outcomes = await asyncio.gather(*tasks, return_exceptions=True)
        thread.join()
        assert isinstance(outcomes[0], asyncio.CancelledError)
        assert outcomes[1:3] == [[{"n": 1}], []]
        assert isinstance(outcomes[3], ValueError)

    asyncio.run(go())


def test_an_answer_is_not_left_lying_however_it_meets_the_one_before() -> None:
    async def go() -> None:
        sent, tasks = await waiting(Answers(asyncio.get_running_loop()), 2000)
        thread = threading.Thread(target=lambda: [each.answer([]) for each in sent])
        thread.start()
        async with asyncio.timeout(20):
            await asyncio.gather(*tasks)
        thread.join()

    asyncio.run(go())


def test_the_loop_is_woken_once_for_the_answers_that_come_before_it_looks() -> None:
    async def go() -> None:
        loop, woken = asyncio.get_running_loop(), []
        sent, tasks = await waiting(Answers(loop), 10)
        wake = loop.call_soon_threadsafe
        loop.call_soon_threadsafe = lambda *step, **more: woken.append(step) or wake(*step, **more)  # type: ignore[method-assign, func-returns-value]
        for _ in range(2):
            for each in [sent.pop() for _ in range(5)]:
                each.answer([])
            await asyncio.sleep(0)
        await asyncio.gather(*tasks)
        assert len(woken) == 2

    asyncio.run(go())


def test_who_is_not_answered_in_time_does_not_wait_for_ever_also_after_a_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "WATCH_EVERY_S", 0.01)

    async def go() -> None:
        answers = Answers(asyncio.get_running_loop())
        for _ in range(2):
            sent, patient = Sent(), Sent()
            waits = asyncio.create_task(answers.of(patient, 30.0))
            with pytest.raises(TimeoutError):
                await answers.of(sent, 0.01)
            sent.answer([])  # too late: nobody minds
            patient.answer([])
            assert await waits == []
            while answers._watching:  # noqa: ASYNC110
                await asyncio.sleep(0)

    asyncio.run(go())


def test_an_answer_to_a_loop_that_was_closed_disturbs_nobody() -> None:
    async def go() -> list[Sent]:
        sent, tasks = await waiting(Answers(asyncio.get_running_loop()), 1)
        tasks[0].cancel()
        return sent

    (sent,) = asyncio.run(go())
    sent.answer([])
