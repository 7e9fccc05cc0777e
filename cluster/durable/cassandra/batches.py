"""Which rows are written, or removed, by one request.

Rows of one partition that fit; and small ones of a few partitions that the same nodes keep, which saves most of what requests cost. Few,
since the node that is asked writes them one after another, each synced before the next. Bounded by what a server takes without a warning.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from itertools import groupby
from typing import Final, Generic, TypeVar

import msgspec

from cluster.durable.store import Row

ROWS: Final = 50
BYTES: Final = 256 << 10
SHARED_PARTITIONS: Final = 4
SHARED_BYTES: Final = 5 << 10
"""Cassandra's `batch_size_warn_threshold`, which counts where a batch has several partitions; ten times as much it refuses."""
OVERHEAD_BYTES: Final = 128
"""What a row has beside its value and sort key, at most."""

With = TypeVar("With")
Encoded = tuple[Row, str]
"""A row with its encoded value."""


class _Batch(msgspec.Struct, Generic[With]):
    rows: list[tuple[Row, With]]
    size_bytes: int
    partitions: int = 1


def batches(
    rows: Sequence[tuple[Row, With]], value_bytes: Callable[[With], int], replicas: Callable[[str], Hashable]
) -> list[list[tuple[Row, With]]]:
    """Return the rows in batches, those of a partition in their order: of two writes of one version the later stays.

    `value_bytes` tells what is sent with a row, `replicas` which nodes keep a partition: None where nobody knows.
    """
    shared: dict[Hashable, _Batch[With]] = {}
    made: list[list[tuple[Row, With]]] = []
    for partition, group in groupby(sorted(rows, key=_partition), key=_partition):
        nodes = replicas(partition)
        for batch in _of_partition(group, value_bytes):
            before = None if nodes is None else shared.get(nodes)
            if before is not None and before.partitions < SHARED_PARTITIONS and before.size_bytes + batch.size_bytes <= SHARED_BYTES:
                before.rows += batch.rows
                before.size_bytes += batch.size_bytes
                before.partitions += 1
            else:
                made.append(batch.rows)
                shared[nodes] = batch
    return made


def _of_partition(rows: Iterable[tuple[Row, With]], value_bytes: Callable[[With], int]) -> Iterator[_Batch[With]]:
    batch = _Batch[With]([], 0)
    for row, value in rows:
        size_bytes = OVERHEAD_BYTES + len(row.sort) + value_bytes(value)
        if batch.rows and (len(batch.rows) >= ROWS or batch.size_bytes + size_bytes > BYTES):
            yield batch
            batch = _Batch[With]([], 0)
        batch.rows.append((row, value))
        batch.size_bytes += size_bytes
    yield batch


def _partition(row: tuple[Row, object]) -> str:
    return row[0].partition
