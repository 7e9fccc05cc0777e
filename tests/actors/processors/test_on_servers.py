"""The same on Cassandra and Kafka: the result once, what is wrong set aside, a replay, two owners, a kill."""

import asyncio

import pytest

from actors.processors import results
from cluster.durable import partition_of
from tests.actors.processors.world import LISTS, Faults, Killed, World, between, drained, number
from tests.contracts.adapters import LOGS, STORES

EVENTS = [number(f"k{at % 5}", at + 1, **({"poison": "apply"} if at % 20 == 19 else {})) for at in range(100)]
RESULT = {f"k{key}": [event.entity_version for event in EVENTS if event.key == f"k{key}" and not event.value] for key in range(5)}


@pytest.mark.parametrize("log", LOGS[1])
@pytest.mark.parametrize("store", STORES[1])
def test_each_store_and_log_together(store, log, request: pytest.FixtureRequest) -> None:
    async def scenario(world: World) -> None:
        await world.give(*EVENTS[:60])
        first, second = world.processor(), world.processor()
        await asyncio.gather(drained(first), drained(second))
        for first_event, at, when in ((60, 5, "before"), (70, 6, "after"), (80, 8, "after")):
            killed = world.processor(Faults(at, when, killed=True))
            await world.give(*EVENTS[first_event : first_event + 10])
            with pytest.raises(Killed):
                while True:
                    await killed.run_once()
        await world.give(*EVENTS[75:])  # some of them for the second time
        await drained(world.processor())
        assert await world.got() == RESULT
        assert sorted({letter["event"]["entity_version"] for letter in await world.letters()}) == [20, 40, 60, 80, 100]
        assert await world.lag() == 0
        await results.replay(world.store, LISTS, partition_of("k1", 2))
        await drained(second)
        assert await world.got() == RESULT

    between(store(request), log(request), scenario)
