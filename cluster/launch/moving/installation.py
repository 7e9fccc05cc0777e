"""An installation's tables and topics, opened; the folders of data that must not be in use meanwhile."""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from pathlib import Path

import msgspec

from cluster.durable import Log, Store, open_log, open_store
from cluster.errors import AlreadyRunning, Misconfigured, TargetNotEmpty
from cluster.events import TOPICS
from cluster.launch.instance import Instance, run_folder
from cluster.launch.moving import entries, rows
from cluster.launch.moving.rows import Clock
from cluster.launch.tables import MOVED


class Installation(msgspec.Struct, frozen=True):
    """Every table and the log, open; none, where they are not looked at."""

    tables: Mapping[str, Store]
    log: Log | None

    async def require_rows(self) -> None:
        """Check that there is an installation at all: opening one makes its tables.

        Raises:
            Misconfigured: no table has a row.
        """
        for table in self.tables.values():
            if not await rows.is_empty(table):
                return
        if self.tables:
            raise Misconfigured("There is no installation: no table has a row. Is it another MATINEE_STORE?")

    async def require_empty(self) -> None:
        """Check that nothing is kept there yet.

        Raises:
            TargetNotEmpty: there is; the sentence says where.
        """
        tables = list(self.tables)
        empty = await asyncio.gather(*(rows.is_empty(self.tables[name]) for name in tables))
        found = [f"table {name}" for name, none in zip(tables, empty, strict=True) if not none]
        if self.log is not None:
            found += [f"topic {topic.name}" for topic in TOPICS if not await entries.is_empty(self.log, topic)]
        if found:
            more = f" and {len(found) - 1} more" if len(found) > 1 else ""
            raise TargetNotEmpty(f"The target holds another installation's data already ({found[0]}{more}): name an empty one")


@contextlib.asynccontextmanager
async def opened(store_url: str | None, log_url: str | None, clock: Clock, *, to_read: bool = False) -> AsyncIterator[Installation]:
    """Open an installation, or the part that has a URL; tables that are missing are made, empty."""
    async with contextlib.AsyncExitStack() as opening:
        tables: dict[str, Store] = {}
        for table in MOVED:
            if store_url is None:
                break
            tables[table.name] = await open_store(store_url, table, clock)
            opening.push_async_callback(tables[table.name].close)
        # By a clock that stands in 1970 no entry is ever old: who only reads them drops none.
        log = await open_log(log_url, (lambda: 0.0) if to_read else time.time) if log_url is not None else None
        if log is not None:
            opening.push_async_callback(log.close)
        yield Installation(tables, log)


def require_made(url: str) -> None:
    """Check that an embedded store or log is there, since opening it would make it.

    Raises:
        Misconfigured: it isn't.
    """
    folder = _folder(url)
    if folder is not None and not any(folder.glob("*.sqlite3")):
        raise Misconfigured(f"There is no installation in {folder}")


@contextlib.contextmanager
def stopped(data: Path, *urls: str) -> Iterator[None]:
    """Keep `up` from starting with these data, and with the folders of data that embedded stores and logs stand in.

    Raises:
        AlreadyRunning: Matinee runs with one of them, or has been left behind.
    """
    beside = {folder.parent for url in urls if (folder := _folder(url)) is not None}
    with contextlib.ExitStack() as claims:
        for each in sorted({data, *(folder for folder in beside if (run_folder(folder) / "lock").exists())}):
            instance = Instance.claim(each)
            joined = instance.stale is not None and instance.stale.ray_address and instance.stale.applications
            if joined or any(process.alive for process in instance.recorded()):
                os.close(instance.lock)  # what is known of them stays, for `down`
                raise AlreadyRunning(f"Parts of Matinee still run with {each}: `matinee down` ends them")
            claims.callback(instance.release, keep_state=True)
        yield


def _folder(url: str) -> Path | None:
    scheme, _, folder = url.partition(":")
    return Path(folder) if scheme == "sqlite" else None
