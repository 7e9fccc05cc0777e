"""What nothing can be made of is set aside with its reason, once, and the rest goes on."""

import random
import sqlite3
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from actors.processors import Processor, results
from cluster.durable import partition_of
from cluster.events import Event
from tests.actors.processors.world import LISTS, NUMBERS, Faults, World, drained, in_world, number

BAD = ("apply", "keys", "stranger", "no json", "too large")


def count(current: dict[str, Any], event: Event) -> dict[str, Any]:
    if event.value.get("poison"):
        raise ValueError(f"{event.key} is bad in version {event.entity_version}")
    return {key: {"got": (row["got"] if row else 0) + 1} for key, row in current.items()}


COUNTS = Processor("counts", NUMBERS, lambda event: [event.value["to"]], count)


def damage(folder: Path, partition: int, offset: int) -> None:
    with sqlite3.connect(folder / "log" / "numbers.sqlite3") as file:
        file.execute("UPDATE entries SET event = '{' WHERE partition = ? AND offset = ?", (partition, offset))


def test_a_hundred_bad_events_among_ten_thousand_are_set_aside_with_reasons_and_the_rest_is_done(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        chosen = random.Random(1)
        bad = set(chosen.sample(range(10_000), 100))
        events = [
            number(f"account {at % 300}", at + 1, to=f"t{chosen.randrange(50)}", **({"poison": "yes"} if at in bad else {}))
            for at in range(10_000)
        ]
        await world.give(*events)
        assert await world.processor(processor=COUNTS).run_once() == 10_000
        good = Counter(event.value["to"] for at, event in enumerate(events) if at not in bad)
        counted: Counter[str] = Counter()
        for partition in range(NUMBERS.partitions):
            counted.update({key: value["got"] for key, value in await results.rows(world.store, COUNTS.name, partition)})
        assert counted == good
        letters = await world.letters()
        assert {letter["reason"] for letter in letters} == {
            f"ValueError: {events[at].key} is bad in version {events[at].entity_version}" for at in bad
        }
        assert len(letters) == 100
        for letter in letters:
            (entry,) = await world.log.read(NUMBERS, letter["partition"], letter["offset"], limit=1)
            assert letter["event"]["entity_version"] == entry.event.entity_version
        told = [await results.progress(world.store, world.log, COUNTS, partition) for partition in range(NUMBERS.partitions)]
        assert sum(each.aside for each in told) == 100
        assert sum(each.offset for each in told) == 10_000

    in_world(tmp_path, scenario)


@pytest.mark.parametrize("poison", BAD)
def test_whatever_is_wrong_with_an_event_only_it_is_set_aside(poison: str, tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        await world.give(*(number("a", at, **({"poison": poison} if at in {3, 7} else {})) for at in range(1, 10)))
        assert await world.processor().run_once() == 9
        assert await world.got() == {"a": [1, 2, 4, 5, 6, 8, 9]}
        assert [letter["event"]["entity_version"] for letter in await world.letters()] == [3, 7]

    in_world(tmp_path, scenario)


@pytest.mark.parametrize(
    "to", [["k" * 2000], ["nul\0"], [f"k{each}" for each in range(150)]], ids=["too long a key", "a NUL in it", "too many rows"]
)
def test_an_event_that_comes_to_more_than_the_store_takes_is_set_aside(to: list[str], tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        await world.give(*(number("a", at, **({"to": to} if at == 40 else {})) for at in range(1, 80)))
        await world.processor().run_once()
        assert await world.got() == {"a": [at for at in range(1, 80) if at != 40]}
        (letter,) = await world.letters()
        assert letter["reason"].startswith("InvalidInput: ")
        assert letter["processor"] == "lists"
        assert letter["event"]["value"] == {"to": to}

    in_world(tmp_path, scenario)


def test_rows_that_are_too_much_for_one_write_are_written_in_several(tmp_path: Path) -> None:
    def heavier(current: dict[str, Any], event: Event) -> dict[str, Any]:
        return {key: {"got": [*(row["got"] if row else []), "x" * 60_000]} for key, row in current.items()}

    heavy = Processor("heavy", NUMBERS, lambda event: [event.key], heavier)

    async def scenario(world: World) -> None:
        faults = Faults()
        faults.most_bytes = 3 << 20
        for version in (1, 2, 3):  # new rows, and rows that grow
            await world.give(*(number(f"account {each}", version) for each in range(90)))
            await world.processor(faults, heavy).run_once()
        assert {key: len(value) for key, value in (await world.got(heavy)).items()} == {f"account {each}": 3 for each in range(90)}
        assert await world.letters() == []
        assert 0 < faults.refused < 20

    in_world(tmp_path, scenario)


def test_an_event_that_fails_once_is_not_set_aside(tmp_path: Path) -> None:
    tried: list[Event] = []

    def second_time(current: dict[str, Any], event: Event) -> dict[str, Any]:
        tried.append(event)
        if len(tried) % 3:
            raise OSError("not yet")
        return {key: {"got": event.entity_version} for key in current}

    async def scenario(world: World) -> None:
        await world.give(number("a", 1), number("b", 2))
        await world.processor(processor=Processor("late", NUMBERS, LISTS.keys, second_time)).run_once()
        assert {key for each in range(2) for key, _ in await results.rows(world.store, "late", each)} == {"a", "b"}
        assert await world.letters() == []

    in_world(tmp_path, scenario)


def test_entries_that_cannot_be_read_are_set_aside_and_those_around_them_are_not(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        await world.give(*(number("a", at) for at in range(1, 10)))
        for offset in (0, 4, 5, 8):
            damage(tmp_path, partition_of("a", 2), offset)
        assert await world.processor().run_once() == 9
        assert await world.got() == {"a": [2, 3, 4, 7, 8]}
        letters = await world.letters()
        assert [letter["offset"] for letter in letters] == [0, 4, 5, 8]
        assert all(letter["event"] is None and letter["reason"].startswith("CorruptData: Entry ") for letter in letters)
        assert await world.lag() == 0

    in_world(tmp_path, scenario)


def test_a_large_event_that_is_set_aside_is_told_without_its_words(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        large = "x" * 700_000
        await world.give(*(number("a", at, poison="apply", words=large) for at in range(1, 8)))
        await world.processor().run_once()
        assert [(letter["offset"], letter["event"]) for letter in await world.letters()] == [(at, None) for at in range(7)]

    in_world(tmp_path, scenario)


def test_set_aside_again_after_a_replay_it_is_told_again(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        await world.give(number("a", 1, poison="apply"), number("a", 2))
        processor = world.processor()
        await processor.run_once()
        await results.replay(world.store, LISTS, partition_of("a", 2))
        await drained(processor)
        assert [letter["offset"] for letter in await world.letters()] == [0, 0]
        assert await world.got() == {"a": [2]}

    in_world(tmp_path, scenario)
