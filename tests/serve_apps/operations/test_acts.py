"""The audit is read newest first, page by page, whatever its log has lost or got meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cluster.durable import Entry, Position, open_log
from cluster.errors import InvalidCursor
from cluster.events import AUDIT, Event, Topic
from serve_apps.audit import Act, event_of
from serve_apps.http import encode_cursor
from serve_apps.operations.acts import WINDOW, read_page
from tests.serve_apps.operations.world import FakeCluster, operations, run


def act(number: int) -> Act:
    return Act(f"act-{number}", 1_700_000_000.0 + number, "olga", "catalog", "PATCH", f"/api/v1/titles/{number}", 200, f"r-{number}")


class HeldLog:
    """A log whose audit stands at the offsets given, as one with gaps and a beginning that was dropped has it."""

    def __init__(self, offsets: Sequence[int], end: int) -> None:
        self.entries = [Entry(offset, event_of(act(offset))) for offset in offsets]
        self.end_at = end
        self.reads = 0

    async def append(self, topic: Topic, events: Sequence[Event]) -> list[Position]:
        self.entries += [Entry(self.end_at + number, event) for number, event in enumerate(events)]
        self.end_at += len(events)
        return []

    async def read(self, topic: Topic, partition: int, offset: int, *, limit: int = 500, wait_s: float = 0.0) -> list[Entry]:
        assert (topic, partition) == (AUDIT, 0)
        self.reads += 1
        return [entry for entry in self.entries if entry.offset >= offset][:limit]

    async def end(self, topic: Topic, partition: int) -> int:
        return self.end_at

    async def close(self) -> None: ...


@given(st.sets(st.integers(0, 3 * WINDOW), max_size=12), st.integers(0, 5), st.integers(1, 4), st.integers(0, 2))
def test_pages_hold_every_act_once_newest_first_though_others_come_meanwhile(
    offsets: set[int], beyond: int, limit: int, coming: int
) -> None:
    async def scene() -> None:
        log = HeldLog(sorted(offsets), max(offsets, default=0) + beyond + 1)
        seen: list[str] = []
        cursor = None
        while True:
            page = await read_page(log, limit, cursor)
            assert len(page.items) <= limit
            seen += [entry.audit_id for entry in page.items]
            cursor = page.next_cursor
            if cursor is None:
                break
            await log.append(AUDIT, [event_of(act(10_000 + number)) for number in range(coming)])
        assert seen == [f"act-{offset}" for offset in sorted(offsets, reverse=True)]

    asyncio.run(scene())


def test_a_page_reads_no_more_than_it_shows_of_a_long_log_that_lost_its_beginning() -> None:
    async def scene() -> None:
        log = HeldLog(range(1_000_000, 1_001_000), 1_001_000)
        page = await read_page(log, 50, None)
        assert page.items[0].audit_id == "act-1000999"
        assert log.reads == 2
        before_all = await read_page(log, 50, encode_cursor("1000000"))
        assert (before_all.items, before_all.next_cursor) == ([], None)

    asyncio.run(scene())


@pytest.mark.parametrize("text", ["", "x", "-1", "9" * 19, "１２"])
def test_a_cursor_of_others_is_refused(text: str) -> None:
    with pytest.raises(InvalidCursor):
        asyncio.run(read_page(HeldLog([], 0), 50, encode_cursor(text)))


def test_operators_read_the_audit_of_all_services(tmp_path: Path) -> None:
    async def test() -> None:
        async with operations(tmp_path, FakeCluster()) as running:
            assert (await running.get("/audit")).json() == {"items": [], "next_cursor": None}
            log = await open_log(running.settings.log)
            await log.append(AUDIT, [event_of(act(number)) for number in range(3)])
            page = (await running.get("/audit?limit=2")).json()
            assert page["items"][0] == {
                "audit_id": "act-2", "at": "2023-11-14T22:13:22Z", "account_id": "olga", "service": "catalog", "method": "PATCH",
                "path": "/api/v1/titles/2", "status": 200, "request_id": "r-2",
            }  # fmt: skip
            rest = (await running.get(f"/audit?limit=2&cursor={page['next_cursor']}")).json()
            assert ([entry["audit_id"] for entry in rest["items"]], rest["next_cursor"]) == (["act-0"], None)
            assert (await running.get("/audit?cursor=x")).status_code == 422
            assert (await running.get("/audit", "member")).status_code == 403
            await log.close()

    run(test)
