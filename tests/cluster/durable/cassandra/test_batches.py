"""Which rows share a request."""

from itertools import groupby

from hypothesis import given
from hypothesis import strategies as st

from cluster.durable import Row
from cluster.durable.cassandra.batches import BYTES, OVERHEAD_BYTES, ROWS, SHARED_BYTES, SHARED_PARTITIONS, Encoded, batches

NODES = {"a": "x", "b": "x", "c": "x", "d": "x", "e": "x", "f": "y", "g": "y", "h": None, "i": None}
encoded = st.builds(
    lambda partition, version, size: (Row(partition, "sort", version, "kind", {}), "v" * size),
    st.sampled_from(sorted(NODES)),
    st.integers(0, 9),
    st.sampled_from([2, 300, 2000, 100_000]),
)


def partitions(batch: list[Encoded]) -> list[str]:
    return [partition for partition, _ in groupby(row.partition for row, _ in batch)]


@given(st.lists(encoded, max_size=200))
def test_every_row_is_written_once_and_those_of_a_partition_in_their_order(rows: list[Encoded]) -> None:
    made = [pair for batch in batches(rows, len, NODES.get) for pair in batch]
    for partition in NODES:
        assert [pair for pair in made if pair[0].partition == partition] == [pair for pair in rows if pair[0].partition == partition]


@given(st.lists(encoded, max_size=200))
def test_only_a_few_small_partitions_of_the_same_nodes_share_a_request(rows: list[Encoded]) -> None:
    for batch in batches(rows, len, NODES.get):
        size_bytes = sum(OVERHEAD_BYTES + len(row.sort) + len(value) for row, value in batch)
        shared = partitions(batch)
        assert batch
        if len(shared) == 1:
            assert len(batch) == 1 or (len(batch) <= ROWS and size_bytes <= BYTES)
        else:
            assert len({NODES[partition] for partition in shared} - {None}) == len({NODES[partition] for partition in shared}) == 1
            assert len(shared) <= SHARED_PARTITIONS
            assert size_bytes <= SHARED_BYTES


def test_small_rows_of_partitions_of_the_same_nodes_share_as_few_requests_as_they_may() -> None:
    rows = [(Row(f"account-{number:02d}", sort, 1, "kind", {}), "v" * 200) for sort in ("beat", "place") for number in range(32)]
    assert [len(batch) for batch in batches(rows, len, lambda _: "everywhere")] == [2 * SHARED_PARTITIONS] * (32 // SHARED_PARTITIONS)
    assert [len(batch) for batch in batches(rows, len, lambda _: None)] == [2] * 32
