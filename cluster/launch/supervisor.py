"""The process behind `up`: starts the head (Ray and the services) and the edge, keeps the edge alive, and ends all that it started.

Main path: `Supervisor.run` -> head and edge as children -> the head's lines become the state file -> signal or a dead Ray -> `_stop`.
It imports neither Ray nor a service, so it outlives both.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import msgspec

from cluster.errors import MatineeError, Misconfigured, StartFailed, StorageFull, StoreUnavailable
from cluster.launch import ending, environment
from cluster.launch.children import Lines, start_child
from cluster.launch.edge_keeper import EdgeKeeper
from cluster.launch.environment import RAY_FOLDER
from cluster.launch.filler import Filler
from cluster.launch.instance import Instance, Process, State, logs_folder, run_folder
from cluster.launch.told import Told
from cluster.processes import sweep
from cluster.settings import Settings

TICK_S: Final = 0.25
START_TIMEOUT_S: Final = 180.0
HEAD_GRACE_S: Final = 15.0
LEAVE_GRACE_S: Final = 75.0
"""On a cluster of others replicas drain for half a minute, by Serve's default."""
RECORD_EVERY_S: Final = 2.0
KEPT_LOGS: Final = 5


class Supervisor:
    """One run of an instance."""

    def __init__(
        self,
        settings: Settings,
        instance: Instance,
        *,
        ray_address: str = "",
        edge: bool = True,
        demo: bool = False,
        head_module: str = "cluster.launch.head",
    ) -> None:
        self._settings, self._instance, self._ray_address, self._head_module = settings, instance, ray_address, head_module
        self._edge = EdgeKeeper(settings, lambda told: self._change(edge=told)) if edge else None
        self._filler = Filler(settings, lambda told: self._change(demo=told)) if demo else None
        self._stopping = False
        self.left_behind = False
        """Whether something of this instance may still be on the cluster that it joined, for `down` to remove."""
        self._services_ready = False
        self._recorded_s = 0.0
        self.state = State(
            run_id=instance.run_id,
            supervisor=Process.of(os.getpid()),
            run_dir=str(instance.run_dir),
            site_url=settings.site_url,
            api_url=settings.site_url if ray_address else f"http://{environment.loopback(settings.host)}:{settings.port}",
            dashboard_token="" if ray_address else str(environment.ray_token_file(settings)),
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
            self._instance.publish(self.state)
            environ = self._environ()
            arguments = [self._ray_address, str(self._instance.run_dir)]
            head = start_child(self._head_module, arguments, self._settings.data, environ, "head", pipe=True)
            self._watch(head, environ, show)
        except MatineeError as error:
            code = 2 if isinstance(error, Misconfigured) else 1
            self._change(failed=error.detail)
        finally:
            self._stop(head, show)
        return code

    def _watch(self, head: subprocess.Popen[bytes], environ: Mapping[str, str], show: Callable[[State], None]) -> None:
        assert head.stdout is not None
        started_s = time.monotonic()
        lines = Lines(head.stdout)
        while not self._stopping:
            for line in lines.read(TICK_S):
                self._hear(msgspec.json.decode(line, type=Told))
            if head.poll() is not None:
                for line in lines.read(0.0):  # it may have said why
                    self._hear(msgspec.json.decode(line, type=Told))
                raise StartFailed(f"Ray ended unexpectedly; the log is {logs_folder(self._settings.data) / 'head.log'}")
            dead = [name for name, process in self.state.needed.items() if not process.alive]
            if dead:
                raise StartFailed(f"Ray died ({', '.join(dead)}); its logs are in {logs_folder(self._settings.data)}")
            if not self.state.ready and time.monotonic() - started_s > START_TIMEOUT_S:
                raise StartFailed(f"Not ready after {START_TIMEOUT_S:.0f} s; the log is {logs_folder(self._settings.data) / 'head.log'}")
            if self._edge is not None:
                self._edge.keep(environ)
            if self._services_ready and not self.state.ready and (self._edge is None or self._edge.answers):
                self._change(ready=True)
            if self._filler is not None and self.state.ready:
                self._filler.look(environ)
            ending.reap_adopted(pid for pid in (head.pid, *(child.pid for child in self._helpers())) if pid is not None)
            self._record()
            show(self.state)

    def _record(self) -> None:
        # Ray's agents, and HAProxy, outlive a supervisor that is killed; whoever comes next finds them by this.
        if time.monotonic() - self._recorded_s >= RECORD_EVERY_S:
            self._recorded_s = time.monotonic()
            self._instance.record(ending.descendants())

    def _hear(self, told: Told) -> None:
        if told.failed:
            raise Misconfigured(told.failed) if told.exit_code == 2 else StartFailed(told.failed)
        self._services_ready = self._services_ready or told.ready
        told_of = ("stage", "needed", "dashboard_url", "applications", "training")
        self._change(**{name: getattr(told, name) for name in told_of if getattr(told, name)})

    def _environ(self) -> dict[str, str]:
        settings = self._settings
        given = {name: value for name, value in os.environ.items() if name != "RAY_ADDRESS"}
        # The options of the command line reach the others as settings.
        own = {
            "MATINEE_DATA": str(settings.data),
            "MATINEE_HOST": settings.host,
            "MATINEE_PORT": str(settings.port),
            "MATINEE_STORE": settings.store,
            "MATINEE_LOG": settings.log,
            "MATINEE_PUBLIC_URL": settings.public_url,
            "MATINEE_EDGE_URL": settings.edge_url,
            environment.RUN_ID: self._instance.run_id,
        }
        if self._ray_address:
            return given | own | environment.EVERYWHERE
        ports_from = environment.free_block(str(settings.data))
        return given | own | environment.local_environment(settings, self._instance.run_dir, self._instance.run_id, ports_from)

    def _stop(self, head: subprocess.Popen[bytes] | None, show: Callable[[State], None]) -> None:
        self._change(stage="stopping", ready=False)
        show(self.state)
        started = ending.descendants()
        for child in self._helpers():
            child.stop()
        if head is not None and head.poll() is None:
            head.terminate()
        if self._edge is not None:
            self._edge.wait()
        with contextlib.suppress(subprocess.TimeoutExpired):
            # With its own Ray dead the head has nothing left to end in order.
            if head is not None:
                head.wait(LEAVE_GRACE_S if self._ray_address else HEAD_GRACE_S if not self.state.failed else 3.0)
        self.left_behind = bool(self._ray_address and self.state.applications) and (head is None or head.returncode != 0)
        for _ in range(3):  # what is killed may have started something a moment before
            ending.end([*started, *ending.descendants()])
        ending.reap_adopted(())
        sweep(run_folder(self._settings.data) / "children", orphans_only=False)
        keep_logs(self._instance.run_dir, logs_folder(self._settings.data))

    def _helpers(self) -> list[EdgeKeeper | Filler]:
        return [child for child in (self._edge, self._filler) if child is not None]

    def _change(self, **changes: Any) -> None:
        self.state = msgspec.structs.replace(self.state, **changes)
        self._publish()

    def _publish(self) -> None:
        # A disk that fills up later must not end what runs: the file only tells of it.
        with contextlib.suppress(StorageFull, StoreUnavailable):
            self._instance.publish(self.state)

    def _on_signal(self, *_: Any) -> None:
        self._stopping = True


def sweep_stale(instance: Instance) -> None:
    """End what an instance that was killed left behind, and remove its sockets."""
    sweep(run_folder(instance.data) / "children", orphans_only=False)
    if instance.stale is not None:
        ending.end([*instance.stale.needed.values(), *instance.recorded(), *ending.marked(instance.stale.run_id)])
        keep_logs(Path(instance.stale.run_dir), logs_folder(instance.data))
    for entry in instance.run_dir.iterdir():
        shutil.rmtree(entry, ignore_errors=True) if entry.is_dir() and not entry.is_symlink() else entry.unlink()


def keep_logs(run_dir: Path, logs: Path) -> None:
    """Move Ray's logs of a run to the others; the last KEPT_LOGS runs stay."""
    for session in sorted(run_dir.glob(f"{RAY_FOLDER}/session_*/logs")):
        if not session.parent.is_symlink():
            with contextlib.suppress(OSError, shutil.Error):
                shutil.move(session, logs / f"ray-{session.parent.name.removeprefix('session_')}")
    for old in sorted(logs.glob("ray-*"))[:-KEPT_LOGS]:
        shutil.rmtree(old, ignore_errors=True)
