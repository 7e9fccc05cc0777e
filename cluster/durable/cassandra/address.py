"""Where a Cassandra is and how to sign in there, as a URL says it.

    cassandra://[user:password@]host[,host…][:port]/keyspace[?dc=NAME&rf=NUMBER&consistency=quorum&tls=true&ca=FILE]

All of it stands in the URL, because a URL is what services are given and what a store is opened by: settings of their own would have to
travel beside it.
"""

from __future__ import annotations

import re
import ssl
from typing import Final
from urllib.parse import parse_qsl, unquote

import msgspec

from cluster.errors import Misconfigured

DEFAULT_PORT: Final = 9042
_FORM: Final = "cassandra://host1,host2:9042/keyspace?dc=NAME&rf=3&tls=true&ca=FILE, with user:password@ before the hosts"
_HOST: Final = re.compile(r"[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\]", re.ASCII)
_HOSTS: Final = re.compile(r"(?P<hosts>.+?)(?::(?P<port>\d{1,5}))?")
_KEYSPACE: Final = re.compile(r"[a-z][a-z0-9_]{0,47}", re.ASCII)
_COPIES_LIMIT: Final = 100
CONSISTENCIES: Final = ("local_quorum", "quorum")


class Address(msgspec.Struct, frozen=True):
    """What a URL says."""

    hosts: tuple[str, ...]
    port: int
    keyspace: str
    user: str = ""
    password: str = ""
    dc: str = ""
    """The data centre that is near; '' where there is only one."""
    rf: int = 0
    """How many copies a keyspace gets that is made here; 0: three, or as many as there are nodes."""
    tls: bool = False
    ca: str = ""
    consistency: str = CONSISTENCIES[0]
    """Whose majority is asked: the near data centre's, or that of all."""

    def __repr__(self) -> str:
        return f"Address({self})"  # the password stays out of logs and tracebacks

    def __str__(self) -> str:
        return f"{','.join(self.hosts)}:{self.port}/{self.keyspace}"

    @property
    def title(self) -> str:
        """What people call it."""
        return f"Cassandra at {','.join(self.hosts)}:{self.port}"

    def tls_context(self) -> ssl.SSLContext | None:
        """Return what the servers' certificates are checked by; None for a connection without TLS.

        Raises:
            Misconfigured: the file `ca` cannot be read.
        """
        if not self.tls:
            return None
        try:
            return ssl.create_default_context(cafile=self.ca or None)
        except OSError as error:
            raise Misconfigured(f"MATINEE_STORE: {self.ca} is no file of CA certificates: {error.strerror or error}") from error


def parse(url: str) -> Address:
    """Read a URL.

    Raises:
        Misconfigured: it is none; the sentence does not repeat the password.
    """
    rest, _, query = url.removeprefix("cassandra:").removeprefix("//").partition("?")
    credentials, _, place = rest.rpartition("@")
    listed, _, keyspace = place.partition("/")
    user, _, password = credentials.partition(":")
    given = dict(parse_qsl(query, keep_blank_values=True))
    if not _KEYSPACE.fullmatch(keyspace):
        raise _wrong(f"{keyspace!r} cannot be a keyspace: at most 48 of a-z, 0-9 and _")
    if unknown := sorted(set(given) - {"dc", "rf", "tls", "ca", "consistency"}):
        raise _wrong(f"{unknown[0]!r} is no option")
    copies, tls = given.get("rf", "0"), given.get("tls", "true" if given.get("ca") else "false")
    if not re.fullmatch(r"\d{1,3}", copies, re.ASCII) or int(copies) > _COPIES_LIMIT or tls not in {"true", "false"}:
        raise _wrong("rf is a number of copies, tls is true or false")
    consistency = given.get("consistency", CONSISTENCIES[0]).lower()
    if consistency not in CONSISTENCIES:
        raise _wrong(f"consistency is one of {', '.join(CONSISTENCIES)}")
    if bool(user) != bool(password):
        raise _wrong("a user and a password belong together")
    hosts, port = _hosts(listed)
    return Address(
        hosts,
        port,
        keyspace,
        unquote(user),
        unquote(password),
        dc=given.get("dc", ""),
        rf=int(copies),
        tls=tls == "true",
        ca=given.get("ca", ""),
        consistency=consistency,
    )


def _hosts(listed: str) -> tuple[tuple[str, ...], int]:
    found = _HOSTS.fullmatch(listed)
    if found is None:
        raise _wrong("it names no host")
    hosts, port = found["hosts"].split(","), int(found["port"] or DEFAULT_PORT)
    if not 0 < port < 65536:
        raise _wrong(f"{port} is no port")
    for host in hosts:
        if not _HOST.fullmatch(host):
            raise _wrong(f"{host!r} is no host; the port stands once, after the last")
    return tuple(host.strip("[]") for host in hosts), port


def _wrong(why: str) -> Misconfigured:
    return Misconfigured(f"MATINEE_STORE: {why}; it is written {_FORM}")
