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
from typing import Any, Final

from cluster.errors import Misconfigured, StartFailed
from cluster.launch.environment import EVERYWHERE, missing_on
from cluster.settings import Settings

CONNECT_TIMEOUT_S: Final = 5.0
ASK_TIMEOUT_S: Final = 30.0
LEAVE_TIMEOUT_S: Final = 60.0


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
    missing = missing_on(_environments(), settings)
    if missing:
        raise Misconfigured("This cluster cannot run Matinee:\n  " + "\n  ".join(missing))


def remove(applications: list[str], actors: list[str]) -> None:
    """Take Matinee's applications and actors off the cluster; what others run there stays."""
    import ray
    from ray import serve

    for name in serve.status().applications:
        if name in applications:
            serve.delete(name)
    for name in actors:
        try:
            ray.kill(ray.get_actor(name, namespace="matinee"))
        except ValueError:
            continue  # it is gone already


def leave(ray_address: str, applications: list[str]) -> None:
    """Take what a killed `up` left on a cluster off it; in a process of its own, since Ray ends its driver as it likes."""
    argv = [sys.executable, "-m", "cluster.launch.joining", ray_address, *applications]
    with contextlib.suppress(subprocess.TimeoutExpired):
        subprocess.run(argv, env=os.environ | EVERYWHERE, check=False, timeout=LEAVE_TIMEOUT_S, capture_output=True)


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
