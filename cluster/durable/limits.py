"""The limits of keys, values and batches, checked alike by every adapter before anything is written."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from cluster.durable.store import (
    BATCH_LIMIT,
    KEY_LIMIT_BYTES,
    PUT_LIMIT,
    SCAN_LIMIT,
    TOGETHER_LIMIT,
    VALUE_LIMIT_BYTES,
    VERSION_LIMIT,
    Change,
    Mode,
    Row,
    Table,
    Value,
)
from cluster.errors import InvalidInput, ModeMixed


def require_mode(table: Table, mode: Mode) -> None:
    """Refuse the operations of the other mode."""
    if table.mode is not mode:
        raise ModeMixed(f"Table {table.name} is {table.mode}: it takes no {mode} operations")


def check_keys(partition: str, *sorts: str) -> None:
    """Refuse an empty partition, and a key that is too long or no UTF-8."""
    if not partition:
        raise InvalidInput("A partition must not be empty")
    for key in (partition, *sorts):
        try:
            size_bytes = len(key.encode())
        except UnicodeEncodeError as error:
            raise InvalidInput("A key must be text that UTF-8 can hold") from error
        if size_bytes > KEY_LIMIT_BYTES or "\0" in key:
            raise InvalidInput(f"A key has at most {KEY_LIMIT_BYTES} bytes and no NUL; this one has {size_bytes} bytes")


def encode_value(value: Value) -> str:
    """Return the value as JSON, within VALUE_LIMIT_BYTES."""
    try:
        raw = msgspec.json.encode(value)
        text = raw.decode()
    except (TypeError, ValueError, OverflowError, RecursionError) as error:
        raise InvalidInput(f"The value is no JSON: {error}") from error
    if len(raw) > VALUE_LIMIT_BYTES or not isinstance(value, dict):
        raise InvalidInput(f"A value is an object of at most {VALUE_LIMIT_BYTES} bytes; this one has {len(raw)}")
    return text


def check_rows(rows: Sequence[Row]) -> None:
    """Refuse too many rows, and keys or versions beyond their limits."""
    if len(rows) > PUT_LIMIT:
        raise InvalidInput(f"At most {PUT_LIMIT} rows are written at once, not {len(rows)}")
    for row in rows:
        check_keys(row.partition, row.sort)
        check_version(row.version)


def check_version(version: int) -> None:
    """Refuse a version that some adapter could not hold."""
    if not 0 <= version < VERSION_LIMIT:
        raise InvalidInput(f"A version is between 0 and {VERSION_LIMIT - 1}, not {version}")


def check_changes(partition: str, changes: Sequence[Change]) -> None:
    """Refuse a batch that is too long or names a sort twice."""
    sorts = [change.sort for change in changes]
    check_batch(len(changes))
    if len(set(sorts)) < len(sorts):
        raise InvalidInput("A batch changes each sort key once")
    check_keys(partition, *sorts)


def check_batch(changes: int) -> None:
    """Refuse a batch that is too long."""
    if changes > BATCH_LIMIT:
        raise InvalidInput(f"A batch has at most {BATCH_LIMIT} changes, not {changes}")


def check_together(partitions: Sequence[str], prefix: str, limit: int) -> None:
    """Refuse to read too many partitions at once, or too much of them."""
    if len(partitions) > TOGETHER_LIMIT or len(set(partitions)) < len(partitions):
        raise InvalidInput(f"At most {TOGETHER_LIMIT} partitions are read together, each once; these are {len(partitions)}")
    for partition in partitions:
        check_keys(partition, prefix)
    check_limit(limit, BATCH_LIMIT)


def check_limit(limit: int, most: int = SCAN_LIMIT) -> None:
    """Refuse a page that is empty or longer than `most`."""
    if not 1 <= limit <= most:
        raise InvalidInput(f"A page has between 1 and {most} entries, not {limit}")
