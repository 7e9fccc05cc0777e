"""Each entry is applied once and its result is there, whatever fails, whoever dies, and however many believe to be the owner."""

import asyncio
import contextlib
import itertools
import tempfile
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cluster.events import Event
from tests.actors.processors.world import Faults, Killed, World, drained, in_world, number, until
from tests.memory import FOLDER

EVENTS = [
    number("a", 1),
    number("b", 1),
    number("a", 2, poison="apply"),
    number("a", 2),
    number("b", 1),  # came twice
    number("b", 2, to=["b", "b's"]),
    number("c", 1, poison="keys"),
    number("c", 1),
]
RESULT = {"a": [1, 2], "b": [1, 2], "b's": [2], "c": [1]}


def expected(events: Sequence[Event]) -> dict[str, list[int]]:
    return _expected(events)[0]


def _expected(events: Sequence[Event]) -> tuple[dict[str, list[int]], int]:
    """Return the result, and how many events are set aside."""
    found: dict[str, list[int]] = defaultdict(list)
    last: dict[str, int] = {}
    aside = 0
    for event in events:
        old, poison = last.get(event.key, 0) >= event.entity_version, event.value.get("poison")
        aside += poison == "keys" or (poison == "apply" and not old)
        if poison or old:
            continue
        last[event.key] = event.entity_version
        for key in event.value.get("to", [event.key]):
            found[key].append(event.entity_version)
    return dict(found), aside


@pytest.mark.parametrize("killed", [False, True], ids=["failed", "killed"])
@pytest.mark.parametrize("when", ["before", "after"])
def test_a_fault_at_any_call_loses_nothing_and_applies_nothing_twice(when: str, killed: bool, tmp_path: Path) -> None:
    counted: list[int] = []
    for at in itertools.count(1):

        async def scenario(world: World, at: int = at) -> None:
            faults = Faults(at, when, killed)
            await world.give(*EVENTS)
            processor = world.processor(faults)
            try:
                await drained(processor)
            except Killed:
                await drained(world.processor())
            counted.append(faults.calls)
            assert await world.got() == RESULT == expected(EVENTS)
            assert sorted(letter["reason"] for letter in await world.letters()) == ["KeyError: 'to'", "ValueError: no number: 2"]
            assert await world.lag() == 0

        in_world(tmp_path / str(at), scenario)
        if counted[-1] < at:
            break
    assert at > 15


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_fault_at_any_call_while_it_runs_is_recovered_from_by_itself(when: str, tmp_path: Path) -> None:
    for at in range(1, 20):

        async def scenario(world: World, at: int = at) -> None:
            await world.give(*EVENTS)
            running = asyncio.create_task(world.processor(Faults(at, when)).run())

            async def done() -> bool:
                return await world.got() == RESULT

            await until(done)
            running.cancel()
            await asyncio.wait({running})

        in_world(tmp_path / str(at), scenario)


def test_of_two_owners_no_entry_is_applied_twice(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        events = [number(f"k{at % 7}", at) for at in range(1, 301)]
        first, second = world.processor(), world.processor()
        await world.give(*events[:100])
        await asyncio.gather(drained(first), drained(second))
        await world.give(*events[100:200])
        await first.run_once()
        await drained(second)  # it believes to be further back
        await world.give(*events[200:])
        running = [asyncio.create_task(each.run()) for each in (first, second)]

        async def done() -> bool:
            return await world.lag() == 0

        await until(done)
        for each in running:
            each.cancel()
        await asyncio.wait(running)
        assert await world.got() == expected(events)

    in_world(tmp_path, scenario)


@settings(max_examples=25, deadline=None)
@given(st.data())
def test_owners_that_take_turns_in_any_order_and_die_at_any_call_come_to_the_same(data: st.DataObject) -> None:
    shape = st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from([None, "apply", "keys"]), st.integers(1, 9)), max_size=12)

    async def scenario(world: World) -> None:
        events: list[Event] = []
        owners = [world.processor(), world.processor()]
        for given_now in data.draw(st.lists(shape, min_size=1, max_size=4)):
            some = [number(key, version, **({"poison": poison} if poison else {})) for key, poison, version in given_now]
            events += some
            await world.give(*some)
            turn = data.draw(st.integers(0, 1))
            fault = data.draw(st.tuples(st.integers(0, 12), st.sampled_from(["before", "after"]), st.booleans()))
            if fault[0]:
                owners[turn] = world.processor(Faults(*fault))
            try:
                await drained(owners[turn])
            except Killed:
                owners[turn] = world.processor()
        for owner in owners:
            with contextlib.suppress(Killed):
                await drained(owner)
        await drained(world.processor())
        result, aside = _expected(events)
        assert await world.got() == result
        letters = [(letter["partition"], letter["offset"]) for letter in await world.letters()]
        assert len(letters) == len(set(letters)) == aside

    with tempfile.TemporaryDirectory(dir=FOLDER) as folder:
        in_world(Path(folder), scenario)
