"""The command as a person types it; nothing here starts Ray."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import socket
import sqlite3
import subprocess
from pathlib import Path

import msgspec
import pytest

from cluster.durable import open_log
from cluster.events import PLAYBACK, Event
from cluster.launch.instance import Process, State, private_directory
from tests.running import COMMAND, instance_environment

COMMANDS = (
    "up",
    "down",
    "status",
    "ingest",
    "scale",
    "edge",
    "servers",
    "migrate",
    "copy",
    "backup",
    "restore",
    "replay",
    "models",
    "train",
    "evaluate",
)


def matinee(data: Path, *arguments: str, **settings: object) -> subprocess.CompletedProcess[str]:
    environ = instance_environment(data, **settings)
    return subprocess.run([*COMMAND, *arguments], env=environ, capture_output=True, text=True, timeout=60, check=False)


def one_line(done: subprocess.CompletedProcess[str]) -> str:
    assert "Traceback" not in done.stderr
    lines = done.stderr.strip().splitlines()
    assert len(lines) == 1, done.stderr
    return lines[0]


def test_the_command_names_all_of_them(tmp_path: Path) -> None:
    done = matinee(tmp_path / "data", "--help")
    assert done.returncode == 0
    assert all(f" {command} " in done.stdout for command in COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(tmp_path: Path, command: str) -> None:
    done = matinee(tmp_path / "data", command, "--help")
    assert done.returncode == 0
    assert f"Usage: matinee {command}" in done.stdout.replace("python -m cluster.launch.cli", "matinee")


def test_an_unknown_command_is_refused(tmp_path: Path) -> None:
    assert matinee(tmp_path / "data", "launch").returncode == 2


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("--store", "cassandra://127.0.0.1:9/films"), 1, "Cassandra at 127.0.0.1:9 does not answer: Connection refused"),
        (("--store", "cassandra://no-such-host.invalid/films"), 2, "no such host"),
        (("--log", "kafka://127.0.0.1:9"), 2, "no Kafka answers at 127.0.0.1:9"),
    ],
)
def test_a_store_or_a_log_that_does_not_answer_is_one_line_before_ray_starts(
    tmp_path: Path, arguments: tuple[str, ...], code: int, said: str
) -> None:
    done = matinee(tmp_path / "data", "up", "--detach", *arguments)
    assert done.returncode == code
    assert said in one_line(done)
    assert "starting Ray" not in done.stdout


def test_migrate_makes_what_is_missing_once_and_tells_what_it_made(tmp_path: Path) -> None:
    data = tmp_path / "data"
    before = matinee(data, "migrate", "--check", "--json")
    assert (before.returncode, [each["number"] for each in json.loads(before.stdout)["pending"]]) == (1, [1])
    for applied in ([1], []):
        made = json.loads(matinee(data, "migrate", "--json").stdout)
        assert (made["version"], [each["number"] for each in made["applied"]]) == (1, applied)
    after = matinee(data, "migrate", "--check")
    assert (after.returncode, after.stdout) == (0, "Nothing to do\n")


def test_a_replay_is_refused_in_one_line_or_tells_what_is_processed_once_more(tmp_path: Path) -> None:
    data = tmp_path / "data"

    async def play() -> None:
        log = await open_log(f"sqlite:{data / 'log'}")
        film = {"kind": "film", "title_id": "t"}
        await log.append(PLAYBACK, [Event(PLAYBACK.name, "session.started", f"a{n}", 1, 1.0, film) for n in range(40)])
        await log.close()

    asyncio.run(play())
    for arguments, said in (
        (("stops",), "There is no log processor 'stops'; there are: plays"),
        (("plays", "--partition", "16"), "0 to 15, not 16"),
    ):
        done = matinee(data, "replay", *arguments)
        assert done.returncode == 2
        assert said in one_line(done)
    assert matinee(data, "replay", "plays").stdout == "plays: 40 entries in 16 partitions are processed once more\n"
    told = json.loads(matinee(data, "replay", "plays", "--partition", "3", "--offset", "2", "--json").stdout)
    assert [(each["partition"], each["offset"]) for each in told["partitions"]] == [(3, 2)]


def test_data_that_a_newer_matinee_changed_is_refused_in_one_line(tmp_path: Path) -> None:
    data = tmp_path / "data"
    assert matinee(data, "migrate").returncode == 0
    with contextlib.closing(sqlite3.connect(data / "store" / "schema.sqlite3")) as database:
        database.execute("UPDATE rows_migrations SET value = '{\"number\": 7}' WHERE sort = 'version'")
        database.commit()
    for command in (("migrate",), ("up", "--detach")):
        done = matinee(data, *command)
        assert done.returncode == 2
        assert "A newer Matinee has changed what is stored (version 7; this one knows 1)" in one_line(done)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"port": "eighty"}, "MATINEE_PORT='eighty'"),
        ({"port": 70000}, "MATINEE_PORT='70000'"),
        ({"store": "postgres:x"}, "must be sqlite:DIR"),
        ({"host": "example.org"}, "MATINEE_HOST"),
        ({"secret": "short"}, "MATINEE_SECRET is too short"),
        ({"lease_s": 5}, "MATINEE_LEASE_S=5: must be longer"),
    ],
)
def test_a_wrong_setting_is_one_line_and_exit_code_2(tmp_path: Path, settings: dict[str, object], said: str) -> None:
    done = matinee(tmp_path / "data", "up", "--detach", **settings)
    assert done.returncode == 2
    assert said in one_line(done)


def test_a_port_in_use_is_one_line_and_exit_code_1(tmp_path: Path) -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        done = matinee(tmp_path / "data", "up", "--detach", port=listener.getsockname()[1])
    assert done.returncode == 1
    assert "cannot be listened on: Address already in use" in one_line(done)


def test_a_data_directory_that_cannot_be_written_is_one_line_and_exit_code_1(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    done = matinee(tmp_path / "file/data", "up", "--detach")
    assert done.returncode == 1
    assert "cannot be written: File exists" in one_line(done)


@pytest.mark.parametrize(("log", "options"), [("up", ["--detach"]), ("head", ["--detach"]), ("head", [])])
def test_a_log_that_cannot_be_written_is_one_line_and_leaves_nothing(tmp_path: Path, log: str, options: list[str]) -> None:
    path = tmp_path / f"data/logs/{log}.log"
    path.mkdir(parents=True)  # a folder in its place: not even root writes there
    private = private_directory(tmp_path / "data")
    private.rmdir()
    done = matinee(tmp_path / "data", "up", *options)
    assert done.returncode == 1
    assert one_line(done) == f"matinee: {path} cannot be written: Is a directory"
    assert not private.exists()
    assert matinee(tmp_path / "data", "down").returncode == 0


def test_a_damaged_database_is_named_and_nothing_is_started(tmp_path: Path) -> None:
    store = tmp_path / "data/store"
    store.mkdir(parents=True)
    sqlite3.connect(store / "auth.sqlite3").close()
    (store / "profiles.sqlite3").write_bytes(b"this is no database at all, but long enough to look" * 100)
    done = matinee(tmp_path / "data", "up", "--detach")
    assert done.returncode == 1
    assert f"{store / 'profiles.sqlite3'} is damaged (file is not a database)" in one_line(done)
    assert not (tmp_path / "data/run/instance.json").exists()


def test_down_without_an_instance_changes_nothing_and_succeeds(tmp_path: Path) -> None:
    done = matinee(tmp_path / "data", "down")
    assert (done.returncode, done.stdout.strip()) == (0, "Matinee is not running")
    assert not (tmp_path / "data").exists()


def test_status_without_an_instance_says_so_and_fails(tmp_path: Path) -> None:
    done = matinee(tmp_path / "data", "status")
    assert (done.returncode, done.stdout.strip()) == (1, "Matinee is not running")


def test_status_says_why_an_instance_ended(tmp_path: Path) -> None:
    run = tmp_path / "data/run"
    run.mkdir(parents=True)
    ended = State("run", Process(1, "another boot/1"), "/nowhere", "http://x", "http://x", failed="Ray died (raylet)")
    (run / "instance.json").write_bytes(msgspec.json.encode(ended))
    done = matinee(tmp_path / "data", "status")
    assert (done.returncode, done.stdout.strip()) == (1, "Matinee is not running: Ray died (raylet)")
    told = json.loads(matinee(tmp_path / "data", "status", "--json").stdout)
    assert (told["ready"], told["detail"]) == (False, "Ray died (raylet)")


def test_status_as_json_has_its_shape_even_without_an_instance(tmp_path: Path) -> None:
    done = matinee(tmp_path / "data", "status", "--json")
    assert done.returncode == 1
    told = json.loads(done.stdout)
    assert told.keys() >= {"site_url", "dashboard_url", "ready", "applications", "edges", "jobs", "collectable_bytes"}
    assert told["ready"] is False


def test_waiting_for_what_never_comes_ends_in_time(tmp_path: Path) -> None:
    assert matinee(tmp_path / "data", "status", "--wait", "--timeout", "0.2").returncode == 1


@pytest.mark.parametrize("replicas", ["0", "4..1", "many", "1..", "-1", "65"])
def test_a_wrong_scale_is_refused_before_anybody_is_asked(tmp_path: Path, replicas: str) -> None:
    done = matinee(tmp_path / "data", "scale", "playback", "--", replicas)
    assert done.returncode == 1
    assert "eplicas" in one_line(done)


def test_scale_without_an_instance_says_so(tmp_path: Path) -> None:
    done = matinee(tmp_path / "data", "scale", "playback", "3")
    assert done.returncode == 1
    assert "Matinee is not running" in one_line(done)


def test_no_write_permission_is_one_line_and_exit_code_1(tmp_path: Path) -> None:
    closed = Path("/sys/kernel") if os.getuid() == 0 else tmp_path / "closed"  # modes don't hold root off, this file system does
    closed.mkdir(mode=0o500, exist_ok=True)
    done = matinee(closed / "data", "up", "--detach")
    assert done.returncode == 1
    assert "cannot be written: " in one_line(done)
