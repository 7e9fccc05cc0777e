"""The Serve application of telemetry; replicas keep nothing but what each profile may still tell."""

from __future__ import annotations

from functools import partial

from ray import serve
from ray.serve import Application
from ray.serve.config import AutoscalingConfig

from cluster.durable import open_log
from cluster.security.gate import open_gate
from cluster.settings import Settings
from serve_apps.http import served
from serve_apps.serving import Replica
from serve_apps.telemetry.routes import PREFIX, create_api
from serve_apps.telemetry.service import Telemetry


@serve.deployment(
    name="telemetry",
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
class TelemetryReplica(Replica):
    """A replica of telemetry."""

    async def __init__(self, settings: Settings) -> None:  # type: ignore[misc]  # Serve awaits it
        telemetry = Telemetry(partial(open_log, settings.log))
        await self.serve(telemetry, served(create_api(telemetry, await open_gate(settings)), PREFIX))


def build(settings: Settings) -> Application:
    """Return the application."""
    application: Application = TelemetryReplica.bind(settings)  # type: ignore[attr-defined]  # the decorators' types lose bind
    return application
