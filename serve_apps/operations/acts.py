"""Reads what operators did from the log's topic `audit`, newest first.

The log reads forwards only: a window before the end, then the one before that, until there are enough.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

from cluster.durable import Log
from cluster.durable.log import Entry
from cluster.errors import InvalidCursor
from cluster.events import AUDIT
from serve_apps.audit import act_of
from serve_apps.http import decode_cursor, encode_cursor
from serve_apps.operations.schemas import AuditEntry, AuditPage

PARTITION: Final = 0
"""The only one: the topic has one order."""
WINDOW: Final = 200


async def read_page(log: Log, limit: int, cursor: str | None) -> AuditPage:
    """Return a page of the audit, the last appended first; what is appended meanwhile moves nothing.

    Raises:
        InvalidCursor: it is none of ours.
        StoreUnavailable: the log is away.
    """
    end = await log.end(AUDIT, PARTITION)
    if cursor is not None:
        end = min(end, _offset(cursor))
    oldest = await log.read(AUDIT, PARTITION, 0, limit=1)
    first = oldest[0].offset if oldest else end
    found: list[Entry] = []
    while len(found) <= limit and end > first:
        begin = max(first, end - WINDOW)
        found += reversed(await _between(log, begin, end))
        end = begin
    shown = found[:limit]
    return AuditPage(items=[_entry(entry) for entry in shown], next_cursor=_cursor(shown[-1]) if len(found) > limit else None)


async def _between(log: Log, begin: int, end: int) -> list[Entry]:
    found: list[Entry] = []
    while begin < end and (entries := await log.read(AUDIT, PARTITION, begin, limit=WINDOW)):
        found += [entry for entry in entries if entry.offset < end]
        begin = entries[-1].offset + 1
    return found


def _entry(entry: Entry) -> AuditEntry:
    act = act_of(entry.event)
    return AuditEntry(
        audit_id=act.audit_id,
        at=datetime.fromtimestamp(act.at_s, UTC),
        account_id=act.account_id,
        service=act.service,
        method=act.method,
        path=act.path,
        status=act.status,
        request_id=act.request_id,
    )


def _cursor(entry: Entry) -> str:
    return encode_cursor(str(entry.offset))


def _offset(cursor: str) -> int:
    text = decode_cursor(cursor) or ""
    if not (text.isascii() and text.isdecimal() and len(text) < 19):  # fits into 63 bits
        raise InvalidCursor
    return int(text)
