"""A whole running Matinee for tests: started by the command, in a directory and on ports of its own.

Tests use the session's one (fixture `platform`); those that kill or restart it the other one (fixture `upright`). A start takes half a
minute, so a test that needs one of its own (fixture `new_platform`) has a reason.
"""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from collections.abc import Callable
from itertools import cycle, islice
from pathlib import Path
from typing import Any, Protocol, TypeVar

import psutil

from cluster.launch.client import OperatorClient, running
from cluster.launch.environment import can_bind
from cluster.launch.instance import State, read
from cluster.settings import Settings, load

T = TypeVar("T")

COMMAND = [sys.executable, "-m", "cluster.launch.cli"]
UP_TIMEOUT_S = 240.0
WORKER, WORKERS = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")), 4
PORTS = range(61_000 + WORKER % WORKERS, 65_536, WORKERS)
"""Above those that Linux hands out, and above Ray's; each of the suite's processes has its own."""
_drawn = cycle(random.SystemRandom().sample(PORTS, len(PORTS)))


def free_ports(count: int) -> list[int]:
    """Return ports that nobody listens on now.

    Nobody else is handed them, neither by the system nor by this: what is started on them again later finds them free still.
    """
    return list(islice((port for port in _drawn if can_bind("0.0.0.0", port)), count))


def instance_environment(data: Path, **settings: object) -> dict[str, str]:
    """Return an environment in which commands mean the instance of `data`; `settings` as in `Settings`."""
    names = ("port", "edge_port", "dashboard_port", "metrics_port", "stats_port")
    own: dict[str, object] = {"data": data, **dict(zip(names, free_ports(len(names)), strict=True)), **settings}
    bare = {name: value for name, value in os.environ.items() if not name.startswith(("MATINEE_", "RAY_"))}
    return bare | {f"MATINEE_{name.upper()}": str(value) for name, value in own.items()}


def eventually(look: Callable[[], T | None], timeout_s: float = 30.0) -> T:
    """Return what `look` finds once that is true; fails after the time-out."""
    ends_s = time.monotonic() + timeout_s
    while not (found := look()):
        assert time.monotonic() < ends_s, f"not within {timeout_s:g} s"
        time.sleep(0.05)
    return found


class Platform:
    """One instance; `env` is what its commands run with."""

    def __init__(self, data: Path, **settings: object) -> None:
        self.env = instance_environment(data, **settings)
        given = {name.removeprefix("MATINEE_").lower(): value for name, value in self.env.items() if name.startswith("MATINEE_")}
        self.settings: Settings = load(**given)

    @property
    def site_url(self) -> str:
        """Where the API is."""
        return self.settings.site_url

    @property
    def edge_url(self) -> str:
        """Where the edge is."""
        return self.settings.own_edge_url

    @property
    def state(self) -> State:
        """What `up` published last."""
        state = read(self.settings.data)
        assert state is not None
        return state

    @property
    def is_up(self) -> bool:
        """Whether it runs, and is ready."""
        state = read(self.settings.data)
        return state is not None and state.ready and state.supervisor.alive

    @property
    def operator(self) -> OperatorClient:
        """A client signed in as the operator; close it."""
        return OperatorClient(self.settings, running(self.settings).api_url)

    def command(self, *arguments: str, timeout_s: float = 60.0) -> subprocess.CompletedProcess[str]:
        """Run `matinee …` to its end."""
        return subprocess.run([*COMMAND, *arguments], env=self.env, capture_output=True, text=True, timeout=timeout_s, check=False)

    def up(self, *options: str) -> None:
        """Start it in the background."""
        done = self.command("up", "--detach", *options, timeout_s=UP_TIMEOUT_S)
        assert done.returncode == 0, done.stdout + done.stderr + self.logs()

    def stand_up(self) -> None:
        """Start it in the background, unless it runs."""
        if not self.is_up:
            self.up()

    def down(self) -> None:
        """End it, if it runs."""
        done = self.command("down")
        assert done.returncode == 0, done.stdout + done.stderr

    def status(self) -> dict[str, Any]:
        """Return what operations says."""
        with self.operator as operator:
            status: dict[str, Any] = operator.get("/api/v1/operations/status")
        return status

    def processes(self, title: str = "") -> list[psutil.Process]:
        """Return its processes whose command line (or Ray's title, `ray::ServeReplica:playback:…`) contains `title`."""
        found = []
        for process in psutil.Process(self.state.supervisor.pid).children(recursive=True):
            try:
                if title in " ".join(process.cmdline()):
                    found.append(process)
            except psutil.NoSuchProcess:
                continue
        return found

    def logs(self) -> str:
        """Return the ends of the logs, for a failing test."""
        logs = sorted((self.settings.data / "logs").glob("*.log"))
        return "\n".join(f"--- {path.name}\n{path.read_text(errors='replace')[-2000:]}" for path in logs)


class MakePlatform(Protocol):
    """The fixture `new_platform`."""

    def __call__(self, data: Path, **settings: object) -> Platform:
        """Return one that nobody has started; `settings` as in `Settings`."""
        ...
