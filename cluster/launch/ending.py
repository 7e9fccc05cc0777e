"""Ends processes and waits until they are gone: those that `up` started, by descent; orphans of a crash, by record and mark.

A pid alone never condemns: it comes with the start tick that was recorded, or with the run's mark in its environment. Never `ray stop`.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Final

import psutil

from cluster.child import identity
from cluster.launch.environment import RUN_ID
from cluster.launch.instance import Process

PR_SET_CHILD_SUBREAPER: Final = 36
KILL_WAIT_S: Final = 10.0


def adopt_orphans() -> None:
    """Become the parent of every descendant that loses its own: whatever was started below stays to be found there."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def descendants() -> list[Process]:
    """Return everything that was started by this process, however deep."""
    found = (Process.of(child.pid) for child in psutil.Process().children(recursive=True))
    return [process for process in found if process.started]


def reap_adopted(own: Iterable[int]) -> None:
    """Bury adopted children that ended; `own` are waited for by whoever started them."""
    mine = set(own)
    for child in psutil.Process().children():
        with contextlib.suppress(psutil.NoSuchProcess, ChildProcessError):
            if child.pid not in mine and child.status() == psutil.STATUS_ZOMBIE:
                os.waitpid(child.pid, os.WNOHANG)


def marked(run_id: str) -> list[Process]:
    """Return this user's processes that carry a run's mark in their environment."""
    mark = f"{RUN_ID}={run_id}".encode()
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if mark in (folder / "environ").read_bytes().split(b"\0"):
                found.append(Process.of(int(folder.name)))
        except OSError:
            continue  # somebody else's, or gone meanwhile
    return [process for process in found if process.pid != os.getpid()]


def end(processes: Iterable[Process], *, grace_s: float = 0.0) -> list[Process]:
    """End processes, politely first if there is time to spare; returns those that are still there after KILL_WAIT_S."""
    living = [process for process in processes if process.alive]
    if grace_s > 0:
        _send(living, signal.SIGTERM)
        living = wait(living, grace_s)
    _send(living, signal.SIGKILL)
    return wait(living, KILL_WAIT_S)


def wait(processes: Iterable[Process], timeout_s: float) -> list[Process]:
    """Wait until the processes are gone; returns those that are not in time."""
    ends_s = time.monotonic() + timeout_s
    living = [process for process in processes if process.alive]
    while living and time.monotonic() < ends_s:
        time.sleep(0.02)
        living = [process for process in living if process.alive]
    return living


def _send(processes: Iterable[Process], number: signal.Signals) -> None:
    for process in processes:
        if identity(process.pid) == process.started:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(process.pid, number)
