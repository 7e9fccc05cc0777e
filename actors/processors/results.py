"""What others may do with a processor's partitions: read the result, see how far it is, and have it made anew."""

from __future__ import annotations

import asyncio
import random
from typing import Final

import msgspec

from actors.processors.kept import OFFSET, ROWS, SEEN, Place, partition_name, place_of, read_place
from actors.processors.processor import Processor
from cluster.durable import BATCH_LIMIT, Delete, Log, Store, Value
from cluster.durable.store import SCAN_LIMIT
from cluster.errors import InvalidInput, Overloaded, VersionConflict

TRIES: Final = 100


class Progress(msgspec.Struct, frozen=True):
    """How far a processor is in a partition."""

    partition: int
    offset: int
    lag: int
    """How many offsets it is behind the end of the log; 0 too where none of them has an entry."""
    aside: int
    """How many entries were set aside."""


async def progress(store: Store, log: Log, processor: Processor, partition: int) -> Progress:
    """Return how far a processor is, whether it runs or not."""
    place = await read_place(store, processor.name, partition)
    lag = max(0, await log.end(processor.topic, partition) - place.offset)
    if lag and not await log.read(processor.topic, partition, place.offset, limit=1):
        lag = 0  # entries that were let go of, or offsets that never had one
    return Progress(partition, place.offset, lag, place.aside)


async def rows(store: Store, processor: str, partition: int, prefix: str = "") -> list[tuple[str, Value]]:
    """Return the result of a partition by its keys; while a replay goes on, what it has come to."""
    place, found = await read_place(store, processor, partition), list[tuple[str, Value]]()
    root, after = place.row_sort(""), None
    while True:
        page = await store.scan(partition_name(processor, partition), root + prefix, after=after, limit=SCAN_LIMIT)
        found += [(row.sort.removeprefix(root), row.value) for row in page]
        if len(page) < SCAN_LIMIT:
            return found
        after = page[-1].sort


async def row(store: Store, processor: str, partition: int, key: str) -> Value | None:
    """Return one row of the result of a partition; None: there is none, or none yet while a replay goes on."""
    name, first = partition_name(processor, partition), Place()
    # Together: of a processor that was never replayed it is the row of the first generation.
    offset, found = await store.get_each(name, [OFFSET, first.row_sort(key)])
    place = place_of(offset)
    if place.generation != first.generation:
        found = await store.get(name, place.row_sort(key))
    return None if found is None else found.value


async def replay(store: Store, processor: Processor, partition: int, offset: int = 0) -> None:
    """Leave the partition's result behind and have the processor go on at an offset, in one write; then clean up.

    A processor that runs notices within seconds. Broken off after that write, only garbage is left: called again, it goes too.

    Raises:
        Indeterminate: it may have happened; call it again.
        Overloaded: the processor wrote each time before this could.
    """
    if not 0 <= partition < processor.topic.partitions or offset < 0:
        raise InvalidInput(f"Topic {processor.topic.name} has no offset {offset} in a partition {partition}")
    name = partition_name(processor.name, partition)
    for _ in range(TRIES):
        place = await read_place(store, processor.name, partition)
        try:
            await store.batch(name, [place.begun_anew(offset)])
        except VersionConflict:
            await asyncio.sleep(random.uniform(0.0, 0.05))
            continue
        break
    else:
        raise Overloaded(f"{processor.name} is too busy in partition {partition}", retry_after_s=1)
    for prefix in (ROWS, SEEN):
        await _clean(store, name, prefix, place.generation)


async def _clean(store: Store, name: str, prefix: str, newest: int) -> None:
    """Remove the rows of all generations up to one; nobody writes them any more."""
    while True:
        page = await store.scan(name, prefix, limit=BATCH_LIMIT - 1)
        old = [row for row in page if int(row.sort.split("/")[1]) <= newest]
        if not old:
            return
        try:
            await store.batch(name, [Delete(row.sort, row.version) for row in old])
        except VersionConflict:  # somebody else cleans here, or some have expired
            await asyncio.sleep(random.uniform(0.0, 0.05))
