"""The store on Cassandra beside the bare driver."""

from __future__ import annotations

import argparse
import asyncio
import itertools
import time
from typing import Any
from uuid import uuid4

from bench.durable.facts import CHAINS, POINTS, VALUE
from bench.durable.timing import Operation, compare
from cluster.durable import Insert, Row, limits, open_store
from cluster.durable.cassandra.conditions import prepare
from cluster.durable.cassandra.driver import Kind
from cluster.durable.cassandra.store import CassandraStore
from cluster.ids import new_id


def bridged(driver: Any, statement: Any, kind: Kind) -> asyncio.Future[Any]:
    """Run a statement by the bare driver."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[Any] = loop.create_future()
    driver.execute_async(statement, execution_profile=kind.value).add_callbacks(
        lambda rows: loop.call_soon_threadsafe(future.set_result, rows),
        lambda error: loop.call_soon_threadsafe(future.set_exception, error),
    )
    return future


async def cassandra(url: str, options: argparse.Namespace) -> None:
    """Compare point reads, point writes and conditional inserts, 32 in flight."""
    points, chains = await open_store(url, POINTS), await open_store(url, CHAINS)
    assert isinstance(points, CassandraStore)
    assert isinstance(chains, CassandraStore)
    driver, plain, linear = points._opened().driver, points._statements, chains._statements
    versions = itertools.count(1)
    await asyncio.gather(*(points.put([Row(f"p{caller}", "s", next(versions), "point", VALUE)]) for caller in range(32)))

    def row(caller: int) -> Row:
        return Row(f"p{caller}", "s", next(versions), "point", VALUE)

    async def bare_put(caller: int) -> None:
        written = row(caller)
        await bridged(driver, plain.put([(written, limits.encode_value(written.value))], time.time()), Kind.WRITE)  # type: ignore[union-attr]

    async def bare_insert(caller: int) -> None:
        change = prepare(Insert("s", "chain", VALUE))
        await bridged(driver, linear.batch(new_id(), [change], {}, uuid4(), time.time()), Kind.LINEAR)  # type: ignore[union-attr]

    pairs: list[tuple[str, Operation, Operation]] = [
        (
            "point read",
            lambda caller: points.get(f"p{caller}", "s"),
            lambda caller: bridged(driver, plain.get(f"p{caller}", "s"), Kind.READ),
        ),
        ("point write", lambda caller: points.put([row(caller)]), bare_put),
        ("conditional insert (LWT)", lambda _: chains.batch(new_id(), [Insert("s", "chain", VALUE)]), bare_insert),
    ]
    for label, ours, bare in pairs:
        await compare(f"Cassandra: {label}, 32 in flight", ours, bare, 32, options, 0.85)
    await points.close()
    await chains.close()
