"""The process behind `up`: starts the head (Ray and the services) and the edge, keeps the edge alive, and ends all that it started.

Main path: `Supervisor.run` -> head and edge as children -> the head's lines become the state file -> signal or a dead Ray -> `_stop`.
It imports neither Ray nor a service, so it outlives both.
"""

from __future__ import annotations

import contextlib
import os
import selectors
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO, Any, Final
from urllib.request import urlopen

import msgspec

from cluster.launch import ending, environment
from cluster.launch.environment import RAY_FOLDER
from cluster.launch.instance import Instance, Process, State, logs_folder, run_folder
from cluster.launch.told import Told
from cluster.processes import command, sweep
from cluster.settings import Settings

TICK_S: Final = 0.25
START_TIMEOUT_S: Final = 180.0
HEAD_GRACE_S: Final = 15.0
EDGE_GRACE_S: Final = 3.0
EDGE_PAUSE_S: Final = 1.0
EDGE_TRIES: Final = 5
RUNS: Final = "runs"
RECORD_EVERY_S: Final = 3.0
KEPT_LOGS: Final = 5


class Supervisor:
    """One run of an instance."""

    def __init__(self, settings: Settings, instance: Instance, *, ray_address: str = "", edge: bool = True) -> None:
        self._settings, self._instance = settings, instance
        self._ray_address, self._with_edge = ray_address, edge
        self._stopping = False
        self._services_ready = False
        self._edge: subprocess.Popen[bytes] | None = None
        self._edge_due_s = 0.0
        self._edge_failures = 0
        self._recorded_s = 0.0
        self.state = State(
            run_id=instance.run_id,
            supervisor=Process.of(os.getpid()),
            run_dir=str(instance.run_dir),
            site_url=settings.site_url,
            api_url=settings.site_url if ray_address else f"http://{environment.loopback(settings.host)}:{settings.port}",
            ray_address=ray_address,
            stage="starting",
        )

    def adopt(self) -> None:
        """Become the supervisor of the claim in this process (after a fork)."""
        self.state = msgspec.structs.replace(self.state, supervisor=Process.of(os.getpid()))

    def run(self, show: Callable[[State], None]) -> int:
        """Run until a signal or the end of Ray; returns the exit code. `show` is called about every TICK_S."""
        ending.adopt_orphans()
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, self._on_signal)
        head: subprocess.Popen[bytes] | None = None
        code = 0
        try:
            self._publish()
            environ = self._environ()
            argv = [sys.executable, "-m", "cluster.launch.head", self._ray_address, str(self._instance.run_dir)]
            head = self._start(argv, environ, "head", pipe=True)
            self._watch(head, environ, show)
        except _Ended as ended:
            code = ended.code
            self._change(failed=ended.reason)
        finally:
            self._stop(head, show)
        return code

    def _watch(self, head: subprocess.Popen[bytes], environ: Mapping[str, str], show: Callable[[State], None]) -> None:
        assert head.stdout is not None
        started_s = time.monotonic()
        lines = _Lines(head.stdout)
        while not self._stopping:
            for line in lines.read(TICK_S):
                self._hear(msgspec.json.decode(line, type=Told))
            if head.poll() is not None:
                raise _Ended(f"Ray ended unexpectedly; the log is {logs_folder(self._settings.data) / 'head.log'}")
            if any(not process.alive for process in self.state.processes):
                raise _Ended("Ray died")
            if not self.state.ready and time.monotonic() - started_s > START_TIMEOUT_S:
                raise _Ended(f"Not ready after {START_TIMEOUT_S:.0f} s; the log is {logs_folder(self._settings.data) / 'head.log'}")
            if self._with_edge:
                self._keep_edge(environ)
            if self._services_ready and not self.state.ready and (self.state.edge == RUNS or not self._with_edge):
                self._change(ready=True)
            ending.reap_adopted(child.pid for child in (head, self._edge) if child is not None)
            self._record()
            show(self.state)

    def _record(self) -> None:
        # Ray's agents, and HAProxy, outlive a supervisor that is killed; whoever comes next finds them by this.
        if time.monotonic() - self._recorded_s >= (RECORD_EVERY_S if self.state.ready else TICK_S):
            self._recorded_s = time.monotonic()
            self._instance.record(ending.descendants())

    def _hear(self, told: Told) -> None:
        if told.failed:
            raise _Ended(told.failed, told.exit_code)
        self._services_ready = self._services_ready or told.ready
        told_of = ("stage", "processes", "dashboard_url", "applications")
        self._change(**{name: getattr(told, name) for name in told_of if getattr(told, name)})

    def _keep_edge(self, environ: Mapping[str, str]) -> None:
        now_s = time.monotonic()
        if self._edge is not None and self._edge.poll() is None:
            if self.state.edge != RUNS and self._edge_answers():
                self._edge_failures = 0
                self._change(edge=RUNS)
            return
        if self._edge is not None:
            self._change(edge=last_line(logs_folder(self._settings.data) / "edge.log") or "ended")
            if now_s < self._edge_due_s:
                return  # it fails at once: no busy loop
            self._edge_failures += 1
            if self._edge_failures >= EDGE_TRIES and not self.state.ready:
                raise _Ended(f"The edge does not start: {self.state.edge}")
        self._edge_due_s = now_s + EDGE_PAUSE_S
        self._edge = self._start([sys.executable, "-m", "cluster.edge"], environ, "edge")

    def _edge_answers(self) -> bool:
        url = f"http://{environment.loopback(self._settings.host)}:{self._settings.edge_port}/health"
        try:
            with urlopen(url, timeout=0.5) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False

    def _start(self, argv: list[str], environ: Mapping[str, str], name: str, *, pipe: bool = False) -> subprocess.Popen[bytes]:
        log = logs_folder(self._settings.data) / f"{name}.log"
        with log.open("ab") as file:
            # A session of its own: Ctrl-C in the terminal is for the supervisor, who ends the others in order.
            return subprocess.Popen(
                command(argv, record=run_folder(self._settings.data) / "children"),
                env=dict(environ),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE if pipe else file,
                stderr=file,
                start_new_session=True,
            )

    def _environ(self) -> dict[str, str]:
        settings = self._settings
        (run_folder(settings.data) / "children").mkdir(exist_ok=True)
        given = {name: value for name, value in os.environ.items() if name != "RAY_ADDRESS"}
        # The options of the command line reach the others as settings.
        own = {
            "MATINEE_DATA": str(settings.data),
            "MATINEE_HOST": settings.host,
            "MATINEE_PORT": str(settings.port),
            "MATINEE_PUBLIC_URL": settings.public_url,
            "MATINEE_EDGE_URL": settings.edge_url,
            environment.RUN_ID: self._instance.run_id,
        }
        if self._ray_address:
            return given | own | {"RAY_ENABLE_UV_RUN_RUNTIME_ENV": "0"}
        ports_from = environment.free_block(str(settings.data))
        return given | own | environment.local_environment(settings, self._instance.run_dir, self._instance.run_id, ports_from)

    def _stop(self, head: subprocess.Popen[bytes] | None, show: Callable[[State], None]) -> None:
        self._change(stage="stopping", ready=False)
        show(self.state)
        started = ending.descendants()
        for child in (head, self._edge):
            if child is not None and child.poll() is None:
                child.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            if self._edge is not None:
                self._edge.wait(EDGE_GRACE_S)
        with contextlib.suppress(subprocess.TimeoutExpired):
            # With Ray dead the head has nothing left to end in order.
            if head is not None:
                head.wait(HEAD_GRACE_S if not self.state.failed else 3.0)
        ending.end([*started, *ending.descendants()])
        ending.reap_adopted(())
        sweep(run_folder(self._settings.data) / "children", orphans_only=False)
        keep_logs(self._instance.run_dir, logs_folder(self._settings.data))

    def _change(self, **changes: Any) -> None:
        self.state = msgspec.structs.replace(self.state, **changes)
        self._publish()

    def _publish(self) -> None:
        self._instance.publish(self.state)

    def _on_signal(self, *_: Any) -> None:
        self._stopping = True


class _Ended(Exception):
    def __init__(self, reason: str, code: int = 1) -> None:
        super().__init__(reason)
        self.reason, self.code = reason, code


class _Lines:
    """The whole lines that a pipe has, without ever waiting longer than asked."""

    def __init__(self, pipe: IO[bytes]) -> None:
        os.set_blocking(pipe.fileno(), False)
        self._pipe, self._rest = pipe, b""
        self._selector = selectors.DefaultSelector()
        self._selector.register(pipe, selectors.EVENT_READ)

    def read(self, timeout_s: float) -> list[bytes]:
        if not self._selector.select(timeout_s):
            return []
        data = os.read(self._pipe.fileno(), 1 << 20)
        if not data:
            time.sleep(timeout_s)  # the head is gone; whoever waits for it will see
            return []
        *lines, self._rest = (self._rest + data).split(b"\n")
        return lines


def sweep_stale(instance: Instance) -> None:
    """End what an instance that was killed left behind, and remove its sockets."""
    sweep(run_folder(instance.data) / "children", orphans_only=False)
    if instance.stale is not None:
        ending.end([*instance.stale.processes, *instance.recorded(), *ending.marked(instance.stale.run_id)])
        keep_logs(Path(instance.stale.run_dir), logs_folder(instance.data))
    for entry in instance.run_dir.iterdir():
        shutil.rmtree(entry, ignore_errors=True) if entry.is_dir() and not entry.is_symlink() else entry.unlink()


def last_line(path: Path) -> str:
    """Return the last line of a log that says something."""
    try:
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - 4096))
            lines = [line.strip() for line in file.read().decode(errors="replace").splitlines()]
    except OSError:
        return ""
    return next((line for line in reversed(lines) if line), "")


def keep_logs(run_dir: Path, logs: Path) -> None:
    """Move Ray's logs of a run to the others; the last KEPT_LOGS runs stay."""
    for session in sorted(run_dir.glob(f"{RAY_FOLDER}/session_*/logs")):
        if not session.parent.is_symlink():
            with contextlib.suppress(OSError, shutil.Error):
                shutil.move(session, logs / f"ray-{session.parent.name.removeprefix('session_')}")
    for old in sorted(logs.glob("ray-*"))[:-KEPT_LOGS]:
        shutil.rmtree(old, ignore_errors=True)
