"""What outlives a process: the ports of store, log and objects, and the adapters that a URL picks.

Callers import the ports from here and open them by `open_store`, `open_log` and `open_objects`; which adapter stands behind is a setting.
"""

from __future__ import annotations

from cluster.durable.log import Entry, Log, LogFactory, Position, partition_of
from cluster.durable.objects import Objects, object_errors, open_objects
from cluster.durable.opening import open_log, open_store
from cluster.durable.store import (
    BATCH_LIMIT,
    TOGETHER_LIMIT,
    Change,
    Check,
    Delete,
    Discardable,
    Insert,
    Mode,
    Row,
    Store,
    StoreFactory,
    Table,
    Update,
    Value,
)

__all__ = [
    "BATCH_LIMIT",
    "TOGETHER_LIMIT",
    "Change",
    "Check",
    "Delete",
    "Discardable",
    "Entry",
    "Insert",
    "Log",
    "LogFactory",
    "Mode",
    "Objects",
    "Position",
    "Row",
    "Store",
    "StoreFactory",
    "Table",
    "Update",
    "Value",
    "object_errors",
    "open_log",
    "open_objects",
    "open_store",
    "partition_of",
]
