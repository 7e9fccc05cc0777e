"""A process killed -9 between committing a fact and publishing it, over every store and log: nothing is lost, nothing counts twice."""

import asyncio
import subprocess
import sys
from functools import partial

import pytest

from cluster.durable import open_log, open_store, partition_of
from cluster.durable.outbox import OUTBOX_PREFIX
from cluster.events import CATALOG
from tests.contracts.relaying import KEYS, TITLES, relay_of

EMBEDDED_KILLS = 30
"""Where nothing has to be connected to, a life is short."""


@pytest.mark.timeout(900)
def test_what_was_committed_is_published_however_often_the_relay_is_killed(
    store_url: str, log_url: str, pytestconfig: pytest.Config
) -> None:
    embedded = store_url.startswith("sqlite:") and log_url.startswith("sqlite:")
    kills = pytestconfig.getoption("kills")
    if embedded:
        kills = max(kills, EMBEDDED_KILLS)
    log_url = f"{log_url}/log" if log_url.startswith("sqlite:") else log_url
    command = [sys.executable, "-m", "tests.contracts.relaying", store_url, log_url, str(kills)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=800, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    committed = {key: [int(line.split()[1]) for line in done.stdout.splitlines() if line.startswith(f"{key} ")] for key in KEYS}
    assert all(len(versions) == kills for versions in committed.values())

    async def go() -> None:
        relay, titles, log = relay_of(store_url, partial(open_log, log_url)), await open_store(store_url, TITLES), await open_log(log_url)
        while await relay.run_once():
            pass
        for key in KEYS:
            assert await titles.scan(key, OUTBOX_PREFIX) == []
            published: list[int] = []
            offset = 0
            while entries := await log.read(CATALOG, partition_of(key, CATALOG.partitions), offset):
                offset = entries[-1].offset + 1
                published += [entry.event.entity_version for entry in entries if entry.event.key == key]
            applied = [0]
            for version in published:
                if version > applied[-1]:  # as every reader takes events in
                    applied.append(version)
            assert applied == list(range(max(committed[key]) + 1))
            assert set(committed[key]) <= set(applied)
        for opened in (relay, titles, log):
            await opened.close()

    asyncio.run(go())
