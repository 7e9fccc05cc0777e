from __future__ import annotations

import socket
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cluster.errors import Misconfigured, PortUnavailable
from cluster.launch import environment
from cluster.launch.environment import BLOCK, EVERYWHERE, PORTS_FROM, PORTS_TO
from cluster.settings import Settings
from tests.running import free_ports


def settings_in(folder: Path, **given: object) -> Settings:
    return Settings(data=folder, **given)  # type: ignore[arg-type]


def test_two_instances_share_no_path_and_no_port(tmp_path: Path) -> None:
    ports = free_ports(4)
    one = environment.local_environment(settings_in(tmp_path / "a"), tmp_path / "run-a", "run-a", 20000)
    other_settings = settings_in(tmp_path / "b", metrics_port=ports[0], stats_port=ports[1])
    other = environment.local_environment(other_settings, tmp_path / "run-b", "run-b", 20400)
    own = [name for name in one if "PORT" in name or "_LOC" in name or "PATH" in name or "STATE" in name or "TOKEN" in name]
    assert len(own) >= 14
    assert [name for name in own if one[name] == other[name]] == []


def test_the_token_is_asked_for_always_and_only_its_owner_reads_it(tmp_path: Path) -> None:
    environ = environment.local_environment(settings_in(tmp_path), tmp_path / "run", "run", 20000)
    token = Path(environ["RAY_AUTH_TOKEN_PATH"])
    assert environ["RAY_AUTH_MODE"] == "token"
    assert len(token.read_text()) >= 32
    assert token.stat().st_mode & 0o077 == 0


def test_the_ray_token_stays_over_restarts(tmp_path: Path) -> None:
    settings = settings_in(tmp_path)
    assert environment.ray_token(settings).read_text() == environment.ray_token(settings).read_text()


@given(st.text(max_size=20), st.sets(st.integers(PORTS_FROM, PORTS_TO - 1), max_size=12))
def test_a_block_of_ports_is_free_and_inside_the_range(start: str, taken: set[int]) -> None:
    base = environment.free_block(start, lambda port: port not in taken)
    assert PORTS_FROM <= base <= PORTS_TO - BLOCK
    assert not taken & set(range(base, base + BLOCK))


def test_no_block_free_says_so() -> None:
    with pytest.raises(Misconfigured, match="ports in a row"):
        environment.free_block("any", lambda _: False)


def test_a_port_in_use_is_named_with_its_setting(tmp_path: Path) -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        port = listener.getsockname()[1]
        ports = free_ports(4)
        settings = settings_in(tmp_path, port=port, edge_port=ports[0], dashboard_port=ports[1], metrics_port=ports[2], stats_port=ports[3])
        with pytest.raises(PortUnavailable, match=f"MATINEE_PORT={port}: 127.0.0.1:{port} cannot be listened on: Address already in use"):
            environment.require_ports(settings, edge=True)


def test_an_address_that_the_proxy_cannot_serve_is_a_wrong_setting(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match=r"MATINEE_HOST=192\.0\.2\.77: must be 127\.0\.0\.1 .* or 0\.0\.0\.0"):
        environment.require_ports(settings_in(tmp_path, host="192.0.2.77", port=free_ports(1)[0]), edge=False)


def test_the_edges_port_matters_only_with_an_edge(tmp_path: Path) -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        ports = free_ports(4)
        settings = settings_in(
            tmp_path,
            edge_port=listener.getsockname()[1],
            port=ports[0],
            dashboard_port=ports[1],
            metrics_port=ports[2],
            stats_port=ports[3],
        )
        environment.require_ports(settings, edge=False)
        with pytest.raises(PortUnavailable, match="MATINEE_EDGE_PORT"):
            environment.require_ports(settings, edge=True)


def test_on_a_cluster_of_others_only_the_edges_port_is_ours(tmp_path: Path) -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        taken, edge_port = listener.getsockname()[1], free_ports(1)[0]
        environment.require_ports(settings_in(tmp_path, dashboard_port=taken, edge_port=edge_port), edge=True, joined=True)
        with pytest.raises(PortUnavailable, match="MATINEE_EDGE_PORT"):
            environment.require_ports(settings_in(tmp_path, edge_port=taken), edge=True, joined=True)


def test_a_cluster_with_everything_misses_nothing(tmp_path: Path) -> None:
    assert environment.missing_on({"10.0.0.1": EVERYWHERE}, settings_in(tmp_path), encoders=2.0) == []


@given(st.sets(st.sampled_from(sorted(EVERYWHERE)), min_size=1))
def test_every_missing_variable_is_named_with_its_node_and_value(absent: set[str]) -> None:
    given = {name: value for name, value in EVERYWHERE.items() if name not in absent}
    lines = environment.missing_on({"10.0.0.7": given}, Settings(data=Path("/x")), encoders=1.0)
    assert len(lines) == len(absent)
    for name in absent:
        assert any(f"node 10.0.0.7: start Ray with {name}={EVERYWHERE[name]}" in line for line in lines)


def test_a_cluster_without_encoders_is_told_how_to_get_them(tmp_path: Path) -> None:
    [line] = environment.missing_on({"a": EVERYWHERE}, settings_in(tmp_path), encoders=0.0)
    assert """--resources '{"encode": N}'""" in line


def test_serve_that_listens_elsewhere_is_named_with_the_settings_for_it(tmp_path: Path) -> None:
    settings = settings_in(tmp_path, port=8010)
    [line] = environment.missing_on({"a": EVERYWHERE}, settings, encoders=2.0, serve_at=("0.0.0.0", 8000))
    assert "set MATINEE_HOST=0.0.0.0 and MATINEE_PORT=8000" in line
    assert environment.missing_on({"a": EVERYWHERE}, settings, encoders=2.0, serve_at=("127.0.0.1", 8010)) == []


def test_several_nodes_need_a_common_secret_and_no_embedded_store(tmp_path: Path) -> None:
    lines = "\n".join(environment.missing_on({"a": EVERYWHERE, "b": EVERYWHERE}, settings_in(tmp_path), encoders=2.0))
    for name in ("MATINEE_STORE", "MATINEE_LOG", "MATINEE_OBJECTS", "MATINEE_SECRET"):
        assert name in lines


def test_several_nodes_with_shared_objects_are_not_blamed_for_them(tmp_path: Path) -> None:
    settings = settings_in(tmp_path, objects="s3://bucket/media", secret="0123456789abcdef")
    lines = "\n".join(environment.missing_on({"a": EVERYWHERE, "b": EVERYWHERE}, settings, encoders=2.0))
    assert "MATINEE_OBJECTS" not in lines
    assert "MATINEE_SECRET" not in lines


@pytest.mark.parametrize(("host", "reached"), [("0.0.0.0", "127.0.0.1"), ("127.0.0.1", "127.0.0.1"), ("192.168.1.5", "192.168.1.5")])
def test_this_machine_reaches_its_own_listener(host: str, reached: str) -> None:
    assert environment.loopback(host) == reached
