"""What Ray Serve says of the applications: the adapter behind operations' port `Cluster`.

Survives pickling, so that replicas get it bound. Every call blocks, for `timeout_s` at most where it takes one.
The only module that reads Serve's own details.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from cluster.settings import Settings
from serve_apps.operations.policy import ScaleRange
from serve_apps.operations.service import Placed, Seen

_STARTING: Final = frozenset({"STARTING", "UPDATING", "RECOVERING"})


class ServeCluster:
    """The applications and actors of one version of Matinee on the Ray that this process is connected to."""

    def __init__(self, settings: Settings, version: str, placed: Sequence[Placed], actor_names: Sequence[str]) -> None:
        self._settings = settings
        self._placed = tuple(placed)
        self.version, self.actor_names = version, tuple(actor_names)

    def placed(self) -> Sequence[Placed]:
        """See `Cluster.placed`."""
        return self._placed

    def applications(self, timeout_s: float | None = None) -> dict[str, Seen]:
        """See `Cluster.applications`; waits for ever unless told how long."""
        return {name: _seen(details) for name, details in _details(timeout_s).items()}

    def actors(self, timeout_s: float) -> dict[str, bool]:
        """See `Cluster.actors`."""
        import ray

        asked: dict[str, Any] = {}
        for name in self.actor_names:
            try:
                asked[name] = ray.get_actor(name, namespace="matinee").__ray_ready__.remote()
            except ValueError:
                asked[name] = None  # it does not exist (any more)
        refs = [ref for ref in asked.values() if ref is not None]
        done = set(ray.wait(refs, num_returns=len(refs), timeout=timeout_s)[0]) if refs else set()
        return {name: ref in done and _succeeded(ref) for name, ref in asked.items()}

    def gpus(self) -> float:
        """Return how many GPUs the nodes have together; none where this process is connected to no Ray."""
        import ray

        resources: dict[str, float] = ray.cluster_resources() if ray.is_initialized() else {}  # type: ignore[no-untyped-call]
        return resources.get("GPU", 0.0)

    def scale(self, application: str, scale: ScaleRange) -> None:
        """See `Cluster.scale`."""
        # Only here: this imports every application.
        from cluster.launch import deploy

        deploy.deploy(self._settings, self, {application: scale}, only=application)


def _details(timeout_s: float | None) -> dict[str, Any]:
    # serve.status() leaves the wanted number of replicas out; the REST answer has it, for the price of a second process.
    # The client's own get_serve_details() waits for as long as the controller hangs.
    import ray
    from ray.serve.context import _get_global_client

    client = _get_global_client()
    assert client is not None  # it raises where Serve is not there
    details = ray.get(client._controller.get_serve_instance_details.remote(), timeout=timeout_s)
    applications: dict[str, Any] = details["applications"]
    return applications


def _seen(application: dict[str, Any]) -> Seen:
    messages = [application["message"], *(deployment["message"] for deployment in application["deployments"].values())]
    # What takes the requests is named as its application, and is what a scale means; what works for it behind scales by itself.
    deployments = [deployment for name, deployment in application["deployments"].items() if name == application["name"]]
    states = [_word(replica["state"]) for deployment in deployments for replica in deployment["replicas"]]
    return Seen(
        serve_status=_word(application["status"]),
        replicas=states.count("RUNNING"),
        target=sum(deployment["target_num_replicas"] for deployment in deployments),
        message="\n".join(message for message in messages if message),
        starting=sum(state in _STARTING for state in states),
    )


def _word(state: Any) -> str:
    return str(getattr(state, "value", state))


def _succeeded(ref: Any) -> bool:
    import ray
    from ray.exceptions import RayError

    try:
        ray.get(ref, timeout=1.0)
    except RayError:
        return False
    return True
