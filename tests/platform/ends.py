"""What is left of an instance that ended: no process, no port, no temporary file."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from cluster.launch.instance import Process
from tests.running import Platform, eventually


def everything(instance: Platform) -> list[Process]:
    """Return the supervisor and all that it started."""
    supervisor = psutil.Process(instance.state.supervisor.pid)
    return [Process.of(process.pid) for process in (supervisor, *supervisor.children(recursive=True))]


def require_nothing_left(instance: Platform, processes: list[Process]) -> None:
    """Wait until the processes are gone; nobody listens on the ports of `instance` then."""
    eventually(lambda: not [process for process in processes if process.alive], timeout_s=20)
    settings = instance.settings
    ports = {settings.port, settings.edge_port, settings.dashboard_port, settings.metrics_port, settings.stats_port}
    listening = {tuple(connection.laddr)[1] for connection in psutil.net_connections("inet") if connection.status == psutil.CONN_LISTEN}
    assert not ports & listening


@contextmanager
def no_temporary_files() -> Iterator[None]:
    """Check that nothing more is there afterwards of what Python's and Node's processes keep for all to see."""
    found = temporary_files()
    yield
    assert temporary_files() <= found


def temporary_files() -> set[Path]:
    folder = Path(tempfile.gettempdir())
    return {*folder.glob("pymp-*"), *folder.glob("node-compile-cache*")}


def raylet_of(instance: Platform) -> psutil.Process:
    """Return the process without which its Ray is dead."""
    (raylet,) = [process for process in instance.processes("raylet/raylet") if process.name() == "raylet"]
    return raylet
