"""`matinee models list | show | promote | rollback`: which model recommends, and which did before.

Main path: the registry, opened where the settings say, whether Matinee runs or not -> replicas see a change within seconds.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Annotated, Any, Final, TypeVar

import msgspec
import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from cluster.errors import ModelNotFound
from cluster.launch import kept_in, promotion
from cluster.settings import Settings, load
from models.about import About, MeanLowHigh
from models.row_values import RowValues, chance
from serve_apps.recommendations.bundles.entry import ModelEntry, ModelState
from serve_apps.recommendations.bundles.registry import ModelRegistry, open_registry

SHOWN: Final = "NDCG@10"

models: Final = typer.Typer(help="See the models that recommend, and say which is live.")
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]
Id = Annotated[str, typer.Argument(metavar="ID", help="A model's id, or how no other model's begins.")]
_STYLES: Final = {ModelState.LIVE: "green", ModelState.PREVIOUS: "cyan", ModelState.REFUSED: "red", ModelState.CANDIDATE: "default"}
_Told = TypeVar("_Told")


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(models, name="models")


@models.callback(invoke_without_command=True)
def default(context: typer.Context, as_json: AsJson = False) -> None:
    """See the models that recommend, and say which is live; without a command they are listed."""
    if context.invoked_subcommand is None:
        list_(as_json)


@models.command("list")
def list_(as_json: AsJson = False) -> None:
    """List all models, the newest first."""
    entries = _with(lambda registry, _: registry.entries())
    if as_json:
        print(json.dumps(msgspec.to_builtins(entries), indent=2))
    elif not entries:
        Console().print("There is no model yet")
    else:
        Console().print(_table(entries))


@models.command("show")
def show(bundle_id: Id, as_json: AsJson = False) -> None:
    """Say everything that is known of a model: how it was made, how it did, and what the gate said."""
    entry = _with(lambda registry, _: _found(registry, bundle_id))
    if as_json:
        print(json.dumps(msgspec.to_builtins(entry), indent=2))
    else:
        _print(entry)


@models.command("promote")
def promote(
    bundle_id: Id,
    force: Annotated[
        bool, typer.Option("--force", help="Also one that the gate refused, or judged beside another live model. Never one that is broken.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Make a model the live one, after it was looked at once more; the one until now is kept as the previous."""

    async def promoted(registry: ModelRegistry, settings: Settings) -> ModelEntry:
        found = await _found(registry, bundle_id)
        return await promotion.promote(registry, settings, found.bundle_id, force=force)

    _tell_live(_with(promoted), as_json)


@models.command("rollback")
def rollback(as_json: AsJson = False) -> None:
    """Go back to the model that was live before. It goes back once: further back leads `promote`."""
    _tell_live(_with(lambda registry, _: registry.rollback()), as_json)


def _with(asked: Callable[[ModelRegistry, Settings], Awaitable[_Told]]) -> _Told:
    settings = load()
    kept_in.require_named(settings)

    async def asking() -> _Told:
        registry = await open_registry(settings)
        try:
            return await asked(registry, settings)
        finally:
            await registry.close()

    return asyncio.run(asking())


async def _found(registry: ModelRegistry, begins: str) -> ModelEntry:
    found = [entry for entry in await registry.entries() if begins and entry.bundle_id.startswith(begins)]
    if len(found) != 1:
        raise ModelNotFound(
            f"{len(found)} models' ids begin with {begins}" if found else f"There is no model {begins}: `matinee models` lists them"
        )
    return found[0]


def _tell_live(entry: ModelEntry, as_json: bool) -> None:
    if as_json:
        print(json.dumps(msgspec.to_builtins(entry), indent=2))
        return
    noted = "" if entry.verdict.accepted else f", though the gate said: {entry.verdict.reason}"
    Console().print(f"{entry.bundle_id} is live{noted}", markup=False, soft_wrap=True)


def _table(entries: list[ModelEntry]) -> Table:
    # Within 80 columns: an id is there to be copied.
    table = Table(box=None, pad_edge=False, padding=(0, 3, 0, 0))
    for column in ("id", "state", "made (UTC)", SHOWN):
        table.add_column(column, no_wrap=True)
    for entry in entries:
        state = f"[{_STYLES[entry.state]}]{entry.state}[/]"
        table.add_row(entry.bundle_id, state, _time(entry.about.made_at_s).removesuffix(" UTC"), _own(entry.about))
    return table


def _print(entry: ModelEntry) -> None:
    about, verdict = entry.about, entry.verdict
    lines: list[tuple[str, Any]] = [
        ("id", about.bundle_id),
        ("state", entry.state),
        ("made", f"{_time(about.made_at_s)} by Matinee {about.code_version}, {entry.bytes / 2**20:.1f} MiB"),
        ("learned from", f"{about.interactions:,} views of {about.users:,} profiles and {about.items:,} titles"),
        ("", f"from {_time(about.data_from_s)} to {_time(about.data_to_s)}; split: {about.split}, {about.split_hash}"),
        ("gate", f"{'accepted' if verdict.accepted else 'refused'}. {verdict.reason}"),
        ("", f"The live model then: {verdict.against_bundle_id or 'none'}"),
        ("model", _said(about.parameters)),
        ("training", _said(about.fitting)),
        ("EASE", f"{_said(about.ease)}; its share of what is served: {about.ease_share:.0%}"),
    ]
    if about.row_values is not None:
        lines.append(("rows", _worth(about.row_values)))
    for name, metrics in about.metrics.items():
        lines.append((name, ", ".join(f"{metric} {_figure(figure)}" for metric, figure in metrics.items())))
    table = Table(box=None, pad_edge=False, show_header=False, padding=(0, 3, 0, 0))
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in lines:
        table.add_row(f"[dim]{escape(name)}[/]", escape(str(value)))
    Console().print(table)


def _own(about: About) -> str:
    served = next(iter(about.metrics.values()), {})
    figure = served.get(SHOWN)
    return f"{figure[0]:.4f}" if figure is not None else ""


def _worth(values: RowValues) -> str:
    """Return the chance of a row's first card by the row's kind, for profiles that have watched nothing, little and more."""
    return "played in sight: " + ", ".join(
        f"{kind} {'/'.join(f'{chance(odds):.1%}' for odds in of)}" for kind, of in values.first_card.items()
    )


def _figure(figure: MeanLowHigh) -> str:
    mean, low, high = figure
    return f"{mean:.4f} [{low:.4f}, {high:.4f}]"


def _said(parameters: dict[str, Any]) -> str:
    return ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in parameters.items())


def _time(at_s: float) -> str:
    return datetime.fromtimestamp(at_s, UTC).strftime("%Y-%m-%d %H:%M UTC")
