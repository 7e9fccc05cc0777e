"""The SQL of one table of rows: plain functions on a connection, run in the writer's transaction or by a reader.

A removed row of a plain table stays as a tombstone (value NULL) until it expires, so that late writes of lower versions find it.
Refuses to know threads, files and limits.
"""

# ruff: noqa: S608 -- the only text put into SQL is a table name that `SqliteStore.open` has checked

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import Any, Final

import msgspec

from cluster.durable.limits import encode_value
from cluster.durable.store import Change, Check, Delete, Insert, Row, Table, Update, Value
from cluster.errors import CorruptData, Misconfigured, ModeMixed, StoreUnavailable, VersionConflict

TOMBSTONE_LIFETIME_S: Final = 10 * 86400.0
_SWEEP_ROWS: Final = 200
_ABSENT: Final = 0

Columns = tuple[str, str, int, str, str | None, float | None]
"""partition, sort, version, kind, value, expires_at_s; a value None is a tombstone's."""


class Prepared(msgspec.Struct, frozen=True):
    """A change whose value is encoded and within its limit already."""

    sort: str
    if_version: int
    kind: str = ""
    value: str | None = None
    expires_at_s: float | None = None
    deletes: bool = False


def prepare(change: Change) -> Prepared:
    """Return the change ready for the writer's thread."""
    match change:
        case Check():
            return Prepared(change.sort, change.if_version)
        case Delete():
            return Prepared(change.sort, change.if_version, deletes=True)
        case Insert():
            return Prepared(change.sort, _ABSENT, change.kind, encode_value(change.value), change.expires_at_s)
        case Update():
            return Prepared(change.sort, change.if_version, change.kind, encode_value(change.value), change.expires_at_s)


def closed(table: Table) -> StoreUnavailable:
    """Return the error of a store that was closed."""
    return StoreUnavailable(f"Table {table.name} is closed")


def record(connection: sqlite3.Connection, table: Table) -> None:
    """Make the table if it is missing.

    Raises:
        ModeMixed: it was made with the other mode.
        Misconfigured: it was made with another number of files.
    """
    connection.execute("CREATE TABLE IF NOT EXISTS matinee_tables (name TEXT PRIMARY KEY, mode TEXT NOT NULL, files INTEGER NOT NULL)")
    require_same(connection, table)
    connection.execute("INSERT OR IGNORE INTO matinee_tables VALUES (?, ?, ?)", (table.name, table.mode, table.files))
    connection.execute(
        f"CREATE TABLE IF NOT EXISTS {_sql_name(table)} (partition TEXT NOT NULL, sort TEXT NOT NULL, version INTEGER NOT NULL,"
        " kind TEXT NOT NULL, value TEXT, expires_at_s REAL, PRIMARY KEY (partition, sort)) WITHOUT ROWID"
    )
    connection.execute(
        f"CREATE INDEX IF NOT EXISTS {_sql_name(table)}_expiry ON {_sql_name(table)} (expires_at_s) WHERE expires_at_s IS NOT NULL"
    )


def require_same(connection: sqlite3.Connection, table: Table) -> None:
    """Refuse a table that this file holds under another declaration."""
    found = connection.execute("SELECT mode, files FROM matinee_tables WHERE name = ?", (table.name,)).fetchone()
    if found is None:
        return
    mode, files = found
    if mode != table.mode:
        raise ModeMixed(f"Table {table.name} was made {mode}; it cannot be opened as {table.mode}")
    if files != table.files:
        raise Misconfigured(f"Table {table.name} was made in {files} files; it cannot be opened in {table.files}")


def get(connection: sqlite3.Connection, table: Table, partition: str, sort: str, now_s: float) -> Row | None:
    """Return the live row, or None."""
    found = connection.execute(
        f"SELECT sort, version, kind, value, expires_at_s FROM {_sql_name(table)}"
        " WHERE partition = ? AND sort = ? AND value IS NOT NULL AND (expires_at_s IS NULL OR expires_at_s > ?)",
        (partition, sort, now_s),
    ).fetchone()
    return None if found is None else _row(partition, found)


def scan(
    connection: sqlite3.Connection,
    table: Table,
    partition: str,
    prefix: str,
    after: str | None,
    reverse: bool,
    limit: int,
    now_s: float,
) -> list[Row]:
    """Return a page of live rows in UTF-8 order of their sort, which is the order of code points."""
    conditions, bound = ["partition = ?", "sort >= ?"], [partition, prefix]
    beyond = _beyond(prefix)
    if beyond is not None:
        conditions.append("sort < ?")
        bound.append(beyond)
    if after is not None:
        conditions.append("sort < ?" if reverse else "sort > ?")
        bound.append(after)
    found = connection.execute(
        f"SELECT sort, version, kind, value, expires_at_s FROM {_sql_name(table)} WHERE {' AND '.join(conditions)}"
        " AND value IS NOT NULL AND (expires_at_s IS NULL OR expires_at_s > ?)"
        f" ORDER BY sort {'DESC' if reverse else 'ASC'} LIMIT ?",
        (*bound, now_s, limit),
    ).fetchall()
    return [_row(partition, columns) for columns in found]


def read_all(connection: sqlite3.Connection, table: Table, after: tuple[str, str], limit: int, now_s: float) -> list[Row]:
    """Return a page of the live rows past `after`, a partition and a sort."""
    found = connection.execute(
        f"SELECT partition, sort, version, kind, value, expires_at_s FROM {_sql_name(table)} WHERE (partition, sort) > (?, ?)"
        " AND value IS NOT NULL AND (expires_at_s IS NULL OR expires_at_s > ?) ORDER BY partition, sort LIMIT ?",
        (*after, now_s, limit),
    ).fetchall()
    return [_row(partition, columns) for partition, *columns in found]


def put(connection: sqlite3.Connection, table: Table, rows: Sequence[Columns], now_s: float) -> None:
    """Write rows, the highest version winning; at the same version a removal wins, else the last."""
    connection.executemany(
        f"INSERT INTO {_sql_name(table)} AS old VALUES (?, ?, ?, ?, ?, ?)"
        " ON CONFLICT (partition, sort) DO UPDATE SET version = excluded.version, kind = excluded.kind, value = excluded.value,"
        " expires_at_s = excluded.expires_at_s WHERE excluded.version > old.version"
        " OR (excluded.version = old.version AND (old.value IS NOT NULL OR excluded.value IS NULL))"
        " OR old.expires_at_s <= ?",
        [(*row, now_s) for row in rows],
    )


def change(connection: sqlite3.Connection, table: Table, partition: str, changes: Sequence[Prepared], now_s: float) -> None:
    """Make every change, or raise VersionConflict naming each sort whose condition does not hold."""
    failed = [item.sort for item in changes if _version(connection, table, partition, item.sort, now_s) != item.if_version]
    if failed:
        raise VersionConflict(failed=failed)
    for item in changes:
        if item.deletes:
            connection.execute(f"DELETE FROM {_sql_name(table)} WHERE partition = ? AND sort = ?", (partition, item.sort))
        elif item.value is not None:
            connection.execute(
                f"INSERT OR REPLACE INTO {_sql_name(table)} VALUES (?, ?, ?, ?, ?, ?)",
                (partition, item.sort, item.if_version + 1, item.kind, item.value, item.expires_at_s),
            )


def discard(connection: sqlite3.Connection, table: Table, rows: Sequence[Row]) -> None:
    """Remove the rows that still have their version."""
    connection.executemany(
        f"DELETE FROM {_sql_name(table)} WHERE partition = ? AND sort = ? AND version = ?",
        [(row.partition, row.sort, row.version) for row in rows],
    )


def sweep(connection: sqlite3.Connection, table: Table, now_s: float) -> int:
    """Delete some expired rows for good; return how many."""
    expired = f"SELECT partition, sort FROM {_sql_name(table)} WHERE expires_at_s <= ? LIMIT {_SWEEP_ROWS}"
    if connection.execute(expired, (now_s,)).fetchone() is None:  # asked first: the usual answer needs no lock
        return 0
    return connection.execute(f"DELETE FROM {_sql_name(table)} WHERE (partition, sort) IN ({expired})", (now_s,)).rowcount


def _version(connection: sqlite3.Connection, table: Table, partition: str, sort: str, now_s: float) -> int:
    found = connection.execute(
        f"SELECT version FROM {_sql_name(table)} WHERE partition = ? AND sort = ? AND (expires_at_s IS NULL OR expires_at_s > ?)",
        (partition, sort, now_s),
    ).fetchone()
    return _ABSENT if found is None else int(found[0])


def _sql_name(table: Table) -> str:
    return f"rows_{table.name}"


def _row(partition: str, columns: Sequence[Any]) -> Row:
    sort, version, kind, value, expires_at_s = columns
    try:
        decoded: Value = msgspec.json.decode(value)
    except (msgspec.DecodeError, TypeError) as error:
        raise CorruptData(f"The value of {partition}/{sort} is no JSON: {error}") from error
    return Row(partition, sort, version, kind, decoded, expires_at_s)


def _beyond(prefix: str) -> str | None:
    """Return the least text above everything that begins with `prefix`; None if nothing is above."""
    kept = prefix.rstrip("\U0010ffff")
    if not kept:
        return None
    following = ord(kept[-1]) + 1
    return kept[:-1] + chr(0xE000 if following == 0xD800 else following)
