"""The Serve application of profiles."""

from __future__ import annotations

from ray import serve
from ray.serve import Application
from ray.serve.config import AutoscalingConfig

from cluster.security.gate import open_gate
from cluster.settings import Settings
from serve_apps.audit import open_audit
from serve_apps.http import served
from serve_apps.playback.client import PlaybackClient
from serve_apps.profiles.routes import PREFIX, create_api
from serve_apps.profiles.service import Profiles
from serve_apps.serving import Replica


@serve.deployment(
    name="profiles",
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
class ProfilesReplica(Replica):
    """A replica of profiles; it keeps nothing in memory."""

    async def __init__(self, settings: Settings) -> None:  # type: ignore[misc]  # Serve awaits it
        profiles = Profiles(settings, PlaybackClient())
        app = served(create_api(profiles, await open_gate(settings)), PREFIX, audit=open_audit(settings))
        await self.serve(profiles, app, frozenset({"choose", "create_first", "delete_all"}))


def build(settings: Settings) -> Application:
    """Return the application."""
    application: Application = ProfilesReplica.bind(settings)  # type: ignore[attr-defined]  # the decorators' types lose bind
    return application
