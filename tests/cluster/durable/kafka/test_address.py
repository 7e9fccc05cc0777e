import ssl

import pytest

from cluster.durable.kafka.address import Address, parse
from cluster.errors import Misconfigured


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("kafka://one", Address(("one:9092",))),
        ("kafka://one:9093,two", Address(("one:9093", "two:9092"))),
        ("kafka://[::1]:9093,[::2]/films", Address(("[::1]:9093", "[::2]:9092"), "films")),
        ("kafka://one/films?tls=true", Address(("one:9092",), "films", tls=True)),
        ("kafka://one?ca=/etc/ca.pem", Address(("one:9092",), tls=True, ca="/etc/ca.pem")),
        ("kafka://films:p%40ss%2F%3A@one?sasl=scram-sha-512", Address(("one:9092",), "", "films", "p@ss/:", "SCRAM-SHA-512")),
    ],
)
def test_a_url_says_where_and_how(url: str, address: Address) -> None:
    assert parse(url) == address


@pytest.mark.parametrize(
    "url",
    [
        "kafka://",
        "kafka://one:0",
        "kafka://one:99999",
        "kafka://one,,two",
        "kafka://one two",
        "kafka://one/a.b",
        "kafka://one/-films",
        "kafka://one?acks=1",
        "kafka://one?tls=maybe",
        "kafka://films:secret@one?sasl=GSSAPI",
        "kafka://secret@one",
    ],
)
def test_what_is_no_url_is_refused_in_one_line_that_repeats_no_password(url: str) -> None:
    with pytest.raises(Misconfigured, match=r"^MATINEE_LOG: ") as told:
        parse(url)
    assert "secret" not in told.value.detail
    assert "\n" not in told.value.detail


def test_the_password_is_in_no_text_of_an_address() -> None:
    address = parse("kafka://films:secret@one/place")
    assert "secret" not in f"{address!r} {address}"
    assert str(address) == "one:9092/place"


def test_a_prefix_begins_the_names_of_topics() -> None:
    assert parse("kafka://one/films").topic_name("catalog") == "films-catalog"
    assert parse("kafka://one").topic_name("catalog") == "catalog"


@pytest.mark.parametrize(
    ("url", "protocol"),
    [
        ("kafka://one", "PLAINTEXT"),
        ("kafka://one?tls=true", "SSL"),
        ("kafka://u:p@one", "SASL_PLAINTEXT"),
        ("kafka://u:p@one?tls=true", "SASL_SSL"),
    ],
)
def test_what_the_driver_is_told_of_security(url: str, protocol: str) -> None:
    options = parse(url).options()
    assert options["security_protocol"] == protocol
    assert ("ssl_context" in options) == protocol.endswith("SSL")
    if "ssl_context" in options:
        assert options["ssl_context"].verify_mode is ssl.CERT_REQUIRED
        assert options["ssl_context"].check_hostname


def test_a_file_of_certificates_that_is_none_is_misconfigured() -> None:
    with pytest.raises(Misconfigured, match=r"/nowhere/ca\.pem is no file of CA certificates"):
        parse("kafka://one?ca=/nowhere/ca.pem").options()
