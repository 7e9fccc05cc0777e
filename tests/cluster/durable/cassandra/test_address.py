"""What a URL of a Cassandra says."""

from pathlib import Path

import pytest
from cassandra import ConsistencyLevel

from cluster.durable.cassandra.address import Address, parse
from cluster.durable.cassandra.driver import Kind, Near, cluster_of
from cluster.errors import Misconfigured


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("cassandra://db/films", Address(("db",), 9042, "films")),
        ("cassandra://127.0.0.1,127.0.0.2:19042/films", Address(("127.0.0.1", "127.0.0.2"), 19042, "films")),
        ("cassandra://[::1],db:19042/films", Address(("::1", "db"), 19042, "films")),
        ("cassandra://[::1]/films", Address(("::1",), 9042, "films")),
        ("cassandra://db/films?dc=east&rf=5", Address(("db",), 9042, "films", dc="east", rf=5)),
        ("cassandra://db/films?consistency=QUORUM", Address(("db",), 9042, "films", consistency="quorum")),
        ("cassandra://boss:a%3Ab%40c@db/films", Address(("db",), 9042, "films", "boss", "a:b@c")),
        ("cassandra://db/films?ca=/etc/ca.pem", Address(("db",), 9042, "films", tls=True, ca="/etc/ca.pem")),
        ("cassandra://db/films?tls=true", Address(("db",), 9042, "films", tls=True)),
    ],
)
def test_a_url_says_where_and_how(url: str, address: Address) -> None:
    assert parse(url) == address


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("cassandra:", "cannot be a keyspace"),
        ("cassandra://db", "cannot be a keyspace"),
        ("cassandra://db/Films", "cannot be a keyspace"),
        ("cassandra://db/" + "f" * 49, "cannot be a keyspace"),
        ("cassandra:///films", "names no host"),
        ("cassandra://db,/films", "'' is no host"),
        ("cassandra://a:1,b:2/films", "'a:1' is no host; the port stands once"),
        ("cassandra://db:0/films", "0 is no port"),
        ("cassandra://db:99999/films", "99999 is no port"),
        ("cassandra://db/films?consistency=one", "consistency is one of local_quorum, quorum"),
        ("cassandra://db/films?level=one", "'level' is no option"),
        ("cassandra://db/films?rf=many", "rf is a number"),
        ("cassandra://db/films?rf=101", "rf is a number"),
        ("cassandra://db/films?tls=maybe", "tls is true or false"),
        ("cassandra://boss@db/films", "belong together"),
    ],
)
def test_another_url_is_refused_with_the_form_that_is_taken(url: str, said: str) -> None:
    with pytest.raises(Misconfigured) as told:
        parse(url)
    assert said in told.value.detail
    assert "it is written cassandra://host1,host2:9042/keyspace" in told.value.detail


def test_a_password_is_not_repeated() -> None:
    address = parse("cassandra://boss:hush@db/films")
    assert "hush" not in f"{address} {address!r} {address.title}"
    with pytest.raises(Misconfigured) as told:
        parse("cassandra://boss:hush@db/films?rf=hushed")
    assert "hush" not in told.value.detail.replace("hushed", "")


def test_certificates_are_read_when_it_connects(tmp_path: Path) -> None:
    assert parse("cassandra://db/films").tls_context() is None
    assert parse("cassandra://db/films?tls=true").tls_context() is not None
    with pytest.raises(Misconfigured, match="is no file of CA certificates"):
        parse(f"cassandra://db/films?ca={tmp_path}/none.pem").tls_context()


@pytest.mark.parametrize(
    ("query", "asked"),
    [
        ("", (ConsistencyLevel.LOCAL_QUORUM, ConsistencyLevel.LOCAL_SERIAL)),
        ("?consistency=quorum", (ConsistencyLevel.QUORUM, ConsistencyLevel.SERIAL)),
    ],
)
def test_every_kind_of_statement_asks_the_majority_that_the_url_names(query: str, asked: tuple[int, int]) -> None:
    quorum, serial = asked
    profiles = cluster_of(parse(f"cassandra://127.0.0.1/films{query}"), Near.in_dc("")).profile_manager.profiles
    assert {profiles[kind.value].consistency_level for kind in (Kind.READ, Kind.WRITE, Kind.LINEAR)} == {quorum}
    assert profiles[Kind.SERIAL_READ.value].consistency_level == serial
    assert profiles[Kind.LINEAR.value].serial_consistency_level == serial
