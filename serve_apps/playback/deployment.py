"""The Serve application of playback."""

from __future__ import annotations

from ray import serve
from ray.serve import Application
from ray.serve.config import AutoscalingConfig

from actors.sessions.client import Sessions
from cluster.security.gate import open_gate
from cluster.settings import Settings
from serve_apps.audit import open_audit
from serve_apps.catalog.client import CatalogClient
from serve_apps.http import served
from serve_apps.playback.routes import PREFIX, create_api
from serve_apps.playback.service import Playback
from serve_apps.serving import Replica


@serve.deployment(
    name="playback",
    max_ongoing_requests=128,
    max_queued_requests=512,
    health_check_period_s=5,
    health_check_timeout_s=15,
    graceful_shutdown_timeout_s=5,
    graceful_shutdown_wait_loop_s=0.2,
    autoscaling_config=AutoscalingConfig(min_replicas=1, max_replicas=4, target_ongoing_requests=32),
    ray_actor_options={"num_cpus": 0.05},
    max_surge_percent=100,
)
@serve.ingress()
class PlaybackReplica(Replica):
    """A replica of playback; the state is in the session shards and the store."""

    async def __init__(self, settings: Settings) -> None:  # type: ignore[misc]  # Serve awaits it
        playback = Playback(settings, CatalogClient(), Sessions.on_ray(settings))
        app = served(create_api(playback, await open_gate(settings)), PREFIX, audit=open_audit(settings))
        await self.serve(playback, app, frozenset({"delete_all", "forget_profile"}))


def build(settings: Settings) -> Application:
    """Return the application."""
    application: Application = PlaybackReplica.bind(settings)  # type: ignore[attr-defined]  # the decorators' types lose bind
    return application
