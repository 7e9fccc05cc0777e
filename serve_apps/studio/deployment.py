"""The studio on Ray Serve. Replicas take uploads and answer for jobs; what encodes is the actor of runner.py and its tasks."""

from __future__ import annotations

from ray import serve
from ray.serve import Application
from ray.serve.config import AutoscalingConfig

from cluster.security.gate import open_gate
from cluster.settings import Settings
from serve_apps.audit import open_audit
from serve_apps.catalog.client import CatalogClient
from serve_apps.http import served
from serve_apps.serving import Replica
from serve_apps.studio.routes import PREFIX, create_api, streams
from serve_apps.studio.runner import Runner
from serve_apps.studio.service import Studio

CALLABLE = frozenset({"status", "job"})


@serve.deployment(
    name="studio",
    # A replica refuses more than 8 uploads and 40 watchers at once by itself: the rest is for short requests.
    max_ongoing_requests=96,
    max_queued_requests=256,
    health_check_period_s=5,
    health_check_timeout_s=15,
    graceful_shutdown_timeout_s=5,
    graceful_shutdown_wait_loop_s=0.2,
    # Watchers count as ongoing, but cost next to nothing.
    autoscaling_config=AutoscalingConfig(min_replicas=1, max_replicas=4, target_ongoing_requests=32),
    ray_actor_options={"num_cpus": 0.05},
    max_surge_percent=100,
)
@serve.ingress()
class StudioReplica(Replica):
    """A replica: at most 16 MiB of memory an upload."""

    async def __init__(self, settings: Settings) -> None:  # type: ignore[misc]  # Serve awaits it
        studio = Studio(settings, CatalogClient(), Runner().nudge)
        await self.serve(
            studio,
            served(create_api(studio, await open_gate(settings), settings), PREFIX, audit=open_audit(settings), streams=streams),
            CALLABLE,
        )


def build(settings: Settings) -> Application:
    """Return the application; `runner.start_runner` starts what encodes."""
    application: Application = StudioReplica.bind(settings)  # type: ignore[attr-defined]  # the decorators' types lose bind
    return application
