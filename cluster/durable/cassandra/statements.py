"""The CQL of one table, prepared, and how rows are bound to it and read from it.

Refuses to know when a statement is run, and what its answer means.
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from typing import Any, Final
from uuid import UUID

import msgspec
from cassandra.query import BatchStatement, BatchType

from cluster.durable.cassandra import schema
from cluster.durable.cassandra.conditions import ABSENT, Found, Prepared, lasting
from cluster.durable.cassandra.session import Session
from cluster.durable.store import Mode, Row, Table, Value
from cluster.errors import CorruptData

TTL_MARGIN_S: Final = 3600.0
"""How long an expired row is kept: clocks differ, and only what nobody takes for live may go."""
LONGEST_TTL_S: Final = 5 * 365 * 86400.0
"""A row that lives longer is not collected: Cassandra refuses expiries past 2038."""
_TOP: Final = "\U0010ffff" * 257  # above every key: they have at most 1024 bytes

# Rows are written by UPDATE alone: INSERT would leave a marker that keeps a row of nothing once its cells have expired.
_WRITE: Final = (
    "UPDATE {table} USING TTL ? SET version = ?, kind = ?, value = ?, expires_at_s = ?, tag = ? WHERE partition = ? AND sort = ?"
)
_LOAD: Final = (
    "UPDATE {table} USING TIMESTAMP ? AND TTL ? SET version = ?, kind = ?, value = ?, expires_at_s = ? WHERE partition = ? AND sort = ?"
)
_CHECK: Final = "DELETE checked FROM {table} WHERE partition = ? AND sort = ?"
_DELETE: Final = "DELETE FROM {table} WHERE partition = ? AND sort = ?"
_IF_ABSENT: Final = " IF version = null AND expires_at_s = null"
_IF_LIVE: Final = " IF version = ? AND expires_at_s > ?"
_IF_EXACTLY: Final = " IF version = ? AND expires_at_s = ?"
_PAGE: Final = "SELECT sort, {columns} FROM {table} WHERE partition = ? AND sort >= ? AND sort < ? ORDER BY sort {order} LIMIT ?"
_DISCARDABLE: Final = (
    "SELECT partition, sort, {columns}, WRITETIME(version) AS written_us FROM {table}"
    " WHERE partition {of} AND sort >= ? AND sort < ? PER PARTITION LIMIT ?"
)
_WHOLE: Final = "SELECT partition, sort, {columns} FROM {table} WHERE token(partition) > ? AND token(partition) <= ?"


class Reads:
    """What is read of a table of either mode."""

    def __init__(self, session: Session, table: Table) -> None:
        self.table = table
        self._name = schema.table_name(session.address.keyspace, table)
        self._session = session
        self.columns = "version, kind, value, expires_at_s" if table.mode is Mode.LINEAR else "held"
        self._get = self._prepare("SELECT sort, {columns} FROM {table} WHERE partition = ? AND sort = ?", idempotent=True)
        self._ascending = self._prepare(_PAGE.replace("{order}", "ASC"), idempotent=True)
        self._descending = self._prepare(_PAGE.replace("{order}", "DESC"), idempotent=True)
        self._whole = self._prepare(_WHOLE, idempotent=True)

    def get(self, partition: str, sort: str) -> Any:
        """Read one row."""
        return self._get.bind((partition, sort))

    def page(self, partition: str, prefix: str, after: str | None, reverse: bool, limit: int) -> Any | None:
        """Read a page of rows; None if there can be none."""
        low, high = bounds(prefix, after, reverse=reverse)
        if low >= high:
            return None
        return (self._descending if reverse else self._ascending).bind((partition, low, high, limit))

    def whole(self, tokens: tuple[int, int], limit: int) -> Any:
        """Read the partitions in a range of tokens, in pages of `limit` rows."""
        statement = self._whole.bind(tokens)
        statement.fetch_size = limit
        return statement

    def _prepare(self, cql: str, *, idempotent: bool = False) -> Any:
        prepared = self._session.driver.prepare(cql.replace("{table}", self._name).replace("{columns}", self.columns))
        prepared.is_idempotent = idempotent
        return prepared


class Plain(Reads):
    """A table whose rows are ordered by their own version, which is their timestamp: of one version a removal wins.

    A removal of a version hides every earlier write, however late it comes, until Cassandra forgets removals (gc_grace_seconds,
    10 days). Of two writes of one version the later wins, but one that expires wins against one that lasts.
    """

    def __init__(self, session: Session, table: Table) -> None:
        super().__init__(session, table)
        self._put = self._prepare(
            "UPDATE {table} USING TIMESTAMP ? AND TTL ? SET held = ? WHERE partition = ? AND sort = ?", idempotent=True
        )
        self._remove = self._prepare("DELETE FROM {table} USING TIMESTAMP ? WHERE partition = ? AND sort = ?", idempotent=True)

    def put(self, rows: Sequence[tuple[Row, str]], now_s: float) -> Any:
        """Write rows of one partition, each with its encoded value."""
        written_us = time.time_ns() // 1000
        batch = BatchStatement(BatchType.UNLOGGED)
        batch.is_idempotent = True
        for number, (row, value) in enumerate(rows):
            expires_at_s = lasting(row.expires_at_s)
            held = (written_us + number, row.version, row.kind, value, expires_at_s)
            batch.add(self._put.bind((row.version, ttl_s(expires_at_s, now_s), held, row.partition, row.sort)))
        return batch

    load = put

    def remove(self, partition: str, sort: str, version: int) -> Any:
        """Remove a row."""
        return self._remove.bind((version, partition, sort))


class Linear(Reads):
    """A table whose rows change by conditions on their versions."""

    def __init__(self, session: Session, table: Table) -> None:
        super().__init__(session, table)
        self._write = {condition: self._prepare(_WRITE + condition) for condition in (_IF_ABSENT, _IF_LIVE, _IF_EXACTLY)}
        self._check = {condition: self._prepare(_CHECK + condition) for condition in (_IF_ABSENT, _IF_LIVE, _IF_EXACTLY)}
        self._delete = self._prepare(_DELETE + _IF_LIVE)
        self._load = self._prepare(_LOAD, idempotent=True)
        self._discardable = self._prepare(_DISCARDABLE.replace("{of}", "= ?"), idempotent=True)
        self._discardable_together = self._prepare(_DISCARDABLE.replace("{of}", "IN ?"), idempotent=True)
        self._discard = self._prepare("DELETE FROM {table} USING TIMESTAMP ? WHERE partition = ? AND sort = ?", idempotent=True)
        self._evidence = self._prepare(
            "SELECT sort, version, expires_at_s, tag FROM {table} WHERE partition = ? AND sort IN ?", idempotent=True
        )

    def batch(self, partition: str, changes: Sequence[Prepared], expired: Mapping[str, Found], tag: UUID, now_s: float) -> Any:
        """Make all changes if every condition holds; `expired` are rows that are in the way of what must be absent."""
        batch = BatchStatement(BatchType.UNLOGGED)
        for change in changes:
            batch.add(self._bind(partition, change, expired.get(change.sort), tag, now_s))
        return batch

    def load(self, rows: Sequence[tuple[Row, str]], now_s: float) -> Any:
        """Write rows of one partition without conditions, each with its encoded value.

        The version is the timestamp, a moment in 1970: a lightweight transaction has the servers' time, which is later by any clock,
        and of two loads the higher version stays.
        """
        batch = BatchStatement(BatchType.UNLOGGED)
        batch.is_idempotent = True
        for row, value in rows:
            expires_at_s = lasting(row.expires_at_s)
            columns = (row.version, ttl_s(expires_at_s, now_s), row.version, row.kind, value, expires_at_s)
            batch.add(self._load.bind((*columns, row.partition, row.sort)))
        return batch

    def discardable(self, partitions: Sequence[str], prefix: str, limit: int) -> Any:
        """Read the first rows of some partitions, and when each was written by the servers' clocks: `written_us`."""
        bound = *bounds(prefix, None, reverse=False), limit
        if len(partitions) == 1:  # the driver knows which nodes to ask
            return self._discardable.bind((partitions[0], *bound))
        return self._discardable_together.bind((list(partitions), *bound))

    def discard(self, rows: Sequence[tuple[Row, int]]) -> Any:
        """Remove what was written at these times, and not since.

        A removal with the time of a write hides that write and all before it, and no later one: so it may stand beside conditions.
        """
        batch = BatchStatement(BatchType.UNLOGGED)
        batch.is_idempotent = True
        for row, written_us in rows:
            batch.add(self._discard.bind((written_us, row.partition, row.sort)))
        return batch

    def evidence(self, partition: str, changes: Sequence[Prepared]) -> Any:
        """Read what `found_rows` takes."""
        return self._evidence.bind((partition, [change.sort for change in changes]))

    def _bind(self, partition: str, change: Prepared, expired: Found | None, tag: UUID, now_s: float) -> Any:
        if change.if_version != ABSENT:
            condition, bound = _IF_LIVE, [change.if_version, now_s]
        elif expired is not None:
            condition, bound = _IF_EXACTLY, [expired.version, expired.expires_at_s]
        else:
            condition, bound = _IF_ABSENT, []
        if change.deletes and change.if_version != ABSENT:
            return self._delete.bind((partition, change.sort, *bound))
        if not change.writes:
            return self._check[condition].bind((partition, change.sort, *bound))
        values = (ttl_s(change.expires_at_s, now_s), change.if_version + 1, change.kind, change.value, change.expires_at_s, tag)
        return self._write[condition].bind((*values, partition, change.sort, *bound))


def bounds(prefix: str, after: str | None, *, reverse: bool) -> tuple[str, str]:
    """Return the least sort of a page, and the least above all of it; sorts compare by code points, as their UTF-8 does."""
    low, high = prefix, _beyond(prefix)
    if after is not None:
        if reverse:
            high = min(high, after)
        else:
            low = max(low, after + "\0")  # the next text there is
    return low, high


def ttl_s(expires_at_s: float, now_s: float) -> int:
    """Return the seconds after which Cassandra may collect a row; 0 for never."""
    left_s = expires_at_s - now_s + TTL_MARGIN_S
    return 0 if left_s > LONGEST_TTL_S else max(1, math.ceil(left_s))


def linear_row(partition: str, found: Mapping[str, Any], now_s: float) -> Row | None:
    """Return the row, or None if it has expired."""
    if found["expires_at_s"] is None or not found["expires_at_s"] > now_s:
        return None
    return _row(partition, found["sort"], found["version"], found["kind"], found["value"], found["expires_at_s"])


def plain_row(partition: str, found: Mapping[str, Any], now_s: float) -> Row | None:
    """Return the row, or None if it has expired."""
    _, version, kind, value, expires_at_s = found["held"]
    return _row(partition, found["sort"], version, kind, value, expires_at_s) if expires_at_s > now_s else None


def found_rows(rows: Sequence[Mapping[str, Any]]) -> dict[str, Found]:
    """Return by sort what a condition, or `evidence`, saw; a row that is not there is left out."""
    return {
        row["sort"]: Found(row["version"], row["expires_at_s"], row.get("tag"))
        for row in rows
        if row.get("version") is not None and row.get("expires_at_s") is not None
    }


def _row(partition: str, sort: str, version: int, kind: str, value: str, expires_at_s: float) -> Row:
    try:
        decoded: Value = msgspec.json.decode(value)
    except (msgspec.DecodeError, TypeError) as error:
        raise CorruptData(f"The value of {partition}/{sort} is no JSON: {error}") from error
    return Row(partition, sort, version, kind, decoded, None if math.isinf(expires_at_s) else expires_at_s)


def _beyond(prefix: str) -> str:
    kept = prefix.rstrip("\U0010ffff")
    if not kept:
        return _TOP
    following = ord(kept[-1]) + 1
    return kept[:-1] + chr(0xE000 if following == 0xD800 else following)
