"""`matinee scale`: how many replicas an application has."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.console import Console

from cluster.launch.client import OperatorClient
from cluster.settings import load
from serve_apps.operations.policy import parse_scale


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("scale")(scale)


def scale(
    service: Annotated[str, typer.Argument(help="The application: auth, catalog, playback, …")],
    replicas: Annotated[str, typer.Argument(help="A number (3), or a range to scale in by load (1..4).")],
) -> None:
    """Set how many replicas a service has. It is kept over restarts; replicas that stay are not disturbed."""
    wanted = parse_scale(replicas)
    with OperatorClient.of_running(load()) as operator:
        body = {"min_replicas": wanted.min_replicas, "max_replicas": wanted.max_replicas}
        told = operator.request("PUT", f"/api/v1/operations/applications/{service}/scale", json=body).json()
    Console().print(f"{told['name']}: {wanted} wanted, {told['replicas']} of {told['target']} answer now")
