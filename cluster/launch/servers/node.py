"""One node of a server: its folder, its process, and the record by which others find that.

What runs in it is a `Software`; who starts nodes together, and waits for them, is `Nodes`.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from pathlib import Path
from typing import Final, Protocol

import msgspec
import psutil

from cluster.errors import PortUnavailable
from cluster.launch import ending
from cluster.launch.environment import can_bind
from cluster.launch.instance import Process, unwritable
from cluster.launch.servers.plan import Plan, host_of
from cluster.processes import command

_LOG_TAIL_BYTES: Final = 16384


class Software(Protocol):
    """What a node runs."""

    @property
    def name(self) -> str:
        """Its folder, and what options call it."""
        ...

    @property
    def title(self) -> str:
        """What people call it, with its version."""
        ...

    @property
    def coordinates(self) -> tuple[str, ...]:
        """Where its jars are in Maven Central, each resolved by itself."""
        ...

    @property
    def default_port(self) -> int:
        """Where clients expect it."""
        ...

    def prepare(self, folder: Path, plan: Plan, number: int, java: Path, jars: Path) -> None:
        """Write the settings of a node into its folder; repeated before every start."""
        ...

    def arguments(self, folder: Path, jars: Path) -> list[str]:
        """Return what java is called with, in the node's folder, which is prepared."""
        ...

    def answers(self, host: str, plan: Plan) -> bool:
        """Say whether the node answers clients and knows all others; asks once, and never raises."""
        ...

    def url(self, plan: Plan) -> str:
        """Return what the setting of Matinee is set to."""
        ...


class Node:
    """One node: its folder, and the record of its process there."""

    def __init__(self, software: Software, plan: Plan, number: int, folder: Path) -> None:
        self.software, self.plan, self.number, self.folder = software, plan, number, folder
        self.host = host_of(number)
        self._child: subprocess.Popen[bytes] | None = None

    @property
    def process(self) -> Process | None:
        """The process that was recorded, if it is still there and runs Java: a pid alone may be anybody's by now."""
        if self._child is not None:
            self._child.poll()  # buries it
        try:
            recorded = msgspec.json.decode((self.folder / "process.json").read_bytes(), type=Process)
            # One that was started here this moment may still be on its way to becoming Java.
            ours = recorded.alive and (self._child is not None or psutil.Process(recorded.pid).name() == "java")
        except (OSError, msgspec.MsgspecError, psutil.Error):
            return None
        return recorded if ours else None

    @property
    def memory_bytes(self) -> int:
        """What its process holds in memory; 0 without one."""
        with contextlib.suppress(psutil.Error):
            if (process := self.process) is not None:
                return int(psutil.Process(process.pid).memory_info().rss)
        return 0

    def start(self, java: Path, jars: Path) -> None:
        """Start it; returns before it is ready.

        Raises:
            PortUnavailable: somebody else listens where it should.
            StartFailed: it could not be set up.
            StoreUnavailable, StorageFull: its folder cannot be written.
        """
        for port in (self.plan.port, self.plan.inner_port):
            if not can_bind(self.host, port):
                raise PortUnavailable(f"{self.software.title} cannot listen on {self.host}:{port}: it is in use")
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self.software.prepare(self.folder, self.plan, self.number, java, jars)
            argv = [str(java), *self.software.arguments(self.folder, jars)]
            with (self.folder / "output.log").open("wb") as output:
                self._child = subprocess.Popen(
                    command(argv) if self.plan.throwaway else argv,
                    cwd=self.folder,
                    # None of our secrets, and none of what other Javas on this machine are told.
                    env={"PATH": os.environ.get("PATH", os.defpath), "LANG": "C.UTF-8"},
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                )
            record = self.folder / "process.json"
            record.with_suffix(".new").write_bytes(msgspec.json.encode(Process.of(self._child.pid)))
            record.with_suffix(".new").replace(record)
        except OSError as error:
            raise unwritable(self.folder, error) from error

    def kill(self) -> None:
        """End it as a power failure would; it may be started again."""
        self._signal(signal.SIGKILL)
        if (process := self.process) is not None:
            ending.wait([process], ending.KILL_WAIT_S)
        self.process  # noqa: B018 -- buries it

    def pause(self) -> None:
        """Make it stand still, with its connections open."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on."""
        self._signal(signal.SIGCONT)

    def last_words(self) -> str:
        """Return what it said of its end."""
        lines = [line for name in ("server.log", "output.log") for line in _tail(self.folder / name)]
        telling = [line for line in lines if "Exception" in line or "ERROR" in line or "rror:" in line]
        return (telling or lines or [""])[-1]

    def _signal(self, number: signal.Signals) -> None:
        if (process := self.process) is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(process.pid, number)


def _tail(path: Path) -> list[str]:
    try:
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - _LOG_TAIL_BYTES))
            return [line for line in file.read().decode(errors="replace").splitlines() if line.strip()]
    except OSError:
        return []
