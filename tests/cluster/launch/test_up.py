from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from cluster.errors import CorruptData, Misconfigured
from cluster.launch.children import last_line
from cluster.launch.supervisor import keep_logs
from cluster.launch.up import addresses, noted, notes, require_sound
from cluster.settings import Settings


def addresses_of(tmp_path: Path, *, edge: bool = True, lan: str = "192.168.1.5", **given: object) -> dict[str, str]:
    return addresses(Settings(data=tmp_path, **given), edge=edge, lan_address=lambda: lan)  # type: ignore[arg-type]


def test_on_loopback_everything_stays_on_this_machine(tmp_path: Path) -> None:
    assert addresses_of(tmp_path) == {"public_url": "", "edge_url": ""}


def test_on_all_addresses_a_phone_finds_site_and_edge(tmp_path: Path) -> None:
    assert addresses_of(tmp_path, host="0.0.0.0", port=8010) == {
        "public_url": "http://192.168.1.5:8010",
        "edge_url": "http://192.168.1.5:8090",
    }


def test_on_all_addresses_without_a_network_this_machine_still_works(tmp_path: Path) -> None:
    assert addresses_of(tmp_path, host="0.0.0.0", lan="") == {"public_url": "", "edge_url": ""}


def test_the_edge_is_on_the_host_of_the_public_address(tmp_path: Path) -> None:
    assert addresses_of(tmp_path, host="0.0.0.0", public_url="http://tv.example:80")["edge_url"] == "http://tv.example:8090"
    assert addresses_of(tmp_path, host="0.0.0.0", public_url="http://[fd00::5]")["edge_url"] == "http://[fd00::5]:8090"


def test_a_site_on_https_needs_to_be_told_its_edge(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match="MATINEE_EDGE_URL must be set too"):
        addresses_of(tmp_path, public_url="https://tv.example")
    assert addresses_of(tmp_path, public_url="https://tv.example", edge=False)["edge_url"] == ""
    given = addresses_of(tmp_path, public_url="https://tv.example", edge_url="https://edge.example")
    assert given["edge_url"] == "https://edge.example"


def test_the_operators_sign_in_is_told_until_it_was_shown(tmp_path: Path) -> None:
    (tmp_path / "operator-password").write_text("abcde-fghij\n")
    settings = Settings(data=tmp_path)
    for _ in range(2):  # a first start that was broken off told nothing
        assert notes(settings) == ("Operator: operator@matinee.local, abcde-fghij",)
    noted(settings)
    assert notes(settings) == ()


def test_a_password_that_was_set_is_named_once_and_not_printed(tmp_path: Path) -> None:
    settings = Settings(data=tmp_path, operator_password="correct horse")
    assert notes(settings) == ("Operator: operator@matinee.local, MATINEE_OPERATOR_PASSWORD",)
    noted(settings)
    assert notes(settings) == ()


def test_the_demos_sign_ins_are_told(tmp_path: Path) -> None:
    noted(Settings(data=tmp_path))
    told = notes(Settings(data=tmp_path), demo=True)
    assert len(told) == 2
    assert all("@" in line for line in told)


def test_sound_and_absent_databases_are_fine(tmp_path: Path) -> None:
    settings = Settings(data=tmp_path)
    require_sound(settings)
    (tmp_path / "store").mkdir()
    with sqlite3.connect(tmp_path / "store/auth.sqlite3") as database:
        database.execute("CREATE TABLE t (x)")
    require_sound(settings)


def test_a_damaged_log_is_named(tmp_path: Path) -> None:
    (tmp_path / "log").mkdir()
    (tmp_path / "log/catalog.sqlite3").write_bytes(b"no database" * 100)
    with pytest.raises(CorruptData, match=r"catalog\.sqlite3 is damaged"):
        require_sound(Settings(data=tmp_path))


def test_rays_logs_are_kept_and_the_oldest_runs_go(tmp_path: Path) -> None:
    logs = tmp_path / "logs"
    logs.mkdir()
    for day in range(1, 9):
        (tmp_path / f"run/r/session_2026-01-0{day}/logs").mkdir(parents=True)
        (tmp_path / f"run/r/session_2026-01-0{day}/logs/raylet.out").write_text("said")
    keep_logs(tmp_path / "run", logs)
    assert [path.name for path in sorted(logs.iterdir())] == [f"ray-2026-01-0{day}" for day in range(4, 9)]
    assert (logs / "ray-2026-01-08/raylet.out").read_text() == "said"


@pytest.mark.parametrize(("content", "line"), [("", ""), ("one\ntwo\n\n", "two"), ("x" * 9000 + "\nlast", "last")])
def test_the_last_line_of_a_log_is_found(tmp_path: Path, content: str, line: str) -> None:
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs/edge.log").write_text(content)
    assert last_line(tmp_path, "edge") == line


def test_a_log_that_is_not_there_says_nothing(tmp_path: Path) -> None:
    assert last_line(tmp_path, "edge") == ""
