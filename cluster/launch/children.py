"""The processes that the supervisor starts: how one is started, heard, and what its log said last."""

from __future__ import annotations

import os
import selectors
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import IO

from cluster.launch.instance import logs_folder, run_folder, unwritable
from cluster.processes import command


def start_child(
    module: str, arguments: list[str], data: Path, environ: Mapping[str, str], log: str, *, pipe: bool = False
) -> subprocess.Popen[bytes]:
    """Start a module of ours that dies with this process; its output goes into logs/`log`.log, but for stdout where `pipe` says so.

    Call it from the main thread, whose end would otherwise be the child's.

    Raises:
        StoreUnavailable, StorageFull: its log or its record cannot be written, or no process can be started.
    """
    record = run_folder(data) / "children"
    try:
        record.mkdir(exist_ok=True)
        with (logs_folder(data) / f"{log}.log").open("ab") as file:
            # A session of its own: Ctrl-C in the terminal is for the supervisor, who ends the others in order.
            return subprocess.Popen(
                command([sys.executable, "-m", module, *arguments], record=record),
                env=dict(environ),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE if pipe else file,
                stderr=file,
                start_new_session=True,
            )
    except OSError as error:
        raise unwritable(data, error) from error


class Lines:
    """The whole lines that a pipe has, without ever waiting longer than asked."""

    def __init__(self, pipe: IO[bytes]) -> None:
        os.set_blocking(pipe.fileno(), False)
        self._pipe, self._rest, self._ended = pipe, b"", False
        self._selector = selectors.DefaultSelector()
        self._selector.register(pipe, selectors.EVENT_READ)

    def read(self, timeout_s: float) -> list[bytes]:
        """Return the lines that came meanwhile; none once the writer is gone."""
        if self._ended:
            time.sleep(timeout_s)
            return []
        if not self._selector.select(timeout_s):
            return []
        data = os.read(self._pipe.fileno(), 1 << 20)
        self._ended = not data
        *lines, self._rest = (self._rest + data).split(b"\n")
        return lines


def last_line(data: Path, log: str) -> str:
    """Return the last line of a log that says something."""
    path = logs_folder(data) / f"{log}.log"
    try:
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - 4096))
            lines = [line.strip() for line in file.read().decode(errors="replace").splitlines()]
    except OSError:
        return ""
    return next((line for line in reversed(lines) if line), "")
