"""The Serve application of operations; the composition root hands it the cluster that it reports on."""

from __future__ import annotations

from functools import partial

from ray import serve
from ray.serve import Application
from ray.serve.config import AutoscalingConfig

from actors.sessions.client import Sessions
from cluster.durable import open_log, open_store
from cluster.durable.outbox import HINTS
from cluster.edge.registry import EDGES
from cluster.security.gate import open_gate
from cluster.settings import Settings
from serve_apps.audit import open_audit
from serve_apps.http import served
from serve_apps.operations.lag import Lag
from serve_apps.operations.routes import PREFIX, create_api
from serve_apps.operations.service import Cluster, Operations
from serve_apps.operations.tables import SCALES
from serve_apps.serving import Replica
from serve_apps.studio.client import StudioClient


@serve.deployment(
    name="operations",
    max_ongoing_requests=32,
    max_queued_requests=64,
    health_check_period_s=5,
    health_check_timeout_s=15,
    graceful_shutdown_timeout_s=5,
    graceful_shutdown_wait_loop_s=0.2,
    autoscaling_config=AutoscalingConfig(min_replicas=1, max_replicas=2, target_ongoing_requests=8),
    ray_actor_options={"num_cpus": 0.05},
    max_surge_percent=100,
)
@serve.ingress()
class OperationsReplica(Replica):
    """A replica of operations; it keeps nothing in memory."""

    async def __init__(self, settings: Settings, cluster: Cluster) -> None:  # type: ignore[misc]  # Serve awaits it
        operations = Operations(
            settings,
            cluster,
            open_scales=partial(open_store, settings.store, SCALES),
            open_edges=partial(open_store, settings.store, EDGES),
            open_log=partial(open_log, settings.log, kept_s=settings.kept_s),
            studio=StudioClient().status,
            live_streams=Sessions.on_ray(settings).live_total,
            lag=Lag(partial(open_store, settings.store, HINTS), partial(open_store, settings.store)),
        )
        await self.serve(operations, served(create_api(operations, await open_gate(settings)), PREFIX, audit=open_audit(settings)))


def build(settings: Settings, cluster: Cluster) -> Application:
    """Return the application."""
    application: Application = OperationsReplica.bind(settings, cluster)  # type: ignore[attr-defined]  # the decorators' types lose bind
    return application
