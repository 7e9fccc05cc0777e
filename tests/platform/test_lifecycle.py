"""What comes up goes down: by Ctrl-C, after every kind of death. The suite's second platform, down after the last test."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from cluster.launch.client import OperatorClient
from tests.films import two_language_film
from tests.platform.ends import everything, no_temporary_files, raylet_of, require_nothing_left
from tests.running import COMMAND, Platform, eventually
from tests.viewers import ingested, sign_up

pytestmark = pytest.mark.ray


@pytest.fixture(scope="module", autouse=True)
def _no_temporary_files() -> Iterator[None]:
    with no_temporary_files():
        yield


def playback(instance: Platform) -> dict[str, Any]:
    (found,) = [dict(application) for application in instance.status()["applications"] if application["name"] == "playback"]
    return found


def test_after_a_killed_supervisor_up_works_nothing_old_is_left_and_the_scale_is_kept(upright: Platform) -> None:
    assert upright.command("scale", "playback", "3").returncode == 0
    mine = everything(upright)
    os.kill(upright.state.supervisor.pid, signal.SIGKILL)
    upright.up()
    assert [process for process in mine if process.alive] == []
    told = playback(upright)
    assert (told["min_replicas"], told["max_replicas"], told["target"]) == (3, 3, 3)
    assert upright.command("scale", "playback", "1..4").returncode == 0


@pytest.fixture(scope="module")
def short_film(expendable: Platform, tmp_path_factory: pytest.TempPathFactory) -> str:
    expendable.stand_up()
    return ingested(expendable, two_language_film(tmp_path_factory.mktemp("short") / "Short (2024).mkv", duration_s=8))


@pytest.mark.parametrize("time", [1, 2])
def test_after_everything_was_killed_what_was_acknowledged_is_there_and_the_job_goes_on(
    upright: Platform, short_film: str, tmp_path: Path, time: int
) -> None:
    long_film = two_language_film(tmp_path / f"Night {time} (2024).mkv", duration_s=40)
    ingesting = [*COMMAND, "ingest", str(long_film)]
    with (
        sign_up(upright) as viewer,
        upright.operator as operator,
        subprocess.Popen(ingesting, env=upright.env, stderr=subprocess.DEVNULL) as ingest,
    ):
        session_id = viewer.start(short_film)["session_id"]
        sequence = 0

        def half_encoded() -> bool:
            nonlocal sequence
            sequence += 1
            assert viewer.beat(session_id, sequence, sequence % 700 / 100).status_code == 200
            job = newest_job(operator)
            return bool(0 < job["frames_done"] < job["frames_total"])

        eventually(half_encoded, timeout_s=180)
        mine = everything(upright)
        for process in mine:
            if process.alive:
                os.kill(process.pid, signal.SIGKILL)
        upright.up()
        assert [process for process in mine if process.alive] == []
        place = viewer.ask("GET", f"/api/v1/playback/positions/{short_film}").json()
        assert place["position_s"] == pytest.approx(sequence % 700 / 100)
        # It goes on by itself, or was too long without an answer: then the same command goes on.
        if ingest.wait(240) != 0:
            ingested(upright, long_film)
    with upright.operator as operator:
        newest = newest_job(operator)
        jobs = [job for job in operator.get("/api/v1/studio/jobs")["items"] if job["playable_id"] == newest["playable_id"]]
    assert newest["state"] == "ready"
    assert len(jobs) == 1


def newest_job(operator: OperatorClient) -> dict[str, Any]:
    jobs = operator.get("/api/v1/studio/jobs")["items"]
    return dict(jobs[0]) if jobs else {"frames_done": 0, "frames_total": 0, "state": ""}


def test_when_ray_dies_everything_is_cleaned_up(upright: Platform) -> None:
    mine = everything(upright)
    raylet_of(upright).kill()
    require_nothing_left(upright, mine)
    assert "Ray died" in upright.state.failed
    said = upright.command("status")
    assert (said.returncode, "Ray died" in said.stdout) == (1, True)


def interrupt(_: Platform, up: subprocess.Popen[str]) -> None:
    up.send_signal(signal.SIGINT)


def kill_ray(instance: Platform, _: subprocess.Popen[str]) -> None:
    raylet_of(instance).kill()


@pytest.mark.parametrize(("end", "code"), [(interrupt, 0), (kill_ray, 1)])
def test_in_the_foreground_ctrl_c_ends_all_and_succeeds_and_a_dead_ray_ends_all_and_fails(
    expendable: Platform, end: Callable[[Platform, subprocess.Popen[str]], None], code: int
) -> None:
    if expendable.is_up:
        expendable.down()  # else it comes up after whatever ended it
    up = subprocess.Popen([*COMMAND, "up"], env=expendable.env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    eventually(lambda: expendable.is_up or up.poll() is not None, timeout_s=200)
    assert up.poll() is None, up.communicate()[0]
    mine = everything(expendable)
    end(expendable, up)
    said, _ = up.communicate(timeout=60)
    assert up.returncode == code, said
    assert expendable.site_url in said
    assert ("Ray died" in said) == bool(code)
    assert "Traceback" not in said
    require_nothing_left(expendable, mine)
