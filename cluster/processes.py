"""Child processes that die with their parent, inside limits, and that leave a record by which orphans are found.

Main path: `run` (to the end) or `start` (to keep) -> child.py sets limits and death signal -> exec; a cancelled `run` kills its group.
The death signal is tied to the thread that starts the child: start children from a thread that lives as long as they may.
Knows nothing of ffmpeg, edges or jobs.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sys
import time
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from cluster.child import identity
from cluster.completed import Completed
from cluster.errors import Misconfigured
from cluster.output import Kept, Lines, Overflow, Tail, pump

LAUNCHER = Path(__file__).with_name("child.py")
KILL_WAIT_S = 2.0


@dataclass(frozen=True)
class Limits:
    """What a child may use; None leaves the machine's limit."""

    memory_bytes: int | None = None
    cpu_s: int | None = None
    file_bytes: int | None = None
    open_files: int | None = None
    nice: int = 0  # above 0 also SCHED_BATCH, idle disk priority, and first to be killed when memory is short
    network: bool = True  # False: none, where the kernel allows that

    def rlimits(self) -> dict[str, int]:
        """Return the limits as `resource` names them."""
        wanted = {
            "RLIMIT_AS": self.memory_bytes,
            "RLIMIT_CPU": self.cpu_s,
            "RLIMIT_FSIZE": self.file_bytes,
            "RLIMIT_NOFILE": self.open_files,
        }
        return {name: value for name, value in wanted.items() if value is not None} | {"RLIMIT_CORE": 0}


UNLIMITED = Limits()


class Child:
    """A running child and its process group."""

    def __init__(self, process: asyncio.subprocess.Process, record: Path | None) -> None:
        self.process = process
        self._record = record / str(process.pid) if record else None
        self._ended = False  # from then on the kernel may give the number to others

    @property
    def pid(self) -> int:
        """The program's process id, which is also its group's."""
        return self.process.pid

    @property
    def returncode(self) -> int | None:
        """None while it runs."""
        return self.process.returncode

    async def wait(self) -> int:
        """Wait for its end, and end what it left in its group; returns the code (minus the signal's number)."""
        code = await self.process.wait()
        if not self._ended:
            self._ended = True
            self._signal(signal.SIGKILL)
            self._forget()
        return code

    async def stop(self, grace_s: float = 0.0) -> None:
        """End the whole group: politely first if there is time to spare, then at once. Repeating it does nothing."""
        if self.returncode is None:
            if grace_s > 0:
                self._signal(signal.SIGTERM)
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(asyncio.shield(self.wait()), grace_s)
            if self.returncode is None:
                self._signal(signal.SIGKILL)
        # asyncio tells the end only once the pipes are read to theirs.
        pipes = [pump(pipe) for pipe in (self.process.stdout, self.process.stderr) if pipe is not None]
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(asyncio.gather(self.wait(), *pipes), KILL_WAIT_S)

    def _signal(self, number: int) -> None:
        # What the program itself started may outlive it in the group, whose number the kernel keeps while anyone is in it.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, number)

    def _forget(self) -> None:
        if self._record:
            with contextlib.suppress(OSError):
                self._record.unlink()


async def start(
    argv: Sequence[str],
    *,
    cwd: Path,
    limits: Limits = UNLIMITED,
    env: Mapping[str, str] | None = None,
    record: Path | None = None,
    stdout: int | None = DEVNULL,
    stderr: int | None = None,
) -> Child:
    """Start a program that is to run on; the caller stops it. `argv[0]` is an absolute path; see `run` for the rest.

    Raises:
        Misconfigured: the program cannot be started at all.
    """
    if record is not None:
        record.mkdir(parents=True, exist_ok=True)
    try:
        process = await asyncio.create_subprocess_exec(
            *command(argv, limits, record),
            cwd=cwd,
            env=dict(env) if env is not None else _bare_environment(),
            stdin=DEVNULL,
            stdout=stdout,
            stderr=stderr,
            start_new_session=True,
        )
    except OSError as error:
        raise Misconfigured(f"{argv[0]} cannot be started: {error.strerror}") from error
    return Child(process, record)


async def run(
    argv: Sequence[str],
    *,
    cwd: Path,
    limits: Limits = UNLIMITED,
    timeout_s: float,
    on_line: Callable[[str], None] | None = None,
    on_error_line: Callable[[str], None] | None = None,
    env: Mapping[str, str] | None = None,
    record: Path | None = None,
    stdout_bytes: int = 1 << 20,
    stderr_bytes: int = 16 * 1024,
) -> Completed:
    """Run a program to its end; it and its group are dead when this returns, raises or is cancelled.

    `on_line` gets the lines of stdout (cut at 64 KiB), which are kept otherwise, up to `stdout_bytes`; of stderr the tail is kept,
    whether or not `on_error_line` gets its lines.
    `env` is bare by default: a child sees no secrets. `record` is a directory for `sweep`.
    """
    began_s = time.monotonic()
    child = await start(argv, cwd=cwd, limits=limits, env=env, record=record, stdout=PIPE, stderr=PIPE)
    assert child.process.stdout is not None
    assert child.process.stderr is not None
    kept, tail = Kept(stdout_bytes), Tail(stderr_bytes)
    lines, error_lines = Lines(on_line), Lines(on_error_line)
    watching = [
        asyncio.create_task(work)
        for work in (
            pump(child.process.stdout, lines if on_line else kept),
            pump(child.process.stderr, tail, error_lines),
            child.process.wait(),
        )
    ]
    try:
        _, unfinished = await asyncio.wait(watching, timeout=timeout_s, return_when=asyncio.FIRST_EXCEPTION)
    finally:
        await asyncio.shield(_end(child, watching))
    failures = [error for task in watching if not task.cancelled() and (error := task.exception())]
    overflowed = any(isinstance(error, Overflow) for error in failures)
    if failures and not overflowed:
        raise failures[0]  # on_line's
    lines.end()
    error_lines.end()
    return Completed(
        returncode=child.returncode if child.returncode is not None else -signal.SIGKILL,
        stdout=bytes(kept.data),
        stderr=tail.text(),
        timed_out=bool(unfinished) and not overflowed,
        overflowed=overflowed,
        elapsed_s=time.monotonic() - began_s,
    )


def command(argv: Sequence[str], limits: Limits = UNLIMITED, record: Path | None = None) -> list[str]:
    """Return the argument list that starts `argv` through child.py, as a child of this process."""
    options = {
        "limits": limits.rlimits(),
        "nice": limits.nice,
        "network": limits.network,
        "record": str(record) if record else "",
        "parent": os.getpid(),
    }
    return [sys.executable, "-I", "-S", str(LAUNCHER), json.dumps(options), *argv]


def sweep(directory: Path, *, orphans_only: bool = True) -> list[int]:
    """Kill what earlier processes recorded in `directory` and left behind; returns the pids killed.

    A process is killed only if it is the one that was recorded (boot and start tick agree); with `orphans_only`, if its parent is gone too.
    """
    killed = []
    for path, entry in _records(directory):
        ours = bool(entry.started) and identity(entry.pid) == entry.started
        if ours and orphans_only and identity(entry.parent) == entry.parent_started:
            continue
        if ours:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(entry.pid, signal.SIGKILL)
                killed.append(entry.pid)
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(entry.pid, signal.SIGKILL)
        with contextlib.suppress(OSError):
            path.unlink()
    return killed


def recorded(directory: Path) -> list[int]:
    """Return the pids of the recorded processes that still run."""
    return sorted(entry.pid for _, entry in _records(directory) if entry.started and identity(entry.pid) == entry.started)


def _records(directory: Path) -> Iterator[tuple[Path, _Entry]]:
    for path in sorted(directory.glob("[0-9]*")) if directory.is_dir() else []:
        try:
            entry = msgspec.json.decode(path.read_bytes(), type=_Entry)
        except OSError:
            continue  # it ended meanwhile
        except msgspec.MsgspecError:
            # Being written this moment, or cut off by a crash: it says nothing, but it may not stay for ever.
            entry = _Entry(pid=0, started="", parent=0, parent_started="")
            with contextlib.suppress(OSError):
                if time.time() - path.stat().st_mtime < 60:
                    continue
        yield path, entry


class _Entry(msgspec.Struct, frozen=True):
    pid: int
    started: str
    parent: int
    parent_started: str


def _bare_environment() -> dict[str, str]:
    # Only what finding and starting programs takes: secrets of ours are none of a child's business.
    passed = {name: os.environ[name] for name in ("PATH", "LD_LIBRARY_PATH") if name in os.environ}
    return passed | {"LANG": "C.UTF-8"}


async def _end(child: Child, watching: list[asyncio.Task[Any]]) -> None:
    for task in watching:
        task.cancel()
    await asyncio.wait(watching)
    await child.stop()
