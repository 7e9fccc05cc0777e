"""The composition root without a cluster: what is listed, and that nothing is left to Serve's unsafe defaults."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import msgspec
import pytest

from cluster.settings import Settings
from serve_apps.operations.policy import ScaleRange

pytestmark = pytest.mark.ray  # it imports Ray, and starts none


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return Settings(data=tmp_path_factory.mktemp("data"))


def deployment_of(placement: Any, settings: Settings, scale: ScaleRange) -> Any:
    from cluster.launch import deploy

    return deploy._bound(placement, settings, deploy.describe(settings), scale)._bound_deployment


def test_every_service_has_a_prefix_of_its_own(settings: Settings) -> None:
    from cluster.launch import deploy

    placed = deploy.describe(settings).placed()
    assert " ".join(each.name for each in placed) == "auth profiles catalog studio playback search recommendations telemetry operations web"
    assert len({each.prefix for each in placed}) == len(placed)
    assert deploy.describe(settings).actor_names == (
        "outbox-relay",
        "session-shard-0",
        "session-shard-1",
        "processor-plays-0",
        "processor-profiles-0",
        "encode-runner",
    )


def test_nothing_is_left_to_unsafe_defaults(settings: Settings) -> None:
    from cluster.launch import deploy

    for placement in deploy.APPLICATIONS:
        config = deployment_of(placement, settings, placement.scale)._deployment_config
        assert 32 <= config.max_ongoing_requests <= 256, placement.name
        assert 0 < config.max_queued_requests <= 1024, placement.name
        assert config.health_check_timeout_s <= 15, placement.name
        assert config.graceful_shutdown_timeout_s <= 10, placement.name
        assert config.max_surge_percent == 100, placement.name
        assert config.autoscaling_config.target_ongoing_requests < config.max_ongoing_requests, placement.name


def test_what_works_behind_an_application_starts_with_nothing_and_a_scale_leaves_it_alone(settings: Settings) -> None:
    from cluster.launch import deploy

    home = next(placement for placement in deploy.APPLICATIONS if placement.name == "recommendations")
    encoders = [deployment_of(home, settings, scale).init_args[1]._bound_deployment for scale in (ScaleRange(1, 4), ScaleRange(3, 3))]
    assert encoders[0]._version == encoders[1]._version == deploy.version_of(settings)
    for encoder in encoders:
        bounds = encoder._deployment_config.autoscaling_config
        assert (encoder.name, bounds.min_replicas, bounds.initial_replicas) == ("encoder", 0, None)
        assert encoder.ray_actor_options == {"num_cpus": 0.05}


def test_a_laptop_with_one_core_has_room_for_everything_at_its_largest(settings: Settings) -> None:
    from cluster.launch import deploy

    smallest = sum(placement.cpus * placement.scale.min_replicas for placement in deploy.APPLICATIONS)
    assert smallest + 0.05 * len(deploy.actor_names(settings)) <= 1.0
    for placement in deploy.APPLICATIONS:
        assert deployment_of(placement, settings, placement.scale).ray_actor_options["num_cpus"] == placement.cpus


def test_a_scale_changes_the_bounds_and_not_the_version(settings: Settings) -> None:
    from cluster.launch import deploy

    web = next(placement for placement in deploy.APPLICATIONS if placement.name == "web")
    before, after = deployment_of(web, settings, ScaleRange(1, 2)), deployment_of(web, settings, ScaleRange(3, 3))
    assert before._version == after._version
    bounds = after._deployment_config.autoscaling_config
    assert (bounds.min_replicas, bounds.max_replicas) == (3, 3)
    assert bounds.target_ongoing_requests == before._deployment_config.autoscaling_config.target_ongoing_requests


def test_the_version_is_that_of_code_and_settings(settings: Settings, tmp_path: Path) -> None:
    from cluster.launch.deploy import version_of

    version = version_of(settings)
    assert version == version_of(settings)
    assert version != version_of(Settings(data=tmp_path))
    secrets = [version_of(Settings(data=tmp_path, secret=letter * 32)) for letter in "ab"]
    assert secrets[0] != secrets[1]


def test_what_operations_is_given_survives_pickling(settings: Settings) -> None:
    from cluster.launch import deploy

    cluster = pickle.loads(pickle.dumps(deploy.describe(settings)))
    assert msgspec.to_builtins(cluster.placed()) == msgspec.to_builtins(deploy.describe(settings).placed())


@pytest.mark.parametrize(
    ("message", "kind", "detail"),
    [
        (
            "Traceback …\ncluster.errors.CorruptData: /data/auth.sqlite3 is damaged\n",
            "CorruptData",
            "/data/auth.sqlite3 is damaged",
        ),
        ("RayTaskError(Misconfigured): cluster.errors.Misconfigured: too new", "Misconfigured", "too new"),
    ],
)
def test_what_stays_wrong_is_found_in_serves_message(message: str, kind: str, detail: str) -> None:
    from cluster.launch.head import FINAL

    found = FINAL.search(message)
    assert found is not None
    assert (found[1], found[2]) == (kind, detail)


@pytest.mark.parametrize("message", ["", "cluster.errors.StoreUnavailable: locked", "ConnectionError: refused"])
def test_what_may_pass_is_waited_for(message: str) -> None:
    from cluster.launch.head import FINAL

    assert FINAL.search(message) is None
