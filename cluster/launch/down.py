"""`matinee down`: end the instance of this data directory, and whatever a crash left of it."""

from __future__ import annotations

import os
import signal
from typing import Final

import typer
from rich.console import Console

from cluster.errors import AlreadyRunning, StartFailed
from cluster.launch import ending
from cluster.launch.instance import Instance, read
from cluster.launch.joining import leave
from cluster.launch.supervisor import sweep_stale
from cluster.settings import load

GRACE_S: Final = 30.0


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("down")(down)


def down() -> None:
    """End Matinee: all that `up` started, and nothing else. Everything that was kept stays."""
    settings, console = load(), Console()
    state = read(settings.data)
    if state is not None and state.supervisor.alive:
        with console.status("stopping"):
            os.kill(state.supervisor.pid, signal.SIGTERM)
            if ending.wait([state.supervisor], GRACE_S):
                ending.end([state.supervisor])
    elif not settings.data.exists():
        console.print("Matinee is not running")
        return
    try:
        instance = Instance.claim(settings.data)
    except AlreadyRunning as error:
        raise StartFailed("Matinee is starting or stopping at this moment: try again") from error
    try:
        if instance.stale is not None and instance.stale.ray_address and not instance.stale.failed:
            leave(instance.stale.ray_address, [application.name for application in instance.stale.applications])
        sweep_stale(instance)
    finally:
        instance.release()
    console.print("Matinee is down" if state is not None else "Matinee is not running")
