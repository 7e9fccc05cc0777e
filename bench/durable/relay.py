"""How soon a fact is in the log."""

from __future__ import annotations

import argparse
import asyncio
import time
from collections.abc import Callable, Coroutine
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from actors.outbox_relay import OutboxRelay
from bench.durable.facts import CHAINS, VALUE, event
from bench.durable.timing import rate
from cluster.durable import Insert, open_log, open_store
from cluster.durable.outbox import HINTS, Outbox, open_outbox
from cluster.events import PLAYBACK
from cluster.ids import new_id
from cluster.settings import load


async def relay(store: str, log: str, folder: Path, options: argparse.Namespace) -> None:
    """Print how long after its commit a fact is read from the log, with half as many commits a second as writers make alone."""
    knee = await _knee(urlsplit(store)._replace(path="/alone").geturl(), folder, options)
    settings = load(store=store, log=log, data=folder / "data")
    chains, events = await open_store(store, CHAINS), await open_log(log)
    publisher = OutboxRelay(partial(open_store, store, HINTS), partial(open_store, store), partial(open_log, log))
    outbox = await open_outbox(settings, chains, publisher.nudge)
    committed: dict[str, float] = {}
    read: dict[str, float] = {}

    async def commit(key: str) -> None:
        await _commit(outbox, key)
        committed[key] = time.perf_counter()

    async def follow(partition: int) -> None:
        offset = await events.end(PLAYBACK, partition)
        while True:
            for entry in await events.read(PLAYBACK, partition, offset, wait_s=1.0):
                offset = entry.offset + 1
                read.setdefault(entry.event.key, time.perf_counter())

    running = [asyncio.create_task(follow(partition)) for partition in range(PLAYBACK.partitions)]
    running.append(asyncio.create_task(publisher.run()))
    await _paced(lambda: _commit(outbox, new_id()), knee / 2, 2.0)  # opens what it needs
    await _paced(lambda: commit(new_id()), knee / 2, 4 * options.seconds)
    for _ in range(100):
        if committed.keys() <= read.keys():
            break
        await asyncio.sleep(0.1)
    for task in running:
        task.cancel()
    await asyncio.gather(*running, return_exceptions=True)
    delays_s = sorted(max(0.0, read[key] - at_s) for key, at_s in committed.items() if key in read)
    p50, p99 = (1000 * delays_s[int(share * (len(delays_s) - 1))] for share in (0.5, 0.99))
    print(f"relay at {knee / 2:,.0f} commits/s (half of {knee:,.0f}): {len(delays_s)} facts, {len(committed) - len(delays_s)} missing")
    print(f"  from the commit to a reader of Kafka: p50 {p50:.0f} ms, p99 {p99:.0f} ms (at most 500)")
    for opened in (outbox, publisher, chains, events):
        await opened.close()


async def _knee(store: str, folder: Path, options: argparse.Namespace) -> float:
    """Return how many facts a second 32 writers commit when nothing else is done: in a keyspace that no relay knows."""
    chains = await open_store(store, CHAINS)
    outbox = await open_outbox(load(store=store, data=folder / "data"), chains)
    await rate(lambda _: _commit(outbox, new_id()), 32, 1.0)
    knee = await rate(lambda _: _commit(outbox, new_id()), 32, 2 * options.seconds)
    await outbox.close()
    await chains.close()
    return knee


async def _paced(call: Callable[[], Coroutine[Any, Any, None]], a_second: float, seconds: float) -> None:
    """Begin so many calls a second, whether or not earlier ones have been answered; return when all have been."""
    began_s = time.perf_counter()
    async with asyncio.TaskGroup() as calls:
        for number in range(int(a_second * seconds)):
            await asyncio.sleep(max(0.0, began_s + number / a_second - time.perf_counter()))
            calls.create_task(call())


async def _commit(outbox: Outbox, key: str) -> None:
    await outbox.commit(key, [Insert("s", "chain", VALUE)], [event(key, 1)])
