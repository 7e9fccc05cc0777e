"""Makes a keyspace and the tables in it, and refuses a table that is not what it is opened as.

A table's comment remembers its mode. Refuses to know rows.
"""

from __future__ import annotations

import contextlib
import re
from typing import Any, Final
from uuid import UUID, uuid5

from cassandra import AlreadyExists

from cluster.durable.cassandra.session import Session
from cluster.durable.store import Mode, Table
from cluster.errors import Misconfigured, ModeMixed

SCHEMA_VERSION: Final = 1
COPIES: Final = 3
_COMMENT: Final = re.compile(r"matinee (\d+) (\w+)")
_NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,42}", re.ASCII)  # with `rows_` before it 48, Cassandra's limit
_TABLES: Final = UUID("0d6c25d0-5f4c-4a0b-9e8e-6a3d7e0c3c11")

# A plain row is one cell, so that of two writes of one version one is there whole: the one of the greater bytes, that is of the later
# clock, which stands first. `checked` is never written; a check removes it, which takes a condition and changes nothing.
_COLUMNS: Final = {
    Mode.LINEAR: "version bigint, kind text, value text, expires_at_s double, tag uuid, checked boolean",
    Mode.PLAIN: "held frozen<tuple<bigint, bigint, text, text, double>>",
}


def table_name(keyspace: str, table: Table) -> str:
    """Return what the table is called in CQL.

    Raises:
        Misconfigured: it has no name that Cassandra can hold.
    """
    if not _NAME.fullmatch(table.name):
        raise Misconfigured(f"{table} cannot be a table: names are [a-z][a-z0-9_]*, at most 43 characters")
    return f"{keyspace}.rows_{table.name}"


def ensure(session: Session, table: Table) -> None:
    """Make the keyspace and the table if they are missing; blocks.

    Raises:
        ModeMixed: the table was made with the other mode.
        Misconfigured: a newer Matinee made it, or it is none of ours.
        Exception: the driver's, where a node does not answer or the user may not.
    """
    keyspace, name = session.address.keyspace, table_name(session.address.keyspace, table)
    comment = _comment(session, table)
    if comment is None:
        if not _keyspace_exists(session):
            copies = session.address.rf or min(COPIES, session.nodes())
            replication = f"{{'class': 'NetworkTopologyStrategy', '{session.near_dc()}': {copies}}}"
            _make(session, f"CREATE KEYSPACE IF NOT EXISTS {keyspace} WITH replication = {replication}")
        # The same id from whoever makes it: two that make it at once on two nodes must not make two tables of one name.
        table_id = uuid5(_TABLES, f"{keyspace}.{table.name}")
        _make(
            session,
            f"CREATE TABLE IF NOT EXISTS {name} (partition text, sort text, {_COLUMNS[table.mode]}, PRIMARY KEY (partition, sort))"
            f" WITH id = {table_id} AND comment = 'matinee {SCHEMA_VERSION} {table.mode.value}'",
        )
        session.await_schema_agreement()
        comment = _comment(session, table) or ""
    _require_same(name, comment, table)


def _require_same(name: str, comment: str, table: Table) -> None:
    found = _COMMENT.fullmatch(comment)
    if found is None:
        raise Misconfigured(f"{name} was not made by Matinee: name another keyspace in MATINEE_STORE")
    version, mode = int(found[1]), found[2]
    if version > SCHEMA_VERSION:
        raise Misconfigured(f"{name} was made by a newer Matinee (schema {version}; this one knows {SCHEMA_VERSION}): update Matinee")
    if mode != table.mode:
        raise ModeMixed(f"Table {table.name} was made {mode}; it cannot be opened as {table.mode}")


def _comment(session: Session, table: Table) -> str | None:
    found = _query(
        session,
        "SELECT comment FROM system_schema.tables WHERE keyspace_name = %s AND table_name = %s",
        (session.address.keyspace, f"rows_{table.name}"),
    )
    return str(found[0]["comment"]) if found else None


def _keyspace_exists(session: Session) -> bool:
    return bool(_query(session, "SELECT keyspace_name FROM system_schema.keyspaces WHERE keyspace_name = %s", (session.address.keyspace,)))


def _query(session: Session, cql: str, bound: tuple[str, ...]) -> list[dict[str, Any]]:
    return list(session.driver.execute(cql, bound))


def _make(session: Session, cql: str) -> None:
    with contextlib.suppress(AlreadyExists):  # another process was quicker
        session.driver.execute(cql)
