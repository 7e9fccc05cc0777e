"""What a Ray cluster that somebody else runs must offer before Matinee joins it, and how Matinee leaves it again.

Main path: `require_cluster` asks every node for its environment and names what is missing; `remove` takes only what is Matinee's away.
"""

from __future__ import annotations

import contextlib
import logging
import os
import socket
import subprocess
import sys
import time
from collections.abc import Collection, Iterable
from typing import Any, Final

from cluster.errors import Misconfigured, StartFailed
from cluster.launch.environment import EVERYWHERE, missing_on
from cluster.settings import Settings

CONNECT_TIMEOUT_S: Final = 5.0
ASK_TIMEOUT_S: Final = 30.0
DRAIN_TIMEOUT_S: Final = 60.0
LEAVE_TIMEOUT_S: Final = 90.0
SERVE_IS_OURS: Final = b"matinee:serve-is-ours"
"""Kept by the cluster itself, so that whoever takes Matinee off it knows."""


def require_address(ray_address: str) -> None:
    """Check that something listens where RAY_ADDRESS points: Ray itself would wait for minutes.

    Raises:
        Misconfigured: it is no host:port.
        StartFailed: nothing answers there.
    """
    if ray_address == "auto":
        return
    host, _, port = ray_address.rpartition(":")
    if not host or not port.isdecimal() or "/" in host:
        raise Misconfigured(f"RAY_ADDRESS={ray_address}: must be host:port of the cluster's head, or auto")
    try:
        socket.create_connection((host.strip("[]"), int(port)), CONNECT_TIMEOUT_S).close()
    except (OSError, OverflowError) as error:
        raise StartFailed(f"RAY_ADDRESS={ray_address}: nothing answers there ({error})") from error


def require_cluster(settings: Settings) -> None:
    """Check every node of the cluster that this process is connected to.

    Raises:
        Misconfigured: something is missing; a line each.
    """
    import ray

    encoders = ray.cluster_resources().get("encode", 0.0)  # type: ignore[no-untyped-call]
    missing = missing_on(_environments(), settings, encoders=encoders, serve_at=_serve_at())
    if missing:
        raise Misconfigured("This cluster cannot run Matinee:\n  " + "\n  ".join(missing))


def start_serve(settings: Settings) -> None:
    """Start Ray Serve on the cluster, unless it runs there."""
    from ray import serve
    from ray.experimental.internal_kv import _internal_kv_put

    if _serve_at() is None:
        _internal_kv_put(SERVE_IS_OURS, b"1")
        serve.start(proxy_location="EveryNode", http_options={"host": settings.host, "port": settings.port})


def remove(applications: Collection[str], actors: Iterable[str]) -> None:
    """Take Matinee's applications and actors off the cluster, and Serve if Matinee started it; what others run there stays.

    Raises:
        StartFailed: not all had gone after DRAIN_TIMEOUT_S; they go on draining.
    """
    import ray
    from ray import serve
    from ray.experimental.internal_kv import _internal_kv_del, _internal_kv_exists

    ends_s = time.monotonic() + DRAIN_TIMEOUT_S
    running = _applications()
    alone = running <= set(applications) and _internal_kv_exists(SERVE_IS_OURS)
    if not alone:
        for name in running & set(applications):
            serve.delete(name, _blocking=False)  # all drain at once
    for name in actors:
        with contextlib.suppress(ValueError):  # it is gone already
            ray.kill(ray.get_actor(name, namespace="matinee"))
    if alone:
        serve.shutdown()  # type: ignore[no-untyped-call]
        _internal_kv_del(SERVE_IS_OURS)
    while left := sorted(_applications() & set(applications)):
        if time.monotonic() > ends_s:
            raise StartFailed(f"{', '.join(left)} still drain on the cluster")
        time.sleep(0.2)


def leave(ray_address: str, applications: Collection[str]) -> str:
    """Take what a killed `up` left on a cluster off it; returns why that failed, '' if it did not.

    In a process of its own, since Ray ends its driver as it likes. A cluster that is gone has nothing left.
    """
    try:
        require_address(ray_address)
    except StartFailed:
        return ""
    argv = [sys.executable, "-m", "cluster.launch.joining", ray_address, *applications]
    try:
        done = subprocess.run(
            argv, env=os.environ | EVERYWHERE, check=False, timeout=LEAVE_TIMEOUT_S, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
        )
    except subprocess.TimeoutExpired:
        return f"{ray_address} took longer than {LEAVE_TIMEOUT_S:.0f} s"
    lines = done.stderr.decode(errors="replace").strip().splitlines()
    return (lines[-1] if lines else f"ended with {done.returncode}") if done.returncode else ""


def _applications() -> set[str]:
    from ray import serve
    from ray.exceptions import RayActorError

    try:
        return set(serve.status().applications)
    except RayActorError:  # Serve ends at this moment
        return set()


def _serve_at() -> tuple[str, int] | None:
    from ray.serve.context import _get_global_client

    client = _get_global_client(raise_if_no_controller_running=False)
    return None if client is None else (str(client.http_config.host), int(client.http_config.port))


def _environments() -> dict[str, dict[str, str]]:
    import ray
    from ray.exceptions import RayError
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    ask: Any = ray.remote(num_cpus=0)(_environment)
    asked = {
        node["NodeManagerAddress"]: ask.options(scheduling_strategy=NodeAffinitySchedulingStrategy(node["NodeID"], soft=False)).remote()
        for node in ray.nodes()  # type: ignore[no-untyped-call]
        if node["Alive"]
    }
    environments = {}
    for address, ref in asked.items():
        try:
            environments[address] = ray.get(ref, timeout=ASK_TIMEOUT_S)
        except RayError as error:
            first = next(iter(str(error).strip().splitlines()[-1:]), "")
            raise Misconfigured(f"Node {address} cannot run Matinee's code: {first}") from error
    return environments


def _environment() -> dict[str, str]:
    import serve_apps  # noqa: F401  -- a node without Matinee installed fails here

    return {name: value for name, value in os.environ.items() if name.startswith(("RAY_", "OMP_"))}


def main() -> None:
    """Connect and remove; the arguments are the cluster's address and the applications."""
    import ray

    from cluster.launch.deploy import actor_names
    from cluster.settings import load

    ray.init(address=sys.argv[1], namespace="matinee", log_to_driver=False, logging_level=logging.ERROR)
    remove(sys.argv[2:], actor_names(load()))


if __name__ == "__main__":
    main()
