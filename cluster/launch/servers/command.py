"""`matinee servers up | down | status`: Kafka and Cassandra for whoever wants to try Matinee on them without setting them up."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from rich.console import Console

from cluster.errors import Misconfigured
from cluster.launch.servers.cassandra import CASSANDRA
from cluster.launch.servers.jars import fetch
from cluster.launch.servers.java import find_java
from cluster.launch.servers.kafka import KAFKA
from cluster.launch.servers.node import Software
from cluster.launch.servers.nodes import Nodes
from cluster.settings import load

SETTINGS: Final = {CASSANDRA.name: "MATINEE_STORE", KAFKA.name: "MATINEE_LOG"}

servers: Final = typer.Typer(no_args_is_help=True, help="Run Kafka and Cassandra on this machine, to try Matinee on them.")


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(servers, name="servers")


@servers.command("up")
def up(
    cassandra_nodes: Annotated[int | None, typer.Option(help="1 or 3; by default as many as before, else 1.")] = None,
    kafka_nodes: Annotated[int | None, typer.Option(help="1 or 3; by default as many as before, else 1.")] = None,
    cassandra_port: Annotated[int | None, typer.Option(help="Where clients connect; 0: any that is free.", min=0, max=65535)] = None,
    kafka_port: Annotated[int | None, typer.Option(help="Where clients connect; 0: any that is free.", min=0, max=65535)] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Start the servers, fetching them first if need be, and return when they answer. What they hold is kept under MATINEE_DATA."""
    settings = load()
    console = Console(stderr=as_json)
    wanted = ((CASSANDRA, cassandra_nodes, cassandra_port), (KAFKA, kafka_nodes, kafka_port))
    for software, count, _ in wanted:
        if count not in {None, 1, 3}:
            raise Misconfigured(f"--{software.name}-nodes={count}: must be 1, or 3 of which one may die")
    find_java()
    folder = settings.data / "servers"
    groups = [_made(software, folder / software.name, count, port) for software, count, port in wanted]
    for nodes in groups:
        _start(nodes, folder / "jars", console)
    if as_json:
        print(json.dumps(report(folder), indent=2))
        return
    console.print()
    for nodes in groups:
        console.print(f"{SETTINGS[nodes.software.name]}={nodes.url}", markup=False, highlight=False, soft_wrap=True)


@servers.command("down")
def down() -> None:
    """End the servers. What they hold is kept."""
    folder, console = load().data / "servers", Console()
    for software in (CASSANDRA, KAFKA):
        found = Nodes.found(folder / software.name, software)
        with console.status(f"stopping {software.title}"):
            ended = found.stop() if found is not None else 0
        console.print(f"{software.title} is down" if ended else f"{software.title} is not running")


@servers.command("status")
def status(as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False) -> None:
    """Say what runs. The exit code is 0 only if all servers of this data directory answer."""
    found = report(load().data / "servers")
    if as_json:
        print(json.dumps(found, indent=2))
    else:
        console = Console()
        if not found["servers"]:
            console.print("There are no servers here: `matinee servers up` makes them")
        for server in found["servers"]:
            state = "answers" if server["ready"] else "does not answer" if server["running"] else "is down"
            console.print(f"{server['title']} {state}  {server['url']}", markup=False, soft_wrap=True)
            for node in server["nodes"]:
                what = f"process {node['pid']}, {node['memory_bytes'] / 2**20:.0f} MiB" if node["pid"] else "no process"
                console.print(f"  {node['address']}  {what}", markup=False)
    if not found["ready"]:
        raise typer.Exit(1)


def report(folder: Path) -> dict[str, Any]:
    """Return what `status --json` prints."""
    made = [nodes for software in (CASSANDRA, KAFKA) if (nodes := Nodes.found(folder / software.name, software)) is not None]
    told = [
        {
            "name": nodes.software.name,
            "title": nodes.software.title,
            "setting": SETTINGS[nodes.software.name],
            "url": nodes.url,
            "running": bool(nodes.running),
            "ready": nodes.ready,
            "nodes": [
                {
                    "address": f"{node.host}:{node.plan.port}",
                    "pid": process.pid if (process := node.process) else None,
                    "memory_bytes": node.memory_bytes,
                }
                for node in nodes.nodes
            ],
        }
        for nodes in made
    ]
    return {"ready": bool(told) and all(server["ready"] for server in told), "servers": told}


def _made(software: Software, folder: Path, count: int | None, port: int | None) -> Nodes:
    before = Nodes.found(folder, software)
    return Nodes.made(folder, software, count=count or (before.plan.count if before is not None else 1), port=port)


def _start(nodes: Nodes, jars: Path, console: Console) -> None:
    title, began_s = nodes.software.title, time.monotonic()
    with console.status(f"starting {title}") as line:
        found = fetch(title, nodes.software.coordinates, jars, line.update)
        line.update(f"starting {title}")
        started = nodes.start(found)
    how = f"answers after {time.monotonic() - began_s:.1f} s" if started else "runs already"
    console.print(f"{title} {how}", highlight=False)
