"""The process that holds Ray: starts it (or joins one), deploys everything, and tells the supervisor how that goes.

Main path: ray.init -> actors -> serve.start -> deploy -> tell until asked to stop, by lines on stdout; logs go to stderr.
Ray's processes die with this one, this one with the supervisor. Run as `python -m cluster.launch.head`.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import signal
import sys
import threading
import time
import traceback
from functools import partial
from pathlib import Path
from typing import Any, Final
from urllib.error import URLError
from urllib.request import Request, urlopen

import msgspec
import psutil

from cluster.durable import open_store
from cluster.errors import MatineeError, Misconfigured, StartFailed
from cluster.launch import joining, kept_in
from cluster.launch.environment import RAY_FOLDER, loopback
from cluster.launch.instance import ApplicationState, Process
from cluster.launch.migrations import prepare
from cluster.launch.told import Told
from cluster.launch.training.schedule import Scheduled, begin_on_ray, newest_s
from cluster.settings import Settings, load
from serve_apps.operations.policy import ScaleRange, condition_of
from serve_apps.operations.scales import kept_scales
from serve_apps.operations.service import Placed, Seen
from serve_apps.operations.tables import SCALES

OBJECT_STORE_BYTES: Final = 256 * 2**20
"""Only task arguments and results pass here; video goes through the object store of MATINEE_OBJECTS."""
FINAL: Final = re.compile(r"^.*\b(Misconfigured|SiteNotBuilt|CorruptData|ModeMixed|StorageFull): (.+)$", re.MULTILINE)
REPORT_EVERY_S: Final = 2.0
STARTING_EVERY_S: Final = 0.4


class Head:
    """One run of the head."""

    def __init__(self, settings: Settings, ray_address: str, run_dir: Path) -> None:
        self._settings, self._ray_address, self._run_dir = settings, ray_address, run_dir
        self._stopping = threading.Event()
        self._deployed: Any = None
        self._ray: Any = None
        self._out = os.fdopen(os.dup(sys.stdout.fileno()), "wb", buffering=0)
        # Whatever Ray prints belongs into the log.
        os.dup2(sys.stderr.fileno(), sys.stdout.fileno())

    def tell(self, told: Told) -> None:
        """Write a line to the supervisor; without one there is nobody to tell."""
        with contextlib.suppress(BrokenPipeError):
            self._out.write(msgspec.json.encode(told) + b"\n")

    def run(self) -> None:
        """Start everything, and report until asked to stop."""
        self.tell(Told(stage="looking at the store and the log"))
        asyncio.run(prepare(self._settings, lambda doing: self.tell(Told(stage=doing))))
        kept_in.note(self._settings.data, self._settings.store, self._settings.log)
        self.tell(Told(stage="starting Ray"))
        import ray

        self._connect(ray)
        self._ray = ray
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: self._stopping.set())
        self.tell(Told(stage="starting Ray Serve", needed=_ray_processes(), dashboard_url=self._dashboard_url(ray)))
        self._report(self._deploy())

    def _connect(self, ray: Any) -> None:
        settings = self._settings
        if self._ray_address:
            joining.require_address(self._ray_address)
            ray.init(address=self._ray_address, namespace="matinee", log_to_driver=False, logging_level="ERROR")
            joining.require_cluster(settings)
            return
        cores = os.cpu_count() or 1
        # ray.init has no option for this port, and 52365 is taken where another Ray runs.
        ray._private.parameter.RayParams = partial(ray._private.parameter.RayParams, dashboard_agent_listen_port=0)
        ray.init(
            address="local",
            namespace="matinee",
            num_cpus=cores,
            resources={"encode": float(settings.encoders or cores)},
            object_store_memory=OBJECT_STORE_BYTES,
            include_dashboard=True,
            dashboard_host="127.0.0.1",
            dashboard_port=settings.dashboard_port,
            log_to_driver=False,
            logging_level="ERROR",
            _temp_dir=str(self._run_dir / RAY_FOLDER),
            # Not the machine's address: a laptop changes it, and nothing of Ray's needs to be reached from outside.
            _node_ip_address="127.0.0.1",
        )

    def _dashboard_url(self, ray: Any) -> str:
        url = str(ray._private.worker.global_worker.node.webui_url or "")
        return url if not url or url.startswith("http") else f"http://{url}"

    def _deploy(self) -> Any:
        from ray import serve

        from cluster.launch import deploy

        settings = self._settings
        scales = asyncio.run(_kept(settings))
        self._deployed = cluster = deploy.describe(settings)
        self.tell(Told(applications=_states(cluster.placed(), {})))
        deploy.start_actors(settings)  # they come up while Serve does
        if self._ray_address:
            joining.start_serve(settings)
        else:
            serve.start(proxy_location="HeadOnly", http_options={"host": settings.host, "port": settings.port})
        self.tell(Told(stage="starting the services"))
        deploy.deploy(settings, cluster, scales)
        return cluster

    def _report(self, cluster: Any) -> None:
        ready, last, scheduled = False, None, None
        placed: list[Placed] = list(cluster.placed())
        while not self._stopping.is_set():
            seen = cluster.applications()
            states = _states(placed, seen)
            if not ready:
                self._require_hope(placed, seen)
                ready = all(state.state == "healthy" for state in states) and self._answers(placed) and all(cluster.actors(2.0).values())
                if ready:
                    self.tell(Told(stage="ready", applications=states, ready=True))
                    scheduled = self._scheduled()
            elif states != last:
                self.tell(Told(applications=states))
            last = states
            if scheduled is not None:
                scheduled.look(time.time())
            self._stopping.wait(REPORT_EVERY_S if ready else STARTING_EVERY_S)

    def _scheduled(self) -> Scheduled | None:
        if self._settings.training == "off":
            return None
        last_s = asyncio.run(newest_s(self._settings))
        begin = partial(begin_on_ray, self._settings, incremental=self._settings.training == "hourly")
        return Scheduled(
            self._settings.training, time.time() if last_s is None else last_s, begin, lambda told: self.tell(Told(training=told))
        )

    def _require_hope(self, placed: list[Placed], seen: dict[str, Seen]) -> None:
        for application in placed:
            found = seen.get(application.name)
            if found is None:
                continue
            # Serve tries twenty times; what is wrong with the data or a setting stays wrong.
            final = FINAL.search(found.message)
            if final is not None:
                raise (Misconfigured if final[1] in {"Misconfigured", "SiteNotBuilt"} else StartFailed)(f"{application.name}: {final[2]}")
            if found.serve_status == "DEPLOY_FAILED":
                raise StartFailed(f"{application.name} does not start: {_last_line(found.message)}")

    def _answers(self, placed: list[Placed]) -> bool:
        # Serve says so a moment before HAProxy knows the replica: ask through the front door. Any answer of ours carries the header.
        for application in placed:
            url = f"http://{loopback(self._settings.host)}:{self._settings.port}{application.prefix.rstrip('/')}/-"
            try:
                with urlopen(Request(url), timeout=2.0) as answer:
                    headers = answer.headers
            except URLError as error:
                headers = getattr(error, "headers", None) or {}
            except OSError:
                return False
            if "x-request-id" not in headers:
                return False
        return True

    def stop(self) -> None:
        """Stop everything that was started."""
        if self._ray is None:
            return
        from ray import serve

        self.tell(Told(stage="stopping"))
        if not self._ray_address:
            with contextlib.suppress(Exception):  # whatever goes wrong, all of Ray ends with this process
                serve.shutdown()  # type: ignore[no-untyped-call]
        elif self._deployed is not None:
            joining.remove([placed.name for placed in self._deployed.placed()], self._deployed.actor_names)
        self._ray.shutdown()


def _states(placed: Any, seen: dict[str, Seen]) -> tuple[ApplicationState, ...]:
    none = Seen(serve_status="", replicas=0, target=0)
    return tuple(
        ApplicationState(
            name=application.name,
            prefix=application.prefix,
            state=condition_of((found := seen.get(application.name, none)).serve_status, found.replicas, found.target),
            replicas=found.replicas,
            target=found.target,
        )
        for application in placed
    )


async def _kept(settings: Settings) -> dict[str, ScaleRange]:
    store = await open_store(settings.store, SCALES, time.time)
    try:
        return await kept_scales(store)
    finally:
        await store.close()


def _ray_processes() -> dict[str, Process]:
    needed = {"gcs_server", "raylet"}
    return {child.name(): Process.of(child.pid) for child in psutil.Process().children() if child.name() in needed}


def _last_line(message: str) -> str:
    lines = [line.strip() for line in message.splitlines() if line.strip()]
    return lines[-1] if lines else "no reason given"


def main() -> None:
    """Run until SIGTERM; the arguments are the address of a Ray to join (or '') and the private directory."""
    # Only here: a process that imports this module may want pandas.
    import cluster.launch.without_pandas  # noqa: F401

    ray_address, run_dir = sys.argv[1], Path(sys.argv[2])
    head: Head | None = None
    try:
        head = Head(load(), ray_address, run_dir)
        head.run()
    except MatineeError as error:
        code = 2 if isinstance(error, Misconfigured) else 1
        if head is not None:
            head.tell(Told(failed=error.detail, exit_code=code))
        sys.exit(code)
    except Exception as error:
        if head is not None:
            head.tell(Told(failed=_last_line(f"{type(error).__name__}: {error}")))
        traceback.print_exc()
        sys.exit(1)
    finally:
        # After the reason is told: the supervisor, which sees Ray end, would take that for the reason.
        if head is not None:
            head.stop()


if __name__ == "__main__":
    main()
