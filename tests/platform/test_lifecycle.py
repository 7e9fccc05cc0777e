"""What comes up goes down: by request, by Ctrl-C, after every kind of death. One instance of its own, up after each test but the last."""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from cluster.launch.client import OperatorClient
from cluster.launch.instance import Process
from tests.films import two_language_film
from tests.running import COMMAND, MakePlatform, Platform, eventually
from tests.viewers import ingested, sign_up

pytestmark = pytest.mark.ray


@pytest.fixture(scope="module")
def own(new_platform: MakePlatform, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    instance = new_platform(tmp_path_factory.mktemp("lifecycle") / "data")
    found = temporary_files()
    instance.up()
    try:
        yield instance
    finally:
        instance.down()
    assert temporary_files() <= found


def temporary_files() -> set[Path]:
    """Return what Python's and Node's processes keep for all to see."""
    folder = Path(tempfile.gettempdir())
    return {*folder.glob("pymp-*"), *folder.glob("node-compile-cache*")}


def everything(instance: Platform) -> list[Process]:
    """Return the supervisor and all that it started."""
    supervisor = psutil.Process(instance.state.supervisor.pid)
    return [Process.of(process.pid) for process in (supervisor, *supervisor.children(recursive=True))]


def require_nothing_left(instance: Platform, processes: list[Process]) -> None:
    eventually(lambda: not [process for process in processes if process.alive], timeout_s=20)
    settings = instance.settings
    ports = {settings.port, settings.edge_port, settings.dashboard_port, settings.metrics_port, settings.stats_port}
    listening = {tuple(connection.laddr)[1] for connection in psutil.net_connections("inet") if connection.status == psutil.CONN_LISTEN}
    assert not ports & listening


def raylet_of(instance: Platform) -> psutil.Process:
    (raylet,) = [process for process in instance.processes("raylet/raylet") if process.name() == "raylet"]
    return raylet


def test_down_leaves_no_process_no_port_and_another_ray_alone(own: Platform, platform: Platform) -> None:
    others = everything(platform)
    mine = everything(own)
    run_dir = own.state.run_dir
    assert own.command("scale", "playback", "3").returncode == 0
    own.down()
    require_nothing_left(own, mine)
    assert not os.path.exists(run_dir)  # noqa: PTH110
    assert [process for process in others if not process.alive] == []
    assert platform.command("status").returncode == 0
    own.down()  # once more changes nothing

    own.up()
    (playback,) = [application for application in own.status()["applications"] if application["name"] == "playback"]
    assert (playback["min_replicas"], playback["max_replicas"], playback["target"]) == (3, 3, 3)
    assert own.command("scale", "playback", "1..4").returncode == 0


def test_when_ray_dies_everything_is_cleaned_up(own: Platform) -> None:
    mine = everything(own)
    raylet_of(own).kill()
    require_nothing_left(own, mine)
    assert "Ray died" in own.state.failed
    said = own.command("status")
    assert (said.returncode, "Ray died" in said.stdout) == (1, True)
    own.up()


def test_after_a_killed_supervisor_up_works_and_nothing_old_is_left(own: Platform) -> None:
    mine = everything(own)
    os.kill(own.state.supervisor.pid, signal.SIGKILL)
    own.up()
    assert [process for process in mine if process.alive] == []


@pytest.fixture(scope="module")
def short_film(own: Platform, tmp_path_factory: pytest.TempPathFactory) -> str:
    return ingested(own, two_language_film(tmp_path_factory.mktemp("short") / "Short (2024).mkv", duration_s=8))


@pytest.mark.parametrize("time", [1, 2])
def test_after_everything_was_killed_what_was_acknowledged_is_there_and_the_job_goes_on(
    own: Platform, short_film: str, tmp_path: Path, time: int
) -> None:
    long_film = two_language_film(tmp_path / f"Night {time} (2024).mkv", duration_s=40)
    ingesting = [*COMMAND, "ingest", str(long_film)]
    with sign_up(own) as viewer, own.operator as operator, subprocess.Popen(ingesting, env=own.env, stderr=subprocess.DEVNULL) as ingest:
        session_id = viewer.start(short_film)["session_id"]
        sequence = 0

        def half_encoded() -> bool:
            nonlocal sequence
            sequence += 1
            assert viewer.beat(session_id, sequence, sequence % 700 / 100).status_code == 200
            job = newest_job(operator)
            return bool(0 < job["frames_done"] < job["frames_total"])

        eventually(half_encoded, timeout_s=180)
        mine = everything(own)
        for process in mine:
            if process.alive:
                os.kill(process.pid, signal.SIGKILL)
        own.up()
        assert [process for process in mine if process.alive] == []
        place = viewer.ask("GET", f"/api/v1/playback/positions/{short_film}").json()
        assert place["position_s"] == pytest.approx(sequence % 700 / 100)
        # It goes on by itself, or was too long without an answer: then the same command goes on.
        if ingest.wait(240) != 0:
            ingested(own, long_film)
    with own.operator as operator:
        newest = newest_job(operator)
        jobs = [job for job in operator.get("/api/v1/studio/jobs")["items"] if job["playable_id"] == newest["playable_id"]]
    assert newest["state"] == "ready"
    assert len(jobs) == 1


def newest_job(operator: OperatorClient) -> dict[str, Any]:
    jobs = operator.get("/api/v1/studio/jobs")["items"]
    return dict(jobs[0]) if jobs else {"frames_done": 0, "frames_total": 0, "state": ""}


def test_in_the_foreground_ctrl_c_ends_all_and_succeeds_and_a_dead_ray_ends_all_and_fails(own: Platform) -> None:
    own.down()
    for end, code in ((lambda up: up.send_signal(signal.SIGINT), 0), (lambda _: raylet_of(own).kill(), 1)):
        up = subprocess.Popen([*COMMAND, "up"], env=own.env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        eventually(lambda: (own.settings.data / "run/instance.json").exists() and own.state.ready, timeout_s=200)
        mine = everything(own)
        end(up)
        said, _ = up.communicate(timeout=60)
        assert up.returncode == code, said
        assert own.site_url in said
        assert ("Ray died" in said) == bool(code)
        assert "Traceback" not in said
        require_nothing_left(own, mine)
