"""The instance that belongs to a data directory: its lock, its state file, its private directory for sockets.

Main path: `Instance.claim` -> `publish` as the start goes on -> `release`. Others only `read`.
The lock is the kernel's, so it goes with the process however that ends; the state file may be stale and says by whom it was written.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import shutil
import stat
import tempfile
import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import Final

import msgspec

from cluster.child import identity
from cluster.errors import AlreadyRunning, Misconfigured, StorageFull, StoreUnavailable
from cluster.ids import new_id

SOCKET_PATH_BYTES: Final = 107
SOCKET_BELOW_BYTES: Final = 76
"""The longest path that Ray and HAProxy make for a socket below the private directory."""


class ApplicationState(msgspec.Struct, frozen=True):
    """An application as Serve sees it: `replicas` answer, `target` are wanted."""

    name: str
    prefix: str
    state: str
    replicas: int
    target: int


class Process(msgspec.Struct, frozen=True, order=True):
    """A process for all time: a pid comes back, this doesn't."""

    pid: int
    started: str

    @classmethod
    def of(cls, pid: int) -> Process:
        """Return the process that has this pid now."""
        return cls(pid, identity(pid))

    @property
    def alive(self) -> bool:
        """Whether it still runs."""
        return bool(self.started) and identity(self.pid) == self.started


class State(msgspec.Struct, frozen=True):
    """What run/instance.json holds."""

    run_id: str
    supervisor: Process
    run_dir: str
    site_url: str
    api_url: str
    """Where commands on this machine reach the API."""
    dashboard_url: str = ""
    dashboard_token: str = ""
    """The file with the token that the dashboard asks for; '' on a cluster of others."""
    ray_address: str = ""
    stage: str = ""
    """What the start is busy with, for people."""
    ready: bool = False
    """Every application answered once, and the edge, if there is one."""
    edge: str = ""
    """How the edge is: `runs`, or what it said last."""
    demo: str = ""
    """How far the demo is filled, for people."""
    training: str = ""
    """How the training by the schedule goes, or went, for people."""
    failed: str = ""
    """Why it ended, if not on demand."""
    applications: tuple[ApplicationState, ...] = ()
    needed: dict[str, Process] = {}
    """Those of Ray without which nothing runs, by name."""


def run_folder(data: Path) -> Path:
    """Return where an instance keeps what it needs only while it runs."""
    return data / "run"


def logs_folder(data: Path) -> Path:
    """Return where an instance keeps its logs."""
    return data / "logs"


def read(data: Path) -> State | None:
    """Return the state last published, possibly by a process long dead; None if there is none or it cannot be read."""
    try:
        return msgspec.json.decode((run_folder(data) / "instance.json").read_bytes(), type=State)
    except (OSError, msgspec.MsgspecError):
        return None


class Instance:
    """The claim on a data directory, held by the supervisor."""

    def __init__(self, data: Path, lock: int, stale: State | None) -> None:
        self.data, self.stale = data, stale
        self.run_id = new_id()
        self.run_dir = private_directory(data)
        self.lock = lock
        self._last: State | None = None

    @classmethod
    def claim(cls, data: Path) -> Instance:
        """Make the directory if needed and take its lock; `stale` is what an instance before left behind.

        Raises:
            AlreadyRunning: another process holds the lock.
            StoreUnavailable, StorageFull: the directory cannot be written.
        """
        run = run_folder(data)
        try:
            data.parent.mkdir(parents=True, exist_ok=True)
            for folder in (data, run, logs_folder(data)):
                folder.mkdir(mode=0o700, exist_ok=True)
            run.chmod(0o700)
            lock = os.open(run / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise unwritable(data, error) from error
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            os.close(lock)
            state = read(data)
            where = f": {state.site_url} (process {state.supervisor.pid})" if state else ""
            raise AlreadyRunning(f"Matinee runs already with {data}{where}") from error
        try:
            return cls(data, lock, read(data))
        except BaseException:
            os.close(lock)
            raise

    def publish(self, state: State) -> None:
        """Replace the state file."""
        if state == self._last:
            return
        target = run_folder(self.data) / "instance.json"
        try:
            target.with_suffix(".new").write_bytes(msgspec.json.encode(state))
            target.with_suffix(".new").replace(target)
        except OSError as error:
            raise unwritable(self.data, error) from error
        self._last = state

    def record(self, processes: Iterable[Process]) -> None:
        """Keep by name and start tick what runs below this process, for whoever cleans up after a crash."""
        target = run_folder(self.data) / "descendants.json"
        with contextlib.suppress(OSError):  # a full disk must not end what runs
            target.with_suffix(".new").write_bytes(msgspec.json.encode(sorted(processes)))
            target.with_suffix(".new").replace(target)

    def recorded(self) -> list[Process]:
        """Return what `record` kept last, by whatever instance."""
        try:
            return msgspec.json.decode((run_folder(self.data) / "descendants.json").read_bytes(), type=list[Process])
        except (OSError, msgspec.MsgspecError):
            return []

    def release(self, *, keep_state: bool = False) -> None:
        """Remove what only a running instance needs, and give the lock up."""
        shutil.rmtree(self.run_dir, ignore_errors=True)
        for name in ("descendants.json", *(() if keep_state else ("instance.json",))):
            with contextlib.suppress(OSError):
                (run_folder(self.data) / name).unlink()
        os.close(self.lock)


def private_directory(data: Path) -> Path:
    """Return a directory that only this user can open, the same for the same data directory, and short enough for names of sockets.

    Raises:
        Misconfigured: it cannot be made, or is not ours.
    """
    name = f"matinee-{zlib.crc32(f'{os.getuid()}:{data}'.encode()):08x}"
    folders = [Path(tempfile.gettempdir()).absolute(), Path("/tmp")]  # noqa: S108 (checked below)
    path = next(path for folder in folders if len(os.fsencode(path := folder / name)) + SOCKET_BELOW_BYTES <= SOCKET_PATH_BYTES)
    try:
        path.mkdir(mode=0o700, exist_ok=True)
        found = path.lstat()
    except OSError as error:
        raise Misconfigured(f"{path} cannot be made: {error.strerror}") from error
    # The name is easy to guess: somebody else may have been there first.
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or found.st_mode & 0o077:
        raise Misconfigured(f"{path} is not a directory that only you can open: remove it, or set TMPDIR")
    return path


def unwritable(data: Path, error: OSError) -> StoreUnavailable | StorageFull:
    """Return the error that tells why nothing can be written."""
    if error.errno in {errno.ENOSPC, errno.EDQUOT}:
        return StorageFull(f"{data}: there is no space left on the disk")
    return StoreUnavailable(f"{error.filename or data} cannot be written: {error.strerror}")
