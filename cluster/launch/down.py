"""`matinee down`: end the instance of this data directory, and whatever a crash left of it."""

from __future__ import annotations

import os
import signal
from typing import Final

import typer
from rich.console import Console

from cluster.errors import AlreadyRunning, StartFailed
from cluster.launch import ending, supervisor
from cluster.launch.instance import Instance, read
from cluster.launch.joining import leave
from cluster.settings import load

GRACE_S: Final = 30.0
LEAVE_GRACE_S: Final = supervisor.LEAVE_GRACE_S + 15.0


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
            if ending.wait([state.supervisor], LEAVE_GRACE_S if state.ray_address else GRACE_S):
                ending.end([state.supervisor])
    elif not settings.data.exists():
        console.print("Matinee is not running")
        return
    try:
        instance = Instance.claim(settings.data)
    except AlreadyRunning as error:
        raise StartFailed("Matinee is starting or stopping at this moment: try again") from error
    stale, problem = instance.stale, ""
    try:
        if stale is not None and stale.ray_address and stale.applications:
            with console.status("leaving the cluster"):
                problem = leave(stale.ray_address, [application.name for application in stale.applications])
        supervisor.sweep_stale(instance)
    finally:
        instance.release(keep_state=bool(problem))
    if problem:
        raise StartFailed(f"Not all of Matinee is off the cluster: {problem}; try `matinee down` again")
    console.print("Matinee is down" if state is not None else "Matinee is not running")
