"""Recommendations on Ray Serve: each replica holds what it needs of all titles in its memory and follows the catalogue's log.

Behind them stands the encoder, alone in having torch. Until a model is live there is no replica of it; the first question starts one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ray import serve
from ray.serve import Application
from ray.serve.config import AutoscalingConfig

from cluster.security.gate import open_gate
from cluster.settings import Settings
from serve_apps.catalog.client import CatalogClient
from serve_apps.http import served
from serve_apps.recommendations.encoder import Ask, Encoder, Encoding
from serve_apps.recommendations.kept_bundles import KeptBundles
from serve_apps.recommendations.live import Live
from serve_apps.recommendations.policy import gpu_share
from serve_apps.recommendations.routes import PREFIX, create_api
from serve_apps.recommendations.service import Recommendations
from serve_apps.serving import DeploymentTarget, Replica

if TYPE_CHECKING:
    from models.sequence import SequenceModel


@serve.deployment(
    name="recommendations",
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
class RecommendationsReplica(Replica):
    """A replica of recommendations."""

    async def __init__(self, settings: Settings, encoder: Any) -> None:  # type: ignore[misc]  # Serve awaits it
        live = Live(KeptBundles(settings), DeploymentTarget("encoder", encoder))
        recommendations = Recommendations(settings, CatalogClient(), live=live)
        await self.serve(recommendations, served(create_api(recommendations, await open_gate(settings)), PREFIX))


@serve.deployment(
    name="encoder",
    max_ongoing_requests=64,
    max_queued_requests=256,
    health_check_period_s=5,
    health_check_timeout_s=15,
    graceful_shutdown_timeout_s=5,
    graceful_shutdown_wait_loop_s=0.2,
    # It goes again when nobody has asked for an hour: it is the largest process of a laptop.
    autoscaling_config=AutoscalingConfig(min_replicas=0, max_replicas=4, target_ongoing_requests=16, downscale_to_zero_delay_s=3600),
    ray_actor_options={"num_cpus": 0.05},
    max_surge_percent=100,
)
class EncoderReplica:
    """A replica of the encoder."""

    def __init__(self, settings: Settings) -> None:
        self._bundles = KeptBundles(settings)
        self._encoder = Encoder(self._load)

    @serve.batch(max_batch_size=32, batch_wait_timeout_s=0)
    async def encode(self, asks: list[Ask]) -> list[Encoding]:
        """See `Encoder.encode`; called with one, Serve makes the batch."""
        return await self._encoder.encode(asks)

    async def ready(self, bundle_id: str) -> bool:
        """See `Encoder.ready`."""
        return await self._encoder.ready(bundle_id)

    async def check_health(self) -> None:
        """Answer Serve's health check."""
        await self._encoder.check()

    async def _load(self, bundle_id: str) -> SequenceModel:
        return await self._bundles.sequence_model(bundle_id)


def build(settings: Settings, version: str, gpus: float) -> Application:
    """Return the application; `gpus` is how many the cluster has."""
    # Serve gives every deployment a random version unless told one, and replaces the replicas of another version.
    resources = {"num_cpus": 0.05, **({"num_gpus": gpu_share(gpus)} if gpu_share(gpus) else {})}
    encoder = EncoderReplica.options(version=version, ray_actor_options=resources, _internal=True)  # type: ignore[attr-defined]
    application: Application = RecommendationsReplica.bind(settings, encoder.bind(settings))  # type: ignore[attr-defined]  # decorators' types lose bind
    return application
