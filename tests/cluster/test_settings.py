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
        ("STORE", "mysql:db", "must begin with sqlite:"),
        ("OBJECTS", "ftp://x", "must begin with file: or s3:"),
        ("PUBLIC_URL", "films.example.org", "http:// or https://"),
        ("OPERATOR_EMAIL", "nobody", "e-mail address"),
        ("PRESET", "lightspeed", "must be one of ultrafast"),
        ("LEASE_S", "5", "longer than MATINEE_HEARTBEAT_INTERVAL_S"),
        ("EDGE_PORT", "8000", "must differ"),
    ],
)
def test_a_wrong_value_says_which_why_and_what_is_allowed(monkeypatch: pytest.MonkeyPatch, name: str, value: str, says: str) -> None:
    monkeypatch.setenv(f"MATINEE_{name}", value)
    with pytest.raises(Misconfigured) as told:
        load()
    assert says in told.value.detail
    if name not in {"EDGE_PORT", "LEASE_S"}:
        assert f"MATINEE_{name}" in told.value.detail
        assert value in told.value.detail


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


def test_secrets_are_not_shown() -> None:
    settings = load(secret="0123456789abcdef", operator_password="correct horse battery")
    assert "0123456789abcdef" not in repr(settings)
    assert "correct horse" not in repr(settings)


@given(st.dictionaries(st.sampled_from(sorted(Settings.model_fields)), st.text(max_size=20)))
def test_any_text_gives_settings_or_one_typed_error(values: dict[str, str]) -> None:
    try:
        load(**values)
    except Misconfigured as error:
        assert error.detail
