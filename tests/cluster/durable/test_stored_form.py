"""What earlier versions stored is read as it was meant. A golden file is never changed: a new form adds a new file."""

import asyncio
import contextlib
import sqlite3
from pathlib import Path

from cluster.durable import Entry, Mode, Row, Table
from cluster.durable.outbox import OUTBOX_PREFIX, Hint, Hints, read_event
from cluster.durable.sqlite.log import SqliteLog
from cluster.durable.sqlite.store import SqliteStore
from cluster.events import Event, Topic
from tests.clock import Clock

ACCOUNTS = Table("accounts", Mode.LINEAR, "golden")
PLACES = Table("places", Mode.PLAIN, "golden")
HINTS = Table("outbox_hints", Mode.PLAIN, "golden")


def restore(name: str, path: Path) -> None:
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.executescript((Path(__file__).parent / "golden" / name).read_text())


def test_a_store_of_schema_1(tmp_path: Path) -> None:
    restore("store-1.sql", tmp_path / "golden.sqlite3")
    clock = Clock()

    async def go() -> None:
        accounts, places, hints = [await SqliteStore.open(tmp_path, table, clock) for table in (ACCOUNTS, PLACES, HINTS)]
        account = Row("member-1", "account", 2, "account", {"email": "naïve@example", "plan": "film"})
        assert await accounts.get("member-1", "account") == account
        assert await accounts.get("member-1", "lease/1") == Row("member-1", "lease/1", 1, "lease", {}, 1_700_000_100.0)
        (fact,) = await accounts.scan("member-1", OUTBOX_PREFIX)
        assert read_event(fact) == Event("accounts", "account.changed", "member-1", 2, 1_699_999_999.5, {"plan": "film"})

        assert await places.scan("member-1") == [Row("member-1", "title-1", 7, "place", {"at_s": 12.5})]
        await places.put([Row("member-1", "title-2", 8, "place", {})])
        assert await places.get("member-1", "title-2") is None

        kept = Hints(hints)
        expected = Hint(ACCOUNTS, "member-1", 1_700_000_000.0)
        assert await kept.slots(0, 10) == [expected.slot]
        assert await kept.of(expected.bucket, expected.slot) == [expected]
        assert (await kept.cursors())[5] == 28_333_333
        for store in (accounts, places, hints):
            await store.close()

    asyncio.run(go())


def test_a_log_of_schema_1(tmp_path: Path) -> None:
    restore("log-1.sql", tmp_path / "catalog.sqlite3")
    topic = Topic("catalog", 2)

    async def go() -> None:
        log = await SqliteLog.open(tmp_path, Clock())
        entries = [entry for partition in (0, 1) for entry in await log.read(topic, partition, 0)]
        assert sorted(entries, key=lambda entry: entry.event.key) == [
            Entry(0, Event("catalog", "title.changed", "t1", 3, 1_699_999_999.5, {"name": "Big Buck Bunny"})),
            Entry(0, Event("catalog", "title.removed", "t2", 4, 1_699_999_999.5, {})),
        ]
        assert [await log.end(topic, partition) for partition in (0, 1)] == [1, 1]
        await log.close()

    asyncio.run(go())
