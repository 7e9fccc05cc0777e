"""Search on Ray Serve: each replica holds an index of all titles in its memory and follows the catalogue's log."""

from __future__ import annotations

from ray import serve
from ray.serve import Application
from ray.serve.config import AutoscalingConfig

from cluster.security.gate import open_gate
from cluster.settings import Settings
from serve_apps.catalog.client import CatalogClient
from serve_apps.http import served
from serve_apps.search.routes import PREFIX, create_api
from serve_apps.search.service import Search
from serve_apps.serving import Replica


@serve.deployment(
    name="search",
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
class SearchReplica(Replica):
    """A replica of search."""

    async def __init__(self, settings: Settings) -> None:  # type: ignore[misc]  # Serve awaits it
        search = Search(settings, CatalogClient())
        await self.serve(search, served(create_api(search, await open_gate(settings)), PREFIX))


def build(settings: Settings) -> Application:
    """Return the application."""
    application: Application = SearchReplica.bind(settings)  # type: ignore[attr-defined]  # the decorators' types lose bind
    return application
