from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cluster.errors import Misconfigured
from cluster.settings import Settings, load


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in os.environ:
        if name.startswith("MATINEE_"):
            monkeypatch.delenv(name)


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("PORT", "99999", "less than or equal to 65535"),
        ("PORT", "eight", "valid integer"),
        ("HOST", "nowhere", "does not appear to be an IPv4 or IPv6 address"),
        ("DATA", "~nobody-of-this-name/films", "path that leads somewhere"),
        ("EDGE_CACHE", "~nobody-of-this-name/cache", "path that leads somewhere"),
        ("STORE", "mysql:db", "must be sqlite:DIR"),
        ("STORE", "sqlite:", "must be sqlite:DIR"),
        ("LOG", "sqlite:~nobody-of-this-name/log", "path that leads somewhere"),
        ("STORE", "cassandra:db/films", "must be sqlite:DIR or cassandra://host,host:9042/keyspace"),
        ("STORE", "cassandra://db", "must be sqlite:DIR or cassandra://host,host:9042/keyspace"),
        ("LOG", "kafka:host", "must be sqlite:DIR or kafka://host:9092,host:9092"),
        ("LOG", "kafka://", "must be sqlite:DIR or kafka://host:9092,host:9092"),
        ("OBJECTS", "ftp://x", "must be file:DIR or s3://bucket/prefix"),
        ("OBJECTS", "s3:bucket", "must be file:DIR or s3://bucket/prefix"),
        ("OBJECTS", "s3://", "must be file:DIR or s3://bucket/prefix"),
        ("OBJECTS", "s3:///prefix", "must be file:DIR or s3://bucket/prefix"),
        ("PUBLIC_URL", "films.example.org", "http://host or https://host"),
        ("PUBLIC_URL", "http://films.example.org:99999", "65535"),
        ("PUBLIC_URL", "http://films.example.org:0", "65535"),
        ("PUBLIC_URL", "http://films.example.org/matinee", "nothing after it"),
        ("PUBLIC_URL", "http://films.example.org?site=1", "nothing after it"),
        ("PUBLIC_URL", "http://operator@films.example.org", "http://host or https://host"),
        ("EDGE_URL", "ftp://films.example.org", "http://host or https://host"),
        ("OPERATOR_EMAIL", "nobody", "e-mail address"),
        ("OPERATOR_EMAIL", "boss man@example.org", "e-mail address"),
        ("OPERATOR_EMAIL", "a" * 65 + "@example.org", "e-mail address"),
        ("PRESET", "lightspeed", "must be one of ultrafast"),
        ("LADDER", "360,721", "even heights from 90 to 2160"),
        ("LADDER", "720p", "even heights from 90 to 2160"),
        ("LEASE_S", "5", "longer than MATINEE_HEARTBEAT_INTERVAL_S"),
        ("EDGE_PORT", "8000", "MATINEE_PORT"),
        ("STATS_PORT", "9101", "MATINEE_METRICS_PORT"),
    ],
)
def test_a_wrong_value_says_which_why_and_what_is_allowed(monkeypatch: pytest.MonkeyPatch, name: str, value: str, says: str) -> None:
    monkeypatch.setenv(f"MATINEE_{name}", value)
    with pytest.raises(Misconfigured) as told:
        load()
    assert says in told.value.detail
    assert f"MATINEE_{name}=" in told.value.detail
    assert value in told.value.detail
    assert told.value.detail.count("MATINEE_") <= 2


def test_a_ladder_is_a_list_of_heights(monkeypatch: pytest.MonkeyPatch) -> None:
    assert load().ladder == ()
    monkeypatch.setenv("MATINEE_LADDER", "360, 720")
    assert load().ladder == (360, 720)


@pytest.mark.parametrize("password", ["x", "x" * 9, "x" * 129])
def test_a_password_that_could_not_sign_in_is_refused_and_not_repeated(monkeypatch: pytest.MonkeyPatch, password: str) -> None:
    monkeypatch.setenv("MATINEE_OPERATOR_PASSWORD", password)
    with pytest.raises(Misconfigured, match=r"^MATINEE_OPERATOR_PASSWORD: must have 10 to 128 characters$"):
        load()


def test_a_password_in_a_url_is_not_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MATINEE_LOG", "kafkas://films:secret/@host:9092")
    with pytest.raises(Misconfigured) as told:
        load()
    assert "secret" not in told.value.detail
    assert "host:9092" in told.value.detail


def test_brokers_are_taken_as_they_are_written(monkeypatch: pytest.MonkeyPatch) -> None:
    for url in ("kafka://host", "kafka://one:9092,[::1]:9093/films", "kafka://films:se%2Fcret@one:9092/films?tls=true&ca=/etc/ca.pem"):
        monkeypatch.setenv("MATINEE_LOG", url)
        assert load().log == url


def test_nodes_are_taken_as_they_are_written(monkeypatch: pytest.MonkeyPatch) -> None:
    for url in ("cassandra://db/films", "cassandra://films:secret@one,[::1]:9042/films?dc=east&rf=3&ca=/etc/ca.pem"):
        monkeypatch.setenv("MATINEE_STORE", url)
        assert load().store == url


def test_every_path_is_absolute(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MATINEE_DATA", "here")
    settings = load()
    assert (settings.data, settings.edge_cache) == (tmp_path / "here", tmp_path / "here/edge-cache")
    assert settings.store == f"sqlite:{tmp_path}/here/store"


def test_an_option_wins_over_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MATINEE_PORT", "8100")
    assert load(port=8200, host=None).port == 8200
    assert load(port=None).port == 8100


def test_an_empty_variable_counts_as_unset(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MATINEE_PUBLIC_URL", "")
    assert load().site_url == "http://127.0.0.1:8000"


def test_the_edge_is_where_the_public_address_is_unless_told() -> None:
    assert load(public_url="http://cinema.lan:8000/").own_edge_url == "http://cinema.lan:8090"
    assert load(public_url="http://cinema.lan", edge_url="https://edge.example.org/").own_edge_url == "https://edge.example.org"


def test_listening_everywhere_names_an_address_that_others_can_use() -> None:
    for url in (load(host="0.0.0.0").site_url, load(host="0.0.0.0").own_edge_url):
        assert "0.0.0.0" not in url


def test_many_at_once_agree_on_one_secret_that_only_its_owner_reads(tmp_path: Path) -> None:
    settings = load(data=tmp_path / "data")
    with ThreadPoolExecutor(8) as pool:
        secrets = set(pool.map(lambda _: settings.secret_bytes(), range(32)))
    assert len(secrets) == 1
    assert (tmp_path / "data/secret").stat().st_mode & 0o777 == 0o600


def test_a_short_secret_is_refused() -> None:
    with pytest.raises(Misconfigured, match="at least 16"):
        load(secret="short").secret_bytes()


def test_a_secret_may_be_any_bytes(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(os.environb, b"MATINEE_SECRET", b"\xff" * 16)
    assert load().secret_bytes() == b"\xff" * 16
    monkeypatch.delitem(os.environb, b"MATINEE_SECRET")
    (tmp_path / "secret").write_bytes(b"\xfe" * 16 + b"\n")
    assert load(data=tmp_path).secret_bytes() == b"\xfe" * 16


def test_secrets_are_not_shown() -> None:
    settings = load(secret="0123456789abcdef", operator_password="correct horse battery")
    assert "0123456789abcdef" not in repr(settings)
    assert "correct horse" not in repr(settings)


text = st.text(max_size=20) | st.sampled_from(["~x/y", "s3:", "s3://b", "file:", "sqlite:~x", "http://[", "http://h:70000", "\udcff", "\0"])


@given(st.dictionaries(st.sampled_from(sorted(Settings.model_fields)), text))
def test_any_text_gives_settings_or_one_typed_error(values: dict[str, str]) -> None:
    try:
        load(**values)
    except Misconfigured as error:
        assert error.detail
