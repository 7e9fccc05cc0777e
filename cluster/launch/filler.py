"""Fills the demo once everything is ready, in a process of its own beside the running system."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Mapping

from cluster.errors import StorageFull, StoreUnavailable
from cluster.launch.children import Lines, last_line, start_child
from cluster.settings import Settings


class Filler:
    """One filling; `tell` hears how far it is, for people."""

    def __init__(self, settings: Settings, tell: Callable[[str], None]) -> None:
        self._settings, self._tell = settings, tell
        self._child: subprocess.Popen[bytes] | None = None
        self._lines: Lines | None = None

    def look(self, environ: Mapping[str, str]) -> None:
        """Start it, or hear how far it is; called every moment. It is not started again: the next `up --demo` goes on."""
        if self._child is None:
            try:
                self._child = start_child("cluster.launch.filling", [], self._settings.data, environ, "demo", pipe=True)
            except (StoreUnavailable, StorageFull) as error:
                self._tell(f"waits: {error.detail}")
                return
            assert self._child.stdout is not None
            self._lines = Lines(self._child.stdout)
            self._tell("begins")
        if self._lines is None:
            return
        ended = self._child.poll() is not None  # asked before reading: what it said last is heard too
        for line in self._lines.read(0.0):
            self._tell(line.decode())
        if ended:
            self._lines = None
            if self._child.returncode:
                self._tell(f"incomplete: {last_line(self._settings.data, 'demo')}")

    @property
    def pid(self) -> int | None:
        """Its process, if it was started."""
        return self._child.pid if self._child is not None else None

    def stop(self) -> None:
        """End it."""
        if self._child is not None and self._child.poll() is None:
            self._child.terminate()
