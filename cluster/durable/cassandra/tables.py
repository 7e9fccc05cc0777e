"""The tables that a session knows: each is made, and its statements are prepared, once."""

from __future__ import annotations

import time
from collections.abc import Callable

from cluster.durable.cassandra import schema
from cluster.durable.cassandra.driver import SCHEMA_TIMEOUT_S
from cluster.durable.cassandra.faults import is_made_this_moment, translate_at_open
from cluster.durable.cassandra.session import Session
from cluster.durable.cassandra.statements import Linear, Plain
from cluster.durable.store import Mode, Table
from cluster.errors import MatineeError


def statements_of(session: Session, table: Table) -> Linear | Plain:
    """Return the statements of a table, which is made if it is missing; blocks.

    Raises:
        Misconfigured: a newer Matinee made the table, or the user may not.
        ModeMixed: it was made with the other mode.
        StoreUnavailable: too few nodes answer.
    """
    with session.tables_lock:
        known: Linear | Plain | None = session.tables.get(table.name)
        if known is not None and known.table == table:
            return known
        try:
            schema.ensure(session, table)
            made: Linear | Plain = _once_known(lambda: (Linear if table.mode is Mode.LINEAR else Plain)(session, table))
        except MatineeError:
            raise
        except Exception as error:
            raise translate_at_open(error, session.address.title, session.address.keyspace) from error
        session.tables[table.name] = made
        return made


def _once_known(make: Callable[[], Linear | Plain]) -> Linear | Plain:
    ends_s = time.monotonic() + SCHEMA_TIMEOUT_S
    while True:
        try:
            return make()
        except Exception as error:
            if not is_made_this_moment(error) or time.monotonic() > ends_s:
                raise
            time.sleep(0.1)
