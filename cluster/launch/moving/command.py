"""`matinee copy`, `matinee backup` and `matinee restore`: an installation moved as a whole."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Annotated

import msgspec
import typer
from rich.console import Console

from cluster.launch import kept_in
from cluster.launch.moving import backing_up, copying, restoring
from cluster.launch.moving.installation import stopped
from cluster.launch.moving.telling import Telling
from cluster.launch.moving.transfer import Report
from cluster.settings import load

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    for command in (copy, backup, restore):
        app.command(command.__name__)(command)


def copy(
    source: Annotated[list[str] | None, typer.Option("--from", help="Where from, said as --to; else the settings.")] = None,
    target: Annotated[
        list[str] | None,
        typer.Option("--to", help="cassandra://… and kafka://…, or sqlite:DIR, a folder of data; else the settings."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Copy an installation that is stopped to another store and log, and compare both. Run it again if it was broken off: it goes on."""
    settings, telling = load(), Telling(Console(stderr=as_json))
    places = copying.Place.of(source or (), settings, "--from"), copying.Place.of(target or (), settings, "--to")
    with stopped(settings.data, *(url for place in places for url in (place.store, place.log))), telling.live():
        report = asyncio.run(copying.copy(*places, settings.data, telling))
    if as_json:
        _print(report, same=not report.different)
    else:
        _tell(report, telling)
    report.require_same()
    kept_in.note(settings.data, places[1].store, places[1].log)
    telling.done("Now set MATINEE_STORE and MATINEE_LOG to where it was copied to, and start Matinee")


def backup(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A new folder, or one with a backup.")],
    media: Annotated[bool, typer.Option("--media/--no-media", help="Also films and pictures, where those are kept safe elsewhere.")] = True,
    as_json: AsJson = False,
) -> None:
    """Write a backup of everything into DIR, also while Matinee runs. It replaces the one in DIR; only new objects are written."""
    settings, telling = load(), Telling(Console(stderr=as_json))
    kept_in.require_named(settings)
    with telling.live():
        report = asyncio.run(backing_up.backup(folder.absolute(), settings, telling, media=media))
    if as_json:
        _print(report)
    else:
        telling.done(f"{folder} is a backup of {report.began_at}: {report.bytes / 2**20:,.1f} MiB, made in {report.seconds:.1f} s")


def restore(folder: Annotated[Path, typer.Argument(metavar="DIR", help="A folder with a backup.")], as_json: AsJson = False) -> None:
    """Restore the backup in DIR to where these settings say, which must be empty. Run it again if it was broken off: it goes on."""
    settings, telling = load(), Telling(Console(stderr=as_json))
    with telling.live():
        found = asyncio.run(restoring.checked(folder.absolute(), telling))
        with stopped(settings.data, settings.store, settings.log):
            restored = asyncio.run(restoring.restore(folder.absolute(), found, settings, telling))
    if as_json:
        _print(restored, same=not restored.moved.different)
    else:
        _tell(restored.moved, telling)
    restored.moved.require_same()
    kept_in.note(settings.data, settings.store, settings.log)
    telling.done(f"The installation is as it was at {restored.began_at}; `matinee up` starts it")


def _print(report: msgspec.Struct, **more: bool) -> None:
    print(json.dumps(msgspec.to_builtins(report) | more, indent=2))


def _tell(report: Report, telling: Telling) -> None:
    for each in (*report.tables, *report.topics):
        if each.same and not each.source.entries:
            continue
        found = "the same" if each.same else f"DIFFERENT: {each.target.entries:,}, checksum {each.target.checksum}"
        repeats = f", {each.repeats:,} of them twice" if each.repeats else ""
        telling.done(f"{each.name}: {each.source.entries:,}, checksum {each.source.checksum}: {found}{repeats}")
    rows = sum(each.source.entries for each in report.tables)
    telling.done(f"{rows:,} rows and {sum(each.source.entries for each in report.topics):,} events in {report.seconds:.1f} s")
