"""The catalogue on Ray Serve: each replica holds all titles in its memory and follows the log."""

from __future__ import annotations

from ray import serve
from ray.serve import Application
from ray.serve.config import AutoscalingConfig

from actors.outbox_relay import Relay
from cluster.security.gate import open_gate
from cluster.settings import Settings
from serve_apps.audit import open_audit
from serve_apps.catalog.routes import PREFIX, create_api
from serve_apps.catalog.service import Catalog
from serve_apps.http import served
from serve_apps.serving import Replica

CALLABLE = frozenset({"playable", "outline", "titles", "live_version", "attach_media", "unused_artwork"})


@serve.deployment(
    name="catalog",
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
class CatalogReplica(Replica):
    """A replica: about 8 KiB of memory a film, 2.5 KiB an episode."""

    async def __init__(self, settings: Settings) -> None:  # type: ignore[misc]  # Serve awaits it
        catalog = Catalog(settings, nudge=Relay().nudge)
        await self.serve(catalog, served(create_api(catalog, await open_gate(settings)), PREFIX, audit=open_audit(settings)), CALLABLE)


def build(settings: Settings) -> Application:
    """Return the application."""
    application: Application = CatalogReplica.bind(settings)  # type: ignore[attr-defined]  # the decorators' types lose bind
    return application
