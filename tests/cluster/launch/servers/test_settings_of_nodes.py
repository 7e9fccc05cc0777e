"""What the nodes are told, without starting any."""

import json
import struct
from pathlib import Path

import pytest

from cluster.errors import Misconfigured
from cluster.launch.servers.cassandra import CASSANDRA, yaml
from cluster.launch.servers.kafka import KAFKA, parse_nodes, properties
from cluster.launch.servers.plan import PORTS, Plan, load, make, save

ONE = Plan(1, 9042, 7000, "abcdefghijklmnopqrstuv")
THREE = Plan(3, 9042, 7000, "abcdefghijklmnopqrstuv")


def read_properties(text: str) -> dict[str, str]:
    return dict(line.split("=", 1) for line in text.splitlines())


def read_yaml(text: str) -> dict[str, object]:
    return {name: json.loads(value) for name, value in (line.split(": ", 1) for line in text.splitlines())}


def test_one_kafka_copies_to_itself_alone() -> None:
    told = read_properties(properties(ONE, 1))
    assert told["controller.quorum.voters"] == "1@127.0.0.1:7000"
    assert {told[name] for name in told if name.endswith("replication.factor")} == {"1"}
    assert {told[name] for name in told if name.endswith(("min.isr", "min.insync.replicas"))} == {"1"}


def test_three_kafkas_each_hold_everything_and_two_are_enough() -> None:
    told = [read_properties(properties(THREE, number)) for number in (1, 2, 3)]
    assert [node["node.id"] for node in told] == ["1", "2", "3"]
    assert told[2]["listeners"] == "PLAINTEXT://127.0.0.3:9042,CONTROLLER://127.0.0.3:7000"
    assert {node["controller.quorum.voters"] for node in told} == {"1@127.0.0.1:7000,2@127.0.0.2:7000,3@127.0.0.3:7000"}
    assert {node["default.replication.factor"] for node in told} == {"3"}
    assert {node["min.insync.replicas"] for node in told} == {"2"}


def test_cassandras_share_the_ring_evenly() -> None:
    tokens = [read_yaml(yaml(Path("/data"), THREE, number))["initial_token"] for number in (1, 2, 3)]
    assert tokens[0] == -(2**63)
    assert tokens[1] - tokens[0] == tokens[2] - tokens[1] == 2**64 // 3  # type: ignore[operator]


def test_a_folder_may_be_called_anything(tmp_path: Path) -> None:
    folder = tmp_path / 'it\'s: a #folder, \\really "so"'
    told = read_yaml(yaml(folder, ONE, 1))
    assert told["data_file_directories"] == [str(folder / "data")]
    assert told["hints_directory"] == str(folder / "hints")
    assert "folder" not in properties(ONE, 1)


def test_only_what_is_thrown_away_keeps_no_snapshots() -> None:
    assert read_yaml(yaml(Path("/data"), ONE, 1))["auto_snapshot"] is True
    assert read_yaml(yaml(Path("/data"), Plan(1, 1, 2, "id", throwaway=True), 1))["auto_snapshot"] is False


def test_urls_are_what_the_settings_take() -> None:
    assert CASSANDRA.url(ONE) == "cassandra://127.0.0.1:9042/matinee"
    assert CASSANDRA.url(THREE) == "cassandra://127.0.0.1,127.0.0.2,127.0.0.3:9042/matinee"
    assert KAFKA.url(ONE) == "kafka://127.0.0.1:9042"
    assert KAFKA.url(THREE) == "kafka://127.0.0.1:9042,127.0.0.2:9042,127.0.0.3:9042"


def test_a_metadata_answer_lists_its_nodes() -> None:
    body = (
        struct.pack(">ii", 1, 2)
        + struct.pack(">ih9sih", 1, 9, b"127.0.0.1", 9092, -1)
        + struct.pack(">ih9sih2s", 2, 9, b"127.0.0.2", 9092, 2, b"r1")
    )
    assert parse_nodes(body) == {1, 2}


@pytest.mark.parametrize("body", [b"", b"\0" * 6, struct.pack(">iii", 1, 3, 1)])
def test_an_answer_that_is_cut_off_is_none(body: bytes) -> None:
    with pytest.raises(struct.error):
        parse_nodes(body)


def test_free_ports_are_free_on_every_host() -> None:
    asked: list[tuple[str, int]] = []

    def is_free(host: str, port: int) -> bool:
        asked.append((host, port))
        return port % 2 == 0

    plan = make(3, 0, is_free=is_free)
    assert plan.port != plan.inner_port
    for port in (plan.port, plan.inner_port):
        assert port in PORTS
        assert port % 2 == 0
        assert {host for host, tried in asked if tried == port} == {"127.0.0.1", "127.0.0.2", "127.0.0.3"}
    with pytest.raises(Misconfigured, match="No port between"):
        make(1, 0, is_free=lambda *_: False)


def test_a_plan_is_kept_and_a_damaged_one_is_told(tmp_path: Path) -> None:
    assert load(tmp_path) is None
    save(tmp_path, THREE)
    assert load(tmp_path) == THREE
    (tmp_path / "plan.json").write_text("{")
    with pytest.raises(Misconfigured, match=r"plan\.json cannot be read"):
        load(tmp_path)
