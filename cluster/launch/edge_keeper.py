"""Keeps the edge of this machine alive: starts it, waits until it answers, starts it again when it is gone."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Mapping
from typing import Final
from urllib.request import urlopen

from cluster.errors import Misconfigured, StartFailed, StorageFull, StoreUnavailable
from cluster.launch.children import last_line, start_child
from cluster.launch.environment import loopback
from cluster.settings import Settings

RUNS: Final = "runs"
PAUSE_S: Final = 1.0
TRIES: Final = 5
GRACE_S: Final = 3.0


class EdgeKeeper:
    """One edge; `tell` hears how it is: RUNS, or what it said last."""

    def __init__(self, settings: Settings, tell: Callable[[str], None]) -> None:
        self._settings, self._tell = settings, tell
        self._child: subprocess.Popen[bytes] | None = None
        self._due_s = 0.0
        self._failures = 0
        self.answers = False
        self.answered = False
        """Whether it ever did."""

    def keep(self, environ: Mapping[str, str]) -> None:
        """Look after it; called every moment.

        Raises:
            Misconfigured: it says that a setting or the machine is wrong.
            StartFailed: it never answered, however often it was started.
            StoreUnavailable, StorageFull: it could not be started the first time.
        """
        if self._child is not None and self._child.poll() is None:
            if not self.answers and self._asked():
                self.answers = self.answered = True
                self._failures = 0
                self._tell(RUNS)
            return
        if self._child is not None:
            self.answers = False
            said = last_line(self._settings.data, "edge") or "ended"
            self._tell(said)
            if self._child.returncode == 2 and not self.answered:
                raise Misconfigured(f"The edge does not start: {said}")  # and would not the next time
            if time.monotonic() < self._due_s:
                return  # it fails at once: no busy loop
            self._failures += 1
            if self._failures >= TRIES and not self.answered:
                raise StartFailed(f"The edge does not start: {said}")
        self._due_s = time.monotonic() + PAUSE_S
        try:
            self._child = start_child("cluster.edge", [], self._settings.data, environ, "edge")
        except (StoreUnavailable, StorageFull) as error:
            if not self.answered:
                raise
            self._tell(error.detail)  # a disk that filled up meanwhile ends nothing else

    @property
    def pid(self) -> int | None:
        """Its process, if it was started."""
        return self._child.pid if self._child is not None else None

    def stop(self) -> None:
        """Ask it to end; see `wait`."""
        if self._child is not None and self._child.poll() is None:
            self._child.terminate()

    def wait(self) -> None:
        """Wait GRACE_S for its end."""
        if self._child is not None:
            try:
                self._child.wait(GRACE_S)
            except subprocess.TimeoutExpired:
                return  # whoever ends all descendants ends this one too

    def _asked(self) -> bool:
        try:
            with urlopen(f"http://{loopback(self._settings.host)}:{self._settings.edge_port}/health", timeout=0.5) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False
