from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from cluster.errors import AlreadyRunning, Misconfigured, StoreUnavailable
from cluster.launch import instance
from cluster.launch.instance import SOCKET_BELOW_BYTES, SOCKET_PATH_BYTES, ApplicationState, Instance, Process, State


def state_of(claimed: Instance, **changes: object) -> State:
    known = State(
        run_id=claimed.run_id,
        supervisor=Process.of(os.getpid()),
        run_dir=str(claimed.run_dir),
        site_url="http://127.0.0.1:8000",
        api_url="http://127.0.0.1:8000",
    )
    return msgspec.structs.replace(known, **changes)


def test_a_second_claim_says_that_it_runs_already_and_where(tmp_path: Path) -> None:
    first = Instance.claim(tmp_path / "data")
    try:
        first.publish(state_of(first))
        with pytest.raises(AlreadyRunning, match=r"http://127\.0\.0\.1:8000 \(process \d+\)"):
            Instance.claim(tmp_path / "data")
    finally:
        first.release()


def test_a_released_claim_can_be_taken_again_and_leaves_nothing(tmp_path: Path) -> None:
    first = Instance.claim(tmp_path / "data")
    first.publish(state_of(first))
    first.record([Process.of(os.getpid())])
    first.release()
    assert not first.run_dir.exists()
    second = Instance.claim(tmp_path / "data")
    assert second.stale is None
    assert second.recorded() == []
    second.release()


def test_the_claim_of_a_killed_process_is_free_and_its_state_is_stale(tmp_path: Path) -> None:
    script = (
        "import os, signal, sys\n"
        "from pathlib import Path\n"
        "from tests.cluster.launch.test_instance import state_of\n"
        "from cluster.launch.instance import Instance\n"
        "claimed = Instance.claim(Path(sys.argv[1]))\n"
        "claimed.publish(state_of(claimed))\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    subprocess.run([sys.executable, "-c", script, str(tmp_path / "data")], check=False, cwd=Path(__file__).parents[3])
    claimed = Instance.claim(tmp_path / "data")
    assert claimed.stale is not None
    assert not claimed.stale.supervisor.alive
    claimed.release()


def test_two_data_directories_have_two_private_directories(tmp_path: Path) -> None:
    one, other = Instance.claim(tmp_path / "one"), Instance.claim(tmp_path / "other")
    assert one.run_dir != other.run_dir
    one.release()
    other.release()


def test_the_private_directory_is_short_and_closed_to_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / ("long" * 30)))
    path = instance.private_directory(tmp_path)
    try:
        assert len(os.fsencode(path)) + SOCKET_BELOW_BYTES <= SOCKET_PATH_BYTES
        assert path.stat().st_mode & 0o777 == 0o700
        assert instance.private_directory(tmp_path) == path
    finally:
        path.rmdir()


def test_a_private_directory_that_others_can_open_is_refused(tmp_path: Path) -> None:
    path = instance.private_directory(tmp_path)
    try:
        path.chmod(0o755)
        with pytest.raises(Misconfigured, match="is not a directory that only you can open"):
            instance.private_directory(tmp_path)
    finally:
        path.rmdir()


def test_what_was_published_is_read_back(tmp_path: Path) -> None:
    claimed = Instance.claim(tmp_path / "data")
    told = state_of(claimed, ready=True, applications=(ApplicationState("web", "/", "healthy", 1, 1),))
    claimed.publish(told)
    assert instance.read(tmp_path / "data") == told
    claimed.release()


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"run_id": 1}', b"\xff\xfe"])
def test_a_damaged_state_file_is_as_good_as_none(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run/instance.json").write_bytes(content)
    (tmp_path / "run/descendants.json").write_bytes(content)
    assert instance.read(tmp_path) is None
    claimed = Instance.claim(tmp_path)
    assert claimed.stale is None
    assert claimed.recorded() == []
    claimed.release()


def test_a_file_in_the_place_of_the_directory_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("in the way")
    with pytest.raises(StoreUnavailable, match="cannot be written: "):
        Instance.claim(tmp_path / "data")


def test_what_is_made_for_the_data_is_closed_to_others(tmp_path: Path) -> None:
    claimed = Instance.claim(tmp_path / "data")
    assert (tmp_path / "data").stat().st_mode & 0o077 == 0
    claimed.release()


def test_a_pid_that_came_back_is_another_process() -> None:
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    process = Process.of(child.pid)
    assert process.alive
    assert not Process(child.pid, "another boot/1").alive
    child.communicate(b"\n")
    assert not process.alive
