"""Picks the adapter that a URL names."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

from cluster.durable.log import Log
from cluster.durable.store import Store, Table
from cluster.errors import Misconfigured


async def open_store(url: str, table: Table, now_s: Callable[[], float] = time.time) -> Store:
    """Open one table; `partial(open_store, settings.store, TABLE)` is a StoreFactory.

    Raises:
        Misconfigured: no adapter for this URL, or it cannot be opened; servers that do not answer may be away for now.
        ModeMixed: the table was made with the other mode.
        CorruptData: what is stored is damaged.
    """
    scheme, _, rest = url.partition(":")
    if scheme == "sqlite":
        from cluster.durable.sqlite.store import SqliteStore

        return await SqliteStore.open(rest, table, now_s)
    if scheme == "cassandra":
        from cluster.durable.cassandra.store import CassandraStore

        return await CassandraStore.open(url, table, now_s)
    raise Misconfigured(f"MATINEE_STORE: no adapter for {scheme!r}; known: sqlite, cassandra")


async def open_log(url: str, now_s: Callable[[], float] = time.time, kept_s: Mapping[str, float] | None = None) -> Log:
    """Open the log; `partial(open_log, settings.log)` is a LogFactory. The clock is the embedded log's; brokers have their own.

    `kept_s` says how long topics are kept (settings.kept_s), for whoever makes one or drops what is old, in place of what they say.

    Raises:
        Misconfigured: no adapter for this URL, or it cannot be opened; brokers that do not answer may be away for now.
    """
    scheme, _, rest = url.partition(":")
    if scheme == "sqlite":
        from cluster.durable.sqlite.log import SqliteLog

        return await SqliteLog.open(rest, now_s, kept_s=kept_s)
    if scheme == "kafka":
        from cluster.durable.kafka.log import KafkaLog

        return await KafkaLog.open(url, kept_s)
    raise Misconfigured(f"MATINEE_LOG: no adapter for {scheme!r}; known: sqlite, kafka")
