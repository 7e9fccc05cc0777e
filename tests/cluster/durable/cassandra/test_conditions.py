"""What became of a batch that was not answered, judged by the rows that are there."""

from uuid import uuid4

import pytest

from cluster.durable import Change, Check, Delete, Insert, Update
from cluster.durable.cassandra.conditions import LASTING_S, Fate, Found, failed, fate, prepare

OURS, THEIRS = uuid4(), uuid4()
NOW_S = 1000.0
INSERT, UPDATE, DELETE, CHECK = Insert("s", "kind", {}), Update("s", "kind", {}, 3), Delete("s", 3), Check("s", 3)


def row(version: int, tag: object = THEIRS, expires_at_s: float = LASTING_S) -> Found:
    return Found(version, expires_at_s, tag)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("change", "found", "expected"),
    [
        (INSERT, row(1, OURS), Fate.APPLIED),
        (INSERT, None, Fate.NOT_APPLIED),
        (INSERT, row(1), Fate.NOT_APPLIED),
        (INSERT, row(2), Fate.UNKNOWN),  # ours may have been changed since
        (INSERT, row(7, expires_at_s=NOW_S), Fate.NOT_APPLIED),  # it was in the way, and is still
        (UPDATE, row(4, OURS), Fate.APPLIED),
        (UPDATE, row(3), Fate.NOT_APPLIED),
        (UPDATE, row(4), Fate.NOT_APPLIED),
        (UPDATE, row(5), Fate.UNKNOWN),
        (UPDATE, row(1), Fate.UNKNOWN),  # removed and made anew, before or after
        (UPDATE, None, Fate.UNKNOWN),
        (DELETE, row(3), Fate.UNKNOWN),  # what was there, or what somebody made anew after it
        (DELETE, row(4), Fate.UNKNOWN),
        (DELETE, row(1), Fate.UNKNOWN),
        (DELETE, None, Fate.UNKNOWN),  # by us, or by another
        (CHECK, None, Fate.NOT_APPLIED),
        (CHECK, row(3), Fate.NOT_APPLIED),
    ],
)
def test_a_change_by_itself(change: Change, found: Found | None, expected: Fate) -> None:
    rows = {} if found is None else {"s": found}
    assert fate([prepare(change)], rows, OURS, NOW_S) is expected


def test_one_row_tells_of_the_whole_batch() -> None:
    changes = [prepare(change) for change in (Delete("a", 1), Insert("b", "kind", {}), Check("c", 0))]
    assert fate(changes, {"b": row(1, OURS)}, OURS, NOW_S) is Fate.APPLIED
    assert fate(changes, {"b": row(1)}, OURS, NOW_S) is Fate.NOT_APPLIED
    assert fate(changes, {"a": row(1), "b": row(2)}, OURS, NOW_S) is Fate.UNKNOWN
    assert fate(changes, {"b": row(2)}, OURS, NOW_S) is Fate.UNKNOWN


def test_what_fails_is_named_and_what_has_expired_is_absent() -> None:
    rows = {"a": row(1), "b": row(2, expires_at_s=NOW_S), "c": row(3, expires_at_s=NOW_S + 1)}
    changes = [prepare(change) for change in (Insert("a", "k", {}), Insert("b", "k", {}), Check("c", 3), Delete("b", 2), Check("d", 0))]
    assert failed(changes, rows, NOW_S) == ["a", "b"]
