"""Where a Kafka is and how to sign in there, as a URL says it.

    kafka://[user:password@]host[:port][,host[:port]…][/prefix][?tls=true&ca=FILE&sasl=MECHANISM]

`prefix` begins the names of all topics, so that several instances share brokers. A password brings SASL, `ca` brings TLS.
"""

from __future__ import annotations

import re
import ssl
from typing import Any, Final
from urllib.parse import parse_qsl, unquote

import msgspec

from cluster.errors import Misconfigured

MECHANISMS: Final = ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512")
_DEFAULT_PORT: Final = "9092"
_FORM: Final = "kafka://host:9092,host:9092/prefix?tls=true&ca=FILE&sasl=SCRAM-SHA-512, with user:password@ before the hosts"
_HOST: Final = re.compile(r"([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::(\d{1,5}))?", re.ASCII)
_PREFIX: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,99}", re.ASCII)


class Address(msgspec.Struct, frozen=True):
    """What a URL says."""

    hosts: tuple[str, ...]
    prefix: str = ""
    user: str = ""
    password: str = ""
    sasl: str = MECHANISMS[0]
    tls: bool = False
    ca: str = ""

    def __repr__(self) -> str:
        return f"Address({self})"  # the password stays out of logs and tracebacks

    def __str__(self) -> str:
        return ",".join(self.hosts) + (f"/{self.prefix}" if self.prefix else "")

    def topic_name(self, name: str) -> str:
        """Return what a topic is called on the brokers."""
        return f"{self.prefix}-{name}" if self.prefix else name

    def options(self) -> dict[str, Any]:
        """Return the driver's options of security.

        Raises:
            Misconfigured: the file `ca` cannot be read.
        """
        found: dict[str, Any] = {"security_protocol": ("SASL_" if self.user else "") + ("SSL" if self.tls else "PLAINTEXT")}
        if self.tls:
            try:
                found["ssl_context"] = ssl.create_default_context(cafile=self.ca or None)
            except OSError as error:
                raise Misconfigured(f"MATINEE_LOG: {self.ca} is no file of CA certificates: {error.strerror or error}") from error
        if self.user:
            found |= {"sasl_mechanism": self.sasl, "sasl_plain_username": self.user, "sasl_plain_password": self.password}
        return found


def parse(url: str) -> Address:
    """Read a URL.

    Raises:
        Misconfigured: it is none; the sentence does not repeat the password.
    """
    rest = url.removeprefix("kafka:").removeprefix("//")
    rest, _, query = rest.partition("?")
    credentials, _, place = rest.rpartition("@")
    hosts, _, prefix = place.partition("/")
    user, _, password = credentials.partition(":")
    given = dict(parse_qsl(query, keep_blank_values=True))
    sasl = given.get("sasl", MECHANISMS[0]).upper()
    if prefix and not _PREFIX.fullmatch(prefix):
        raise _wrong(f"{prefix!r} cannot begin the names of topics")
    if unknown := sorted(set(given) - {"tls", "ca", "sasl"}):
        raise _wrong(f"{unknown[0]!r} is no option")
    if given.get("tls", "true") not in {"true", "false"} or sasl not in MECHANISMS:
        raise _wrong(f"tls is true or false, sasl one of {', '.join(MECHANISMS)}")
    if bool(user) != bool(password):
        raise _wrong("a user and a password belong together")
    tls = given.get("tls", "true" if given.get("ca") else "false") == "true"
    return Address(tuple(map(_host, hosts.split(","))), prefix, unquote(user), unquote(password), sasl, tls, given.get("ca", ""))


def _host(text: str) -> str:
    found = _HOST.fullmatch(text)
    if found is None or not 0 < int(found[2] or _DEFAULT_PORT) < 65536:
        raise _wrong(f"{text!r} is no host with a port")
    return f"{found[1]}:{found[2] or _DEFAULT_PORT}"


def _wrong(why: str) -> Misconfigured:
    return Misconfigured(f"MATINEE_LOG: {why}; it is written {_FORM}")
