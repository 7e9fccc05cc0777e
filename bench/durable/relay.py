"""How soon a fact is in the log."""

from __future__ import annotations

import argparse
import asyncio
import time
from pathlib import Path

from bench.durable.facts import CHAINS, VALUE, event
from bench.durable.timing import rate
from cluster.durable import Insert, open_log, open_store
from cluster.durable.outbox import HINTS, open_outbox
from cluster.events import PLAYBACK
from cluster.ids import new_id
from cluster.settings import load


async def relay(store: str, log: str, folder: Path, options: argparse.Namespace) -> None:
    """Print how long after its commit a fact is read from the log, with half as many commits a second as can be made."""
    from functools import partial

    from actors.outbox_relay.relay import OutboxRelay

    settings = load(store=store, log=log, data=folder / "data")
    chains, events = await open_store(store, CHAINS), await open_log(log)
    publisher = OutboxRelay(partial(open_store, store, HINTS), partial(open_store, store), partial(open_log, log))
    outbox = await open_outbox(settings, chains, publisher.nudge)
    committed: dict[str, float] = {}
    delays_s: list[float] = []

    async def commit(_: int) -> None:
        key = new_id()
        await outbox.commit(key, [Insert("s", "chain", VALUE)], [event(key, 1)])
        committed[key] = time.perf_counter()

    async def read(partition: int) -> None:
        offset = await events.end(PLAYBACK, partition)
        while True:
            for entry in await events.read(PLAYBACK, partition, offset, wait_s=1.0):
                offset = entry.offset + 1
                if entry.event.key in committed:
                    delays_s.append(time.perf_counter() - committed.pop(entry.event.key))

    publishing = asyncio.create_task(publisher.run())
    await rate(commit, 32, 1.0)
    knee = await rate(commit, 32, 2 * options.seconds)
    await asyncio.sleep(2.0)
    committed.clear()
    readers = [asyncio.create_task(read(partition)) for partition in range(PLAYBACK.partitions)]
    await asyncio.sleep(1.0)
    pace, commits = 2.0 / knee, set()
    began_s = time.perf_counter()
    for number in range(int(4 * options.seconds / pace)):
        await asyncio.sleep(max(0.0, began_s + number * pace - time.perf_counter()))
        task = asyncio.create_task(commit(0))
        commits.add(task)
        task.add_done_callback(commits.discard)
    await asyncio.gather(*commits)
    for _ in range(100):
        if not committed:
            break
        await asyncio.sleep(0.1)
    for task in (publishing, *readers):
        task.cancel()
    await asyncio.gather(publishing, *readers, return_exceptions=True)
    delays_s.sort()
    p50, p99 = (1000 * delays_s[int(share * (len(delays_s) - 1))] for share in (0.5, 0.99))
    print(f"relay at {knee / 2:,.0f} commits/s (half of {knee:,.0f}): {len(delays_s)} facts, {len(committed)} missing")
    print(f"  from the commit to a reader of Kafka: p50 {p50:.0f} ms, p99 {p99:.0f} ms (at most 500)")
    for opened in (outbox, publisher, chains, events):
        await opened.close()
