"""`matinee status`: what runs, for people and for programs."""

from __future__ import annotations

import json
import time
from typing import Annotated, Any, Final

import msgspec
import typer
from rich.console import Console
from rich.markup import escape

from cluster.errors import MatineeError
from cluster.launch.client import OperatorClient
from cluster.launch.instance import ApplicationState, State, read
from cluster.launch.live import applications_table, doings, headline
from cluster.settings import Settings, load

POLL_S: Final = 0.5


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("status")(status)


def status(
    wait: Annotated[bool, typer.Option("--wait", help="Wait until everything is ready.")] = False,
    timeout: Annotated[float, typer.Option(help="How long to wait, in seconds.", min=0)] = 120.0,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Say what runs. The exit code is 0 only if everything is ready."""
    settings = load()
    found = report(settings)
    ends_s = time.monotonic() + timeout
    while wait and not found["ready"] and time.monotonic() < ends_s:
        time.sleep(POLL_S)
        found = report(settings)
    if as_json:
        print(json.dumps(found, indent=2))
    else:
        _print(found, read(settings.data))
    if not found["ready"]:
        raise typer.Exit(1)


def report(settings: Settings) -> dict[str, Any]:
    """Return the status: from operations where it answers, else what `up` last knew."""
    state = read(settings.data)
    nothing: dict[str, Any] = {"actors": [], "edges": [], "jobs": [], "collectable_bytes": None, "log": None}
    if state is None or not state.supervisor.alive:
        down = {"site_url": settings.site_url, "dashboard_url": "", "ready": False, "stage": "down", "applications": [], **nothing}
        return down | ({"detail": state.failed} if state is not None and state.failed else {})
    known = {"site_url": state.site_url, "dashboard_url": state.dashboard_url, "stage": state.stage}
    try:
        with OperatorClient(settings, state.api_url) as operator:
            told = operator.get("/api/v1/operations/status")
    except MatineeError as error:
        applications = msgspec.to_builtins(state.applications)
        return {**known, "ready": False, "applications": applications, **nothing, "detail": error.detail}
    return {**told, **known, "ready": bool(told["ready"]) and state.ready}


def _print(found: dict[str, Any], state: State | None) -> None:
    console = Console()
    if state is None or found["stage"] == "down":
        why = f": {found['detail']}" if "detail" in found else ""
        console.print(f"Matinee is not running{why}", markup=False, soft_wrap=True)
        return
    console.print(headline(state))
    console.print(doings(state))
    if not found["ready"]:
        starting = found["stage"] != "ready"
        console.print(f"[yellow]{found['stage']}[/]" if starting else f"[red]not everything answers[/] {escape(found.get('detail', ''))}")
    console.print()
    console.print(applications_table(tuple(msgspec.convert(found["applications"], list[ApplicationState], strict=False))))
    for actor in found["actors"]:
        if not actor["answers"]:
            console.print(f"[red]{actor['name']} does not answer[/]")
    console.print()
    for edge in found["edges"]:
        console.print(f"edge  {edge['url']}  {edge['hits']} hits, {edge['misses']} misses, {edge['cache_bytes'] / 2**20:.0f} MiB cached")
    for job in found["jobs"]:
        console.print(f"job   {job['job_id']}  {job['state']}  {job['progress']:.0%}")
    for processor in found["log"]["processors"] if found["log"] else ():
        aside = f", {processor['set_aside']} set aside" if processor["set_aside"] else ""
        console.print(f"log   processor {processor['name']}  {processor['lag']} behind{aside}")
    if found["collectable_bytes"]:
        console.print(f"{found['collectable_bytes'] / 2**20:.0f} MiB of deleted and superseded media wait to be collected")
