"""What is read of Ray Serve, while its controller hangs."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cluster.settings import Settings

pytestmark = pytest.mark.ray


class Hangs:
    """Serve's controller as its clients know it, which tells who it is and then nothing more."""

    def get_http_config(self) -> None:
        return None

    def get_root_url(self) -> str:
        return ""

    def get_serve_instance_details(self) -> None:
        threading.Event().wait()


@pytest.fixture
def hanging_controller(ray_cluster: Any) -> Iterator[None]:
    from ray.serve import context
    from ray.serve._private.constants import SERVE_CONTROLLER_NAME, SERVE_NAMESPACE

    controller = ray_cluster.remote(Hangs).options(name=SERVE_CONTROLLER_NAME, namespace=SERVE_NAMESPACE, num_cpus=0).remote()
    try:
        yield
    finally:
        context._set_global_client(None)
        ray_cluster.kill(controller)


def test_a_controller_that_hangs_holds_no_thread_for_longer_than_it_may(tmp_path: Path, hanging_controller: None) -> None:
    from ray.exceptions import GetTimeoutError

    from cluster.launch.serve_cluster import ServeCluster

    cluster = ServeCluster(Settings(data=tmp_path), "1", [], [])
    began_s = time.monotonic()
    with pytest.raises(GetTimeoutError):
        cluster.applications(0.2)
    assert time.monotonic() - began_s < 10.0


def test_an_application_is_as_many_as_take_its_requests_and_says_what_all_of_it_says() -> None:
    from cluster.launch.serve_cluster import _seen

    def deployment(states: list[str], target: int, message: str) -> dict[str, Any]:
        return {"message": message, "target_num_replicas": target, "replicas": [{"state": state} for state in states]}

    seen = _seen(
        {
            "name": "recommendations",
            "status": "DEPLOYING",
            "message": "",
            "deployments": {
                "recommendations": deployment(["RUNNING", "STARTING"], 2, ""),
                "encoder": deployment(["RUNNING", "RUNNING", "STARTING"], 3, "it is slow"),
            },
        }
    )
    assert (seen.replicas, seen.target, seen.starting, seen.message) == (1, 2, 1, "it is slow")
