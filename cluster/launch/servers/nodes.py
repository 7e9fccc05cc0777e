"""Nodes of one software on this machine: made in a folder, started and stopped as processes that outlive who started them.

Main path: `Nodes.made` -> `start` -> `url` -> `stop`.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import msgspec

from cluster.errors import AlreadyRunning, Misconfigured, StartFailed
from cluster.launch import ending
from cluster.launch.instance import unwritable
from cluster.launch.servers import plan as plans
from cluster.launch.servers.java import find_java
from cluster.launch.servers.node import Node, Software
from cluster.launch.servers.plan import Plan

START_TIMEOUT_S: Final = 150.0
STOP_GRACE_S: Final = 15.0
POLL_S: Final = 0.1


class Nodes:
    """All nodes of one software in a folder."""

    def __init__(self, software: Software, plan: Plan, folder: Path) -> None:
        self.software, self.plan, self.folder = software, plan, folder
        self.nodes = [Node(software, plan, number, folder / f"node-{number}") for number in range(1, plan.count + 1)]

    @classmethod
    def found(cls, folder: Path, software: Software) -> Nodes | None:
        """Return those that were made in this folder before."""
        plan = plans.load(folder)
        return None if plan is None else cls(software, plan, folder)

    @classmethod
    def made(cls, folder: Path, software: Software, *, count: int = 1, port: int | None = None, throwaway: bool = False) -> Nodes:
        """Return those of this folder, newly planned if there are none; port 0 is any that is free, None the usual one or the one before.

        Raises:
            Misconfigured: the folder holds another number of nodes.
        """
        before = cls.found(folder, software)
        if before is None:
            plan = plans.make(count, software.default_port if port is None else port, throwaway=throwaway)
        elif before.plan.count != count:
            made = f"{software.title} was made with {before.plan.count} {'node' if before.plan.count == 1 else 'nodes'} in {folder}"
            raise Misconfigured(f"{made}: ask for as many, or remove that folder and what it holds")
        else:
            plan = msgspec.structs.replace(before.plan, port=port or before.plan.port)
            if before.running and plan != before.plan:
                raise AlreadyRunning(f"{software.title} runs already, on port {before.plan.port}")
        plans.save(folder, plan)
        return cls(software, plan, folder)

    @property
    def url(self) -> str:
        """What the setting of Matinee is set to."""
        return self.software.url(self.plan)

    @property
    def running(self) -> list[Node]:
        """The nodes that have a process."""
        return [node for node in self.nodes if node.process is not None]

    @property
    def ready(self) -> bool:
        """Whether every node answers and knows all others."""
        return len(self.running) == len(self.nodes) and all(self.software.answers(node.host, self.plan) for node in self.nodes)

    def start(self, jars: Path, timeout_s: float = START_TIMEOUT_S) -> bool:
        """Start the nodes that don't run, side by side, and return once all are ready: True if any was started.

        What is thrown away ends with the thread that starts it: call it from the main one.

        Raises:
            Misconfigured: there is no Java that runs them.
            AlreadyRunning: another process starts or stops them at this moment.
            PortUnavailable, StoreUnavailable, StorageFull: see `Node.start`.
            StartFailed: a node ended, or was not ready in time; those that were started here are stopped.
        """
        with self._held():
            missing = [node for node in self.nodes if node.process is None]
            java = find_java() if missing else Path()
            try:
                for node in missing:
                    node.start(java, jars)
                self._await_ready(timeout_s)
            except BaseException:
                _end(missing)
                raise
        return bool(missing)

    def stop(self) -> int:
        """End all nodes, together: alone, the last would wait for a majority. Returns how many ran.

        Raises:
            AlreadyRunning: another process starts or stops them at this moment.
            StartFailed: a process does not end.
        """
        with self._held():
            # What is thrown away is ended as it is.
            return _end(self.nodes, 0.0 if self.plan.throwaway else STOP_GRACE_S)

    def _await_ready(self, timeout_s: float) -> None:
        ends_s = time.monotonic() + timeout_s
        while not self.ready:
            for node in self.nodes:
                if node.process is None:
                    raise StartFailed(f"{self.software.title} on {node.host} ended at once: {node.last_words() or 'it did not say why'}")
            if time.monotonic() > ends_s:
                raise StartFailed(f"{self.software.title} was not ready within {timeout_s:.0f} s; its logs are in {self.folder}")
            time.sleep(POLL_S)

    @contextlib.contextmanager
    def _held(self) -> Iterator[None]:
        try:
            lock = os.open(self.folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise unwritable(self.folder, error) from error
        try:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise AlreadyRunning(f"{self.software.title} is being started or stopped by another process") from error
            yield
        finally:
            os.close(lock)


def _end(nodes: Sequence[Node], grace_s: float = STOP_GRACE_S) -> int:
    running = [process for node in nodes if (process := node.process) is not None]
    for node in nodes:
        node.resume()  # one that stands still would not hear
    stuck = ending.end(running, grace_s=grace_s)
    for node in nodes:
        node.process  # noqa: B018 -- buries it
    if stuck:
        raise StartFailed(f"Processes that do not end: {', '.join(str(process.pid) for process in stuck)}")
    return len(running)
