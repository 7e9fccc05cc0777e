"""What the whole suite shares: one Ray for tests of actors, one Kafka and one Cassandra, one running platform and one to end."""

from __future__ import annotations

import logging
import os
import shutil
import sys
import tempfile
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import hypothesis
import pytest

from cluster.launch.servers.nodes import Nodes
from tests import memory
from tests.cluster.edge.running import SECRET
from tests.films import two_language_film
from tests.running import MakePlatform, Platform
from tests.servers import Servers
from tests.viewers import ingested

# Read while ray is imported: without it every worker runs in a copy of the directory.
os.environ["RAY_ENABLE_UV_RUN_RUNTIME_ENV"] = "0"
os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
os.environ.setdefault("OMP_NUM_THREADS", "1")
if memory.FOLDER is not None:
    os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(memory.FOLDER))

SERVERS = pytest.StashKey[Servers]()
PLATFORMS = pytest.StashKey[list[Platform]]()
# How slow a machine is says nothing of the code.
hypothesis.settings.register_profile("suite", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow])
hypothesis.settings.load_profile("suite")

INSIST = os.environ.get("MATINEE_TESTS_INSIST") == "1"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Options for what is run by hand: the ordinary suite has its answers."""
    parser.addoption("--nodes", type=int, choices=(1, 3), default=1, help="of Cassandra and Kafka, behind the contract suite")
    parser.addoption("--kills", type=int, default=8, help="how often the outbox relay is killed on each pair of store and log")
    parser.addoption("--outage-seconds", type=float, default=5.0, help="how long the platform has no Kafka while films are started")
    parser.addoption(
        "--on-servers",
        action="store_true",
        help="every platform that tests start keeps its data in a Cassandra and a Kafka of one node each",
    )


@pytest.hookimpl(tryfirst=True)  # before xdist looks at the groups
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Bring those together that share something large, so that it need not run beside all the others; with `-n` one process has them."""
    distributed = hasattr(config, "workerinput")
    # In two processes the longest begins first, and beside it run the files of tests that share nothing; in one these come first.
    order = {"platform": 0 if distributed else 2, "servers": 3, "ray": 4}
    items.sort(key=lambda item: (order.get(_group(item), 1), not _shares(item) and _group(item) == "servers"))
    if distributed:
        for item in items:
            item.add_marker(pytest.mark.xdist_group(_group(item)))


def _group(item: pytest.Item) -> str:
    """Return what a test shares: a platform, servers or a Ray, else nothing but its file."""
    if "new_platform" in getattr(item, "fixturenames", ()) or "platform" in item.path.parent.parts:
        return "platform"
    marks = ("durable", "servers"), ("ray", "ray")
    return next((group for mark, group in marks if item.get_closest_marker(mark) is not None), item.nodeid.partition("::")[0])


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(item: pytest.Item, nextitem: pytest.Item | None) -> Generator[None, object, object]:
    """End the platforms, and the three nodes, with the last test that shares them."""
    result = yield
    if _group(item) == "platform" and not (nextitem and _group(nextitem) == "platform"):
        for platform in item.config.stash.get(PLATFORMS, []):
            platform.down()
    servers = item.config.stash.get(SERVERS, None)
    if servers is not None and _shares(item) and not (nextitem and _shares(nextitem)):
        servers.stop(3)
    return result


def _shares(item: pytest.Item) -> bool:
    return item.get_closest_marker("three_nodes") is not None


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Where MATINEE_TESTS_INSIST=1, fail what this machine would leave out; a machine may lack a GPU."""
    report = yield
    if INSIST and report.skipped and not hasattr(report, "wasxfail") and item.get_closest_marker("gpu") is None:
        why = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
        report.outcome, report.longrepr = "failed", f"MATINEE_TESTS_INSIST=1, and this was left out: {why}"
    return report


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, object, object]:
    """Fail a unit test that is the first to import Ray: it takes longer than all of them should."""
    without = "ray" not in sys.modules
    result = yield
    if without and "ray" in sys.modules and item.get_closest_marker("ray") is None:
        pytest.fail("It imports Ray, and is not marked `ray`")
    return result


@pytest.fixture(scope="session")
def ray_cluster() -> Iterator[Any]:
    """A Ray of this process, namespace "matinee", without Serve; the same for the whole suite."""
    os.environ["RAY_AUTH_MODE"] = "disabled"
    import ray

    # Names of sockets are short, pytest's folders are not.
    folder = Path(tempfile.mkdtemp(prefix="matinee-tests-"))
    ray.init(
        address="local",
        namespace="matinee",
        num_cpus=4,
        resources={"encode": 2.0},
        object_store_memory=128 * 2**20,
        include_dashboard=False,
        log_to_driver=False,
        logging_level=logging.ERROR,
        _temp_dir=str(folder),
        _node_ip_address="127.0.0.2",
    )
    try:
        yield ray
    finally:
        ray.shutdown()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def servers(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    """Real Kafka and Cassandra, each started when its URL is first asked for; the same for the whole suite."""
    found = request.config.stash[SERVERS] = Servers(tmp_path_factory.mktemp("servers"))
    try:
        yield found
    finally:
        found.stop()


@pytest.fixture
def three(servers: Servers) -> Nodes:
    """Three nodes of Cassandra, whole at first, for a test marked `three_nodes`; it may do to them what it likes."""
    return servers.three()


@pytest.fixture(scope="session")
def new_platform(request: pytest.FixtureRequest) -> MakePlatform:
    """Makes a platform, not started yet: embedded, or with `--on-servers` on the suite's servers."""
    platforms = request.config.stash.setdefault(PLATFORMS, [])

    def made(data: Path, **settings: object) -> Platform:
        if request.config.getoption("--on-servers"):
            servers: Servers = request.getfixturevalue("servers")
            settings = {"store": servers.new_store_url(), "log": servers.new_log_url(), **settings}
        platforms.append(Platform(data, **settings))
        return platforms[-1]

    return made


@pytest.fixture(scope="session")
def platform(new_platform: MakePlatform, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    """The whole system, started by `matinee up --detach`; the same for the whole suite: leave it as you found it."""
    running = new_platform(tmp_path_factory.mktemp("platform") / "data")
    running.up()
    try:
        yield running
    finally:
        running.down()


@pytest.fixture(scope="session")
def expendable(new_platform: MakePlatform, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    """A second platform, which tests end in every way, down at first; the same for the whole suite. See `upright`."""
    instance = new_platform(tmp_path_factory.mktemp("expendable") / "data", secret=SECRET)
    try:
        yield instance
    finally:
        instance.down()


@pytest.fixture
def upright(expendable: Platform) -> Platform:
    """The second platform, started unless the test before left it running. A test leaves it up or down, whichever comes by itself."""
    expendable.stand_up()
    return expendable


@pytest.fixture(scope="session")
def film(platform: Platform, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A published film on the platform: 24 s, English and German sound, English and French subtitles; its playable's id."""
    return ingested(platform, two_language_film(tmp_path_factory.mktemp("film") / "Two Tongues (2024).mkv"))
