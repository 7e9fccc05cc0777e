"""What a Ray cluster that somebody else runs must offer before Matinee joins it, and how Matinee leaves it again.

Main path: `require_cluster` asks every node for its environment and names what is missing; `remove` takes only what is Matinee's away.
"""

from __future__ import annotations

import os
from typing import Any, Final

from cluster.errors import Misconfigured
from cluster.launch.environment import missing_on
from cluster.settings import Settings

ASK_TIMEOUT_S: Final = 30.0


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
