from __future__ import annotations

from pathlib import Path

import pytest

from cluster.errors import Misconfigured
from cluster.launch.kept_in import KeptIn, moved, note, noted, require_named
from cluster.settings import load
from tests.cluster.launch.test_cli import matinee, one_line

STORE = "cassandra://matinee:pass%2Fword@db1,db2:9042/films?dc=dc1&tls=true"
LOG = "kafka://k1:9092/films"
SHOWN = "cassandra://…@db1,db2:9042/films?dc=dc1&tls=true"


def test_what_was_never_started_may_start_anywhere(tmp_path: Path) -> None:
    assert noted(tmp_path) is None
    for settings in (load(data=tmp_path), load(data=tmp_path, store=STORE, log=LOG)):
        require_named(settings)
        assert moved(settings) == ""


def test_an_installation_on_servers_is_not_begun_anew_by_leaving_them_out(tmp_path: Path) -> None:
    note(tmp_path, STORE, LOG)
    with pytest.raises(Misconfigured) as refused:
        require_named(load(data=tmp_path))
    assert refused.value.detail == (
        f"This installation is kept in {SHOWN} and {LOG}: go on with MATINEE_STORE='{SHOWN}' MATINEE_LOG={LOG} (`up` also takes --store"
        f" and --log); what is under {tmp_path} is used if it is named:"
        f" MATINEE_STORE=sqlite:{tmp_path}/store MATINEE_LOG=sqlite:{tmp_path}/log"
    )


@pytest.mark.parametrize(("given", "left_out"), [({"store": STORE}, "MATINEE_LOG"), ({"log": LOG}, "MATINEE_STORE")])
def test_of_store_and_log_the_one_left_out_is_named(tmp_path: Path, given: dict[str, str], left_out: str) -> None:
    note(tmp_path, STORE, LOG)
    with pytest.raises(Misconfigured) as refused:
        require_named(load(data=tmp_path, **given))
    assert f"go on with {left_out}=" in refused.value.detail
    assert refused.value.detail.count("MATINEE_") == 2


def test_what_is_named_is_meant_and_what_stays_behind_is_told(tmp_path: Path) -> None:
    note(tmp_path, STORE, LOG)
    named = load(data=tmp_path, store=f"sqlite:{tmp_path}/store", log=LOG)
    require_named(named)
    assert f"was kept in {SHOWN}, and is in {tmp_path}/store from here on" in moved(named)
    assert moved(load(data=tmp_path, store=STORE.replace("pass%2Fword", "another"), log=LOG)) == ""


def test_embedded_data_that_stay_behind_are_told_also_without_a_note(tmp_path: Path) -> None:
    (tmp_path / "store").mkdir()
    (tmp_path / "store/auth.sqlite3").touch()
    on_servers = load(data=tmp_path, store=STORE, log=LOG)
    require_named(on_servers)
    assert moved(on_servers).startswith(f"Until now this installation was kept in {tmp_path}/store and {tmp_path}/log, and is in {SHOWN}")
    assert moved(load(data=tmp_path)) == ""


def test_a_folder_of_data_may_be_moved_with_what_is_in_it(tmp_path: Path) -> None:
    before, after = tmp_path / "before", tmp_path / "after"
    before.mkdir()
    note(before, f"sqlite:{before}/store", f"sqlite:{before}/log")
    before.rename(after)
    require_named(load(data=after))
    assert moved(load(data=after)) == ""


def test_no_password_is_noted(tmp_path: Path) -> None:
    note(tmp_path, STORE, LOG.replace("k1", "matinee:secret@k1"))
    (file,) = tmp_path.iterdir()
    assert "word" not in file.read_text()
    assert "secret" not in file.read_text()


@pytest.mark.parametrize("command", [("up", "--detach"), ("backup", "there"), ("migrate",), ("replay", "plays"), ("edge",)])
def test_commands_refuse_in_one_line_what_is_kept_elsewhere(tmp_path: Path, command: tuple[str, ...]) -> None:
    data = tmp_path / "data"
    data.mkdir()
    note(data, STORE, LOG)
    done = matinee(data, *command)
    assert done.returncode == 2
    assert one_line(done).startswith(f"matinee: This installation is kept in {SHOWN} and {LOG}: go on with")
    assert not (data / "store").exists()


def test_up_tells_what_stays_behind_and_tries_what_was_named(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    note(data, f"sqlite:{data}/store", f"sqlite:{data}/log")
    done = matinee(data, "up", "--detach", "--store", "cassandra://127.0.0.1:9/films")
    first, *_, last = done.stderr.splitlines()
    assert first.startswith(f"matinee: Until now this installation was kept in {data}/store, and is in cassandra://127.0.0.1:9/films")
    assert "Cassandra at 127.0.0.1:9 does not answer" in last
    assert noted(data) == KeptIn("", "")  # it never was there
