"""The whole platform on a real Cassandra and a real Kafka of its own, which die under it and come back."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from contextlib import ExitStack

import httpx
import pytest

from cluster.launch.servers.cassandra import CASSANDRA
from cluster.launch.servers.kafka import KAFKA
from cluster.launch.servers.nodes import Nodes
from tests.films import two_language_film
from tests.platform.plays import Plays, counted
from tests.running import Platform, eventually
from tests.servers import jars_of, started
from tests.viewers import Viewer, another_device, ingested, sign_up

pytestmark = [pytest.mark.ray, pytest.mark.durable, pytest.mark.media, pytest.mark.timeout(600)]

DURATION_S = 8
VIEWERS = 12
A_SECOND = 4
AGAIN_WITHIN_S = 120.0


@pytest.fixture(scope="module")
def cassandra(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nodes]:
    nodes = started(CASSANDRA, tmp_path_factory.mktemp("cassandra"))
    try:
        yield nodes
    finally:
        nodes.stop()


@pytest.fixture(scope="module")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nodes]:
    nodes = started(KAFKA, tmp_path_factory.mktemp("kafka"))
    try:
        yield nodes
    finally:
        nodes.stop()


@pytest.fixture(scope="module")
def own(cassandra: Nodes, kafka: Nodes, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    instance = Platform(tmp_path_factory.mktemp("on-servers") / "data")
    instance.up("--store", cassandra.url, "--log", kafka.url)
    try:
        yield instance
    finally:
        instance.down()


@pytest.fixture(scope="module")
def own_film(own: Platform, tmp_path_factory: pytest.TempPathFactory) -> str:
    return ingested(own, two_language_film(tmp_path_factory.mktemp("short") / "Short (2024).mkv", duration_s=DURATION_S))


@pytest.fixture(scope="module")
def viewer(own: Platform) -> Iterator[Viewer]:
    with sign_up(own) as member:
        yield member


def test_a_film_is_watched_and_resumed_on_another_device_and_a_third_is_one_too_many(own: Platform, own_film: str, viewer: Viewer) -> None:
    session = viewer.start(own_film)
    assert httpx.get(session["hls_url"]).text.startswith("#EXTM3U")
    assert viewer.beat(session["session_id"], 1, 3.5).status_code == 200
    with another_device(own, viewer) as second, another_device(own, viewer) as third:
        resumed = second.start(own_film)
        assert resumed["position_s"] == pytest.approx(3.5)
        refused = third.ask("POST", "/api/v1/playback/sessions", json={"playable_id": own_film})
        assert (refused.status_code, refused.json()["type"]) == (409, "urn:matinee:error:stream-limit")
        second.stop(resumed["session_id"], 4.0)
    viewer.stop(session["session_id"], 5.0)
    assert not (own.settings.data / "store").exists()
    assert not (own.settings.data / "log").exists()


def test_killed_session_shards_are_back_with_every_place(own: Platform, own_film: str, viewer: Viewer) -> None:
    session_id = viewer.start(own_film)["session_id"]
    assert viewer.beat(session_id, 1, 2.0).status_code == 200
    for victim in own.processes("SessionShard"):
        os.kill(victim.pid, signal.SIGKILL)
    eventually(lambda: viewer.beat(session_id, 2, 2.5).status_code == 200)
    assert viewer.ask("GET", f"/api/v1/playback/positions/{own_film}").json()["position_s"] == pytest.approx(2.5)
    viewer.stop(session_id, 2.5)


def test_without_kafka_every_play_starts_and_what_it_missed_is_counted_once_each_when_it_is_back(
    own: Platform, cassandra: Nodes, kafka: Nodes, own_film: str, viewer: Viewer, pytestconfig: pytest.Config
) -> None:
    outage_s = pytestconfig.getoption("--outage-seconds")
    session = viewer.start(own_film)
    title_id = session["title_id"]
    viewer.stop(session["session_id"], 1.0)
    eventually(lambda: caught_up(own), timeout_s=AGAIN_WITHIN_S)
    replicas, before = serving(own), counted(cassandra.url, title_id)
    with ExitStack() as opened:
        viewers = [opened.enter_context(sign_up(own)) for _ in range(VIEWERS)]
        plays = opened.enter_context(Plays(viewers, own_film, DURATION_S, A_SECOND))
        eventually(lambda: plays.finished >= A_SECOND)
        kafka.nodes[0].kill()
        killed_s, already = time.monotonic(), plays.started
        eventually(lambda: time.monotonic() - killed_s >= outage_s, timeout_s=outage_s + 5.0)
        missed = plays.started - already
        assert missed
        waited = eventually(lambda: (found := waiting(own)) >= missed and found)
        kafka.start(jars_of(KAFKA))
        back_s, meanwhile = time.monotonic(), plays.finished
        eventually(lambda: plays.finished >= meanwhile + A_SECOND)
    assert plays.failures == []
    assert plays.started == plays.finished
    eventually(lambda: caught_up(own), timeout_s=back_s + AGAIN_WITHIN_S - time.monotonic())
    print(
        f"{plays.started} plays, {missed} of them in {outage_s:g} s without Kafka; the slowest start took {max(plays.took_s):.2f} s;"
        f" {waited} facts waited; lag 0 {time.monotonic() - back_s:.1f} s after Kafka answers"
    )
    assert counted(cassandra.url, title_id) == (before[0] + plays.started, before[1] + plays.finished)
    assert serving(own) == replicas


def test_without_cassandra_what_is_in_memory_goes_on_the_rest_says_503_and_all_is_back_by_itself(
    own: Platform, cassandra: Nodes, own_film: str, viewer: Viewer
) -> None:
    replicas = serving(own)
    session = viewer.start(own_film)
    home = "/api/v1/titles"
    titles = viewer.ask("GET", home).json()
    cassandra.nodes[0].kill()
    refused = eventually(lambda: failed(viewer, own_film))
    assert refused.headers["content-type"].startswith("application/problem+json")
    assert int(refused.headers["retry-after"]) >= 1
    assert viewer.ask("GET", home).json() == titles
    assert httpx.get(session["hls_url"]).text.startswith("#EXTM3U")
    cassandra.start(jars_of(CASSANDRA))
    back_s = time.monotonic()
    eventually(lambda: viewer.ask("POST", "/api/v1/playback/sessions", json={"playable_id": own_film}).is_success, timeout_s=AGAIN_WITHIN_S)
    print(f"plays start again {time.monotonic() - back_s:.1f} s after Cassandra answers")
    assert serving(own) == replicas
    eventually(lambda: own.command("status").returncode == 0, timeout_s=AGAIN_WITHIN_S)


def failed(viewer: Viewer, film: str) -> httpx.Response | None:
    """Try to start to watch; return the answer if that cannot be now."""
    answer = viewer.http.post("/api/v1/playback/sessions", json={"playable_id": film})
    return answer if answer.status_code == 503 else None


def waiting(platform: Platform) -> int:
    """Return how many facts are committed and not in the log; -1 while that cannot be told."""
    unpublished = platform.status()["log"]["unpublished"]
    return -1 if unpublished is None else int(unpublished)


def caught_up(platform: Platform) -> bool:
    """Say whether every fact is in the log, and processed."""
    log = platform.status()["log"]
    return log["unpublished"] == 0 and not any(each["lag"] for each in log["processors"])


def serving(platform: Platform) -> set[int]:
    """Return the processes that answer requests and hold sessions."""
    return {process.pid for name in ("ray::ServeReplica:", "ray::SessionShard") for process in platform.processes(name)}


def test_started_without_its_servers_it_says_where_it_is_kept_and_begins_nothing(own: Platform, cassandra: Nodes, kafka: Nodes) -> None:
    own.down()
    done = own.command("up", "--detach")
    assert done.returncode == 2
    assert (
        f"This installation is kept in {cassandra.url} and {kafka.url}: go on with MATINEE_STORE={cassandra.url} MATINEE_LOG="
        in done.stderr
    )
    assert not (own.settings.data / "store").exists()
