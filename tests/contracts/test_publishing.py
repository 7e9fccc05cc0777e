"""What the outbox relay owes over every log: each fact is there, in its order, and once."""

import asyncio
from functools import partial
from pathlib import Path

from actors.outbox_relay import OutboxRelay
from cluster.durable import Insert, Mode, Table, Update, open_log, open_store, partition_of
from cluster.durable.outbox import HINTS, Outbox
from cluster.events import CATALOG, Event
from tests.clock import Clock

TITLES = Table("titles", Mode.LINEAR, group="catalog")
VERSIONS = 4


def changed(key: str, version: int) -> Event:
    return Event(CATALOG.name, "title.changed", key, version, 0.0, {"v": version})


def test_what_was_committed_is_published_once_and_in_order(log_url: str, tmp_path: Path) -> None:
    clock, url = Clock(), f"sqlite:{tmp_path / 'store'}"
    keys = [f"t{number}" for number in range(20)]

    async def go() -> None:
        titles, hints = await open_store(url, TITLES, clock), await open_store(url, HINTS, clock)
        relay = OutboxRelay(
            partial(open_store, url, HINTS, clock), partial(open_store, url, now_s=clock), partial(open_log, log_url, clock), clock
        )
        outbox, log = Outbox(titles, hints, clock), await open_log(log_url, clock)
        for version in range(1, VERSIONS + 1):
            for key in keys:
                change = Insert(key, "title", {"v": 1}) if version == 1 else Update(key, "title", {"v": version}, version - 1)
                await outbox.commit(f"p-{key}", [change], [changed(key, version)])
            if version % 2 == 0:
                assert await relay.run_once() == 2 * len(keys)
        assert await relay.run_once() == 0
        for key in keys:
            entries = await log.read(CATALOG, partition_of(key, CATALOG.partitions), 0)
            assert [entry.event for entry in entries if entry.event.key == key] == [
                changed(key, version + 1) for version in range(VERSIONS)
            ]
        for opened in (relay, log, hints, titles):
            await opened.close()

    asyncio.run(go())
