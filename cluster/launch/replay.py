"""`matinee replay`: have a log processor count everything once more."""

from __future__ import annotations

import asyncio
import json
from typing import Annotated

import msgspec
import typer
from rich.console import Console

from actors.processors import PROCESSORS, results
from actors.processors.kept import PROCESSED
from actors.processors.processor import Processor
from actors.processors.results import Progress
from cluster.durable import open_log, open_store
from cluster.errors import Misconfigured
from cluster.launch import kept_in
from cluster.settings import Settings, load


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("replay")(replay)


def replay(
    processor: Annotated[str, typer.Argument(help=f"The log processor: {', '.join(each.name for each in PROCESSORS)}.")],
    partition: Annotated[int | None, typer.Option(help="Only this partition of its topic; by default all.", min=0)] = None,
    offset: Annotated[int, typer.Option(help="Where to go on; by default at the oldest entry that the log keeps.", min=0)] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Drop what a log processor made, and have it made anew: within seconds while Matinee runs, else at the next `up`."""
    found = next((each for each in PROCESSORS if each.name == processor), None)
    if found is None:
        raise Misconfigured(f"There is no log processor {processor!r}; there are: {', '.join(each.name for each in PROCESSORS)}")
    if partition is not None and partition >= found.topic.partitions:
        raise Misconfigured(f"Topic {found.topic.name} has the partitions 0 to {found.topic.partitions - 1}, not {partition}")
    partitions = range(found.topic.partitions) if partition is None else [partition]
    settings = load()
    kept_in.require_named(settings)
    told = asyncio.run(_replay(settings, found, partitions, offset))
    if as_json:
        print(json.dumps({"processor": processor, "partitions": msgspec.to_builtins(told)}))
    else:
        Console().print(
            f"{processor}: {sum(each.lag for each in told)} entries in {len(told)} partitions are processed once more", markup=False
        )


async def _replay(settings: Settings, processor: Processor, partitions: range | list[int], offset: int) -> list[Progress]:
    store, log = await open_store(settings.store, PROCESSED), await open_log(settings.log, kept_s=settings.kept_s)
    try:
        for partition in partitions:
            await results.replay(store, processor, partition, offset)
        return [await results.progress(store, log, processor, partition) for partition in partitions]
    finally:
        await log.close()
        await store.close()
