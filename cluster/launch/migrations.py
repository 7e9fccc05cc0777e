"""What was changed in the stored data since the first release, and `matinee migrate`, which makes what is missing.

`up` does the same before it starts Ray, which also tells at once if the store or the log do not answer.
"""

from __future__ import annotations

import asyncio
import json
import os
import socket
import time
from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Annotated, Final

import msgspec
import typer
from rich.console import Console

from cluster.durable import open_log, open_store
from cluster.durable.migrations import LEDGER, Applied, Ledger, Migration
from cluster.events import TOPICS
from cluster.launch import kept_in
from cluster.launch.moving.backing_up import backup
from cluster.launch.moving.telling import Telling
from cluster.launch.tables import TABLES
from cluster.settings import Settings, load


async def _tables_and_topics(settings: Settings) -> None:
    async with AsyncExitStack() as opened:
        log = await open_log(settings.log, kept_s=settings.kept_s)
        opened.push_async_callback(log.close)
        for topic in TOPICS:
            await log.end(topic, 0)
        for table in TABLES:  # kept open to the end: each would connect anew
            opened.push_async_callback((await open_store(settings.store, table)).close)


MIGRATIONS: Final = (Migration(1, "every table and topic", _tables_and_topics),)
"""In their order; one that was released is never changed, and none is taken out."""


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("migrate")(migrate)


def migrate(
    check: Annotated[bool, typer.Option("--check", help="Change nothing; exit 1 if something is to be done.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Bring what is stored to this version of Matinee, after a backup under MATINEE_DATA. `up` does it too; any number may run at once."""
    settings, console = load(), Console()
    kept_in.require_named(settings)
    if check:
        pending = asyncio.run(look(settings))
        if as_json:
            print(json.dumps({"pending": [{"number": each.number, "title": each.title} for each in pending]}))
        elif pending:
            console.print(*(f"{each.number}: {each.title}" for each in pending), sep="\n", markup=False)
        else:
            console.print("Nothing to do")
        raise typer.Exit(1 if pending else 0)
    with console.status("looking") as status:
        made = asyncio.run(prepare(settings, (lambda _: None) if as_json else status.update))
    if as_json:
        print(json.dumps({"version": len(MIGRATIONS), "applied": msgspec.to_builtins(made)}))
        return
    for each in made:
        console.print(f"{each.number}: {each.title}", markup=False)
    console.print(f"The data is at version {len(MIGRATIONS)}")


async def look(settings: Settings) -> list[Migration]:
    """Return what is to be done; changes nothing but that the ledger is there."""
    store = await open_store(settings.store, LEDGER)
    try:
        return await Ledger(store, MIGRATIONS, _me()).pending()
    finally:
        await store.close()


async def prepare(settings: Settings, doing: Callable[[str], None], now_s: Callable[[], float] = time.time) -> list[Applied]:
    """See that the store and the log answer, and make the migrations that are missing.

    Raises:
        Misconfigured: a URL, user, password, data centre or broker is wrong, or a newer Matinee has changed the data.
        StoreUnavailable: the store does not answer.
    """
    async with AsyncExitStack() as opened:
        log = await open_log(settings.log, kept_s=settings.kept_s)
        opened.push_async_callback(log.close)
        store = await open_store(settings.store, LEDGER, now_s)
        opened.push_async_callback(store.close)

        async def back_up(version: int) -> None:
            if version:  # else there is nothing yet, or what the first release made, which stays as it is
                doing(f"backing up what is stored, into {backup_folder(settings, version)}")
                backup_folder(settings, version).parent.mkdir(parents=True, exist_ok=True)
                await backup(backup_folder(settings, version), settings, Telling(Console(quiet=True)), media=False)

        return await Ledger(store, MIGRATIONS, _me(), now_s).migrate(settings, doing, back_up)


def backup_folder(settings: Settings, version: int) -> Path:
    """Return where data of a version is backed up before they are changed: all but the media, which no migration touches."""
    return settings.data / "backups" / f"version-{version}"


def _me() -> str:
    return f"{socket.gethostname()}/{os.getpid()}"
