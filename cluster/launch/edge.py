"""`matinee edge`: one more edge, for example on another machine near the viewers."""

from __future__ import annotations

import os
import sys
from typing import Annotated

import typer

from cluster.launch import kept_in
from cluster.settings import load


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("edge")(edge)


def edge(
    host: Annotated[str | None, typer.Option(help="The address to listen on. [MATINEE_HOST]")] = None,
    port: Annotated[int | None, typer.Option(help="The port to listen on. [MATINEE_EDGE_PORT]")] = None,
    url: Annotated[str | None, typer.Option(help="Where viewers reach this edge. [MATINEE_EDGE_URL]")] = None,
) -> None:
    """Run an edge in the foreground. `up` runs one already."""
    settings = load(host=host, edge_port=port, edge_url=url)
    kept_in.require_named(settings)
    own = {"MATINEE_HOST": settings.host, "MATINEE_EDGE_PORT": str(settings.edge_port), "MATINEE_EDGE_URL": settings.edge_url}
    # It becomes the edge instead of starting it: signals and the exit code are the edge's own.
    os.execve(sys.executable, [sys.executable, "-m", "cluster.edge"], {**os.environ, **own})  # noqa: S606
