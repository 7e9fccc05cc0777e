"""The Serve application of the two sites."""

from __future__ import annotations

from functools import partial

from ray import serve
from ray.serve import Application
from ray.serve.config import AutoscalingConfig

from cluster.durable.opening import open_store
from cluster.edge.registry import EDGES
from cluster.settings import Settings
from serve_apps.http import served
from serve_apps.serving import Replica
from serve_apps.web.routes import PREFIX, NoMembers, create_api
from serve_apps.web.service import Web


@serve.deployment(
    name="web",
    max_ongoing_requests=64,
    max_queued_requests=256,
    health_check_period_s=5,
    health_check_timeout_s=15,
    graceful_shutdown_timeout_s=5,
    graceful_shutdown_wait_loop_s=0.2,
    autoscaling_config=AutoscalingConfig(min_replicas=1, max_replicas=4, target_ongoing_requests=16),
    ray_actor_options={"num_cpus": 0.05},
    max_surge_percent=100,
)
@serve.ingress()
class WebReplica(Replica):
    """A replica of web: the built sites in memory, and the edges as it last saw them."""

    async def __init__(self, settings: Settings) -> None:  # type: ignore[misc]  # Serve awaits it
        web = Web(settings, partial(open_store, settings.store, EDGES))
        await self.serve(web, served(create_api(web, NoMembers()), PREFIX))


def build(settings: Settings) -> Application:
    """Return the application."""
    application: Application = WebReplica.bind(settings)  # type: ignore[attr-defined]  # the decorators' types lose bind
    return application
