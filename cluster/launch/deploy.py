"""The composition root: every application and every actor of Matinee, with its processors and replicas.

Main path: `deploy` binds each application with its settings, sets its place and its scale, and hands all to Ray Serve at once.
Applying a changed scale is the same call for one application: with the same version no replica restarts.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec
from ray import serve
from ray.serve import Application

from actors.outbox_relay import Relay
from actors.processors import actor as processors
from actors.sessions import client as sessions
from cluster.launch.serve_cluster import ServeCluster
from cluster.settings import Settings
from serve_apps.auth import deployment as auth
from serve_apps.catalog import deployment as catalog
from serve_apps.operations import deployment as operations
from serve_apps.operations.policy import ScaleRange
from serve_apps.operations.service import Placed
from serve_apps.playback import deployment as playback
from serve_apps.profiles import deployment as profiles
from serve_apps.recommendations import deployment as recommendations
from serve_apps.search import deployment as search
from serve_apps.studio import deployment as studio
from serve_apps.studio import runner
from serve_apps.telemetry import deployment as telemetry
from serve_apps.web import deployment as web
from serve_apps.web.build import stamp_of
from serve_apps.web.files import DIST

SERVICE: Final = ScaleRange(1, 4)
SINGLE: Final = ScaleRange(1, 2)


@dataclass(frozen=True)
class Placement:
    """Where an application stands, and what a replica of it takes."""

    name: str
    prefix: str
    build: Callable[[Settings, ServeCluster], Application]
    cpus: float = 0.05
    scale: ScaleRange = SERVICE


APPLICATIONS: Final = (
    Placement("auth", "/api/v1/auth", lambda settings, _: auth.build(settings)),
    Placement("profiles", "/api/v1/profiles", lambda settings, _: profiles.build(settings)),
    Placement("catalog", "/api/v1/titles", lambda settings, _: catalog.build(settings)),
    # Encoding is none of a replica's: it runs as tasks that take no processors, but one of the resource `encode` each.
    Placement("studio", "/api/v1/studio", lambda settings, _: studio.build(settings)),
    Placement("playback", "/api/v1/playback", lambda settings, _: playback.build(settings)),
    Placement("search", "/api/v1/search", lambda settings, _: search.build(settings)),
    # Its encoder is none of its replicas, has its own scale, from none on, and a share of a GPU where there is one to spare.
    Placement(
        "recommendations", "/api/v1/home", lambda settings, cluster: recommendations.build(settings, cluster.version, cluster.gpus())
    ),
    Placement("telemetry", "/api/v1/telemetry", lambda settings, _: telemetry.build(settings)),
    Placement("operations", "/api/v1/operations", operations.build, scale=SINGLE),
    Placement("web", "/", lambda settings, _: web.build(settings), scale=SINGLE),
)


@dataclass(frozen=True)
class Host:
    """A kind of named actor: state with one owner. They say their processors themselves: 0.05 each."""

    names: Callable[[Settings], list[str]]
    start: Callable[[Settings], object]


ACTORS: Final = (
    Host(lambda _: ["outbox-relay"], Relay.get_or_start),
    Host(sessions.names, sessions.start_all),
    Host(processors.names, processors.start_all),
    Host(lambda _: [runner.NAME], runner.start_runner),
)


def describe(settings: Settings) -> ServeCluster:
    """Return what is to be deployed, as operations sees it."""
    placed = [Placed(placement.name, placement.prefix, placement.scale) for placement in APPLICATIONS]
    return ServeCluster(settings, version_of(settings), placed, actor_names(settings))


def deploy(settings: Settings, cluster: ServeCluster, scales: Mapping[str, ScaleRange], *, only: str | None = None) -> None:
    """Hand the applications to Ray Serve, or bring those that run to this version and scale; returns before they are ready."""
    serve.run_many(
        [
            serve.RunTarget(
                target=_bound(placement, settings, cluster, scales.get(placement.name, placement.scale)),
                name=placement.name,
                route_prefix=placement.prefix,
            )
            for placement in APPLICATIONS
            if only in {None, placement.name}
        ],
        wait_for_ingress_deployment_creation=False,
        wait_for_applications_running=False,
    )


def _bound(placement: Placement, settings: Settings, cluster: ServeCluster, scale: ScaleRange) -> Application:
    application = placement.build(settings, cluster)
    bound = application._bound_deployment
    configured = bound._deployment_config.autoscaling_config
    autoscaling = {
        **(configured.model_dump(exclude_unset=True) if configured else {}),
        "min_replicas": scale.min_replicas,
        "max_replicas": scale.max_replicas,
    }
    # Serve gives every deployment a random version unless told one, and replaces the replicas of another version.
    # The declarative way keeps versions too, but builds each application in a process of its own, which doubles the start.
    application._bound_deployment = bound.options(
        autoscaling_config=autoscaling,
        ray_actor_options={"num_cpus": placement.cpus},
        version=cluster.version,
        _internal=True,
    )
    return application


def actor_names(settings: Settings) -> list[str]:
    """Return the names of all actors."""
    return [name for host in ACTORS for name in host.names(settings)]


def start_actors(settings: Settings) -> None:
    """Start the actors that are not there; returns before they are ready."""
    for host in ACTORS:
        host.start(settings)


def version_of(settings: Settings) -> str:
    """Return a name for this code and web site with these settings: replicas of another one are replaced."""
    digest = hashlib.sha256(msgspec.json.encode(settings.model_dump(mode="json")))
    digest.update(settings.secret.get_secret_value().encode() if settings.secret else b"")
    for package in ("actors", "cluster", "models", "serve_apps"):
        root = Path(__file__).parents[2] / package
        for path in sorted(root.rglob("*.py")):
            digest.update(path.read_bytes())
    digest.update(stamp_of(DIST).encode())
    return digest.hexdigest()[:16]
