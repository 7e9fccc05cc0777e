"""A program whose every life commits facts and begins to publish them, and is killed -9 in between.

python -m tests.contracts.relaying STORE_URL LOG_URL LIVES    print KEY VERSION of each fact committed

Odd lives end between commit and publication, even ones between publication and removal. Lives are forks of one process that has everything
imported and nothing opened: a process of its own for each would take a second.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Sequence
from functools import partial
from typing import Any, Final

from actors.outbox_relay import OutboxRelay
from cluster.durable import Insert, Log, LogFactory, Mode, Position, Table, Update, open_log, open_store
from cluster.durable.cassandra import store as _cassandra  # noqa: F401 -- once, before the forks
from cluster.durable.kafka import log as _kafka  # noqa: F401
from cluster.durable.outbox import HINTS, Hint, Outbox
from cluster.durable.sqlite import log as _log  # noqa: F401
from cluster.durable.sqlite import store as _store  # noqa: F401
from cluster.errors import Unavailable
from cluster.events import CATALOG, Event, Topic

TITLES: Final = Table("titles", Mode.LINEAR, group="catalog")
KEYS: Final = ("a", "b")
PAUSE_S: Final = 0.1
BUCKETS: Final = sorted({Hint(TITLES, key, 0).bucket for key in KEYS})
"""Those of the partitions: a sweep of all of them would take longer than a life."""


class LastAppend:
    """A log whose process dies at its first append, before it or after it."""

    def __init__(self, log: Log, *, after: bool) -> None:
        self._log, self._after = log, after

    async def append(self, topic: Topic, events: Sequence[Event]) -> list[Position]:
        if self._after:
            await self._log.append(topic, events)
        os.kill(os.getpid(), signal.SIGKILL)
        raise AssertionError


async def live(store_url: str, log_url: str, number: int) -> None:
    titles, hints = await open_store(store_url, TITLES), await open_store(store_url, HINTS)
    outbox = Outbox(titles, hints)
    for key in KEYS:
        while True:
            try:
                row = await titles.get(key, key)
                version = 1 if row is None else row.version + 1
                change = Insert(key, "title", {}) if row is None else Update(key, "title", {}, row.version)
                await outbox.commit(key, [change], [Event(CATALOG.name, "title.changed", key, version, 0.0, {})])
            except Unavailable:
                await asyncio.sleep(PAUSE_S)
                continue
            break
        sys.stdout.write(f"{key} {version}\n")
        sys.stdout.flush()

    async def open_last_log() -> Any:
        return LastAppend(await open_log(log_url), after=number % 2 == 0)

    relay = relay_of(store_url, open_last_log)
    while True:  # a log that is away takes nothing, and nobody has died of it yet
        try:
            await relay.run_once()
        except Unavailable:
            await asyncio.sleep(PAUSE_S)


def relay_of(store_url: str, open_the_log: LogFactory) -> OutboxRelay:
    return OutboxRelay(partial(open_store, store_url, HINTS), partial(open_store, store_url), open_the_log, buckets=BUCKETS)


def main(store_url: str, log_url: str, lives: int) -> None:
    for number in range(1, lives + 1):
        child = os.fork()
        if child == 0:
            asyncio.run(live(store_url, log_url, number))
            os._exit(1)
        _, status = os.waitpid(child, 0)
        if not os.WIFSIGNALED(status) or os.WTERMSIG(status) != signal.SIGKILL:
            sys.exit(f"life {number} ended by itself: {status}")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
