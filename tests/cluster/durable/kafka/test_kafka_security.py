"""A Kafka that wants TLS and a user: who is let in, and what those hear who are not."""

import asyncio
import datetime as dt
import ipaddress
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from cluster.durable import open_log
from cluster.errors import Misconfigured
from cluster.events import Event, Topic
from cluster.launch.servers.kafka import Kafka
from cluster.launch.servers.plan import Plan
from tests.servers import started

pytestmark = pytest.mark.durable

HOST = "127.0.0.1"
TOPIC = Topic("guarded", partitions=1)


def free_port() -> int:
    with socket.create_server((HOST, 0)) as server:
        return int(server.getsockname()[1])


def certificate() -> tuple[str, str]:
    """A key, and a certificate for HOST that it has signed itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "tests")])
    begins = dt.datetime.now(dt.UTC) - dt.timedelta(hours=1)
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begins)
        .not_valid_after(begins + dt.timedelta(days=2))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(HOST))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    form = serialization.PrivateFormat.PKCS8
    raw = key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption())
    return raw.decode(), signed.public_bytes(serialization.Encoding.PEM).decode()


class Guarded(Kafka):
    """A Kafka with a second listener, for the user `films`, over TLS."""

    def __init__(self, port: int, key: str, chain: str) -> None:
        self._port, self._key, self._chain = port, key, chain

    def prepare(self, folder: Path, plan: Plan, number: int, java: Path, jars: Path) -> None:
        super().prepare(folder, plan, number, java, jars)
        plain = f"PLAINTEXT://{HOST}:{plan.port}"
        settings = {
            "listeners": f"{plain},CONTROLLER://{HOST}:{plan.inner_port},GUARDED://{HOST}:{self._port}",
            "advertised.listeners": f"{plain},GUARDED://{HOST}:{self._port}",
            "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,GUARDED:SASL_SSL",
            "inter.broker.listener.name": "PLAINTEXT",
            "sasl.enabled.mechanisms": "PLAIN",
            "listener.name.guarded.plain.sasl.jaas.config": (
                'org.apache.kafka.common.security.plain.PlainLoginModule required user_films="se/cret";'
            ),
            "ssl.keystore.type": "PEM",
            "ssl.keystore.key": self._key.replace("\n", "\\n"),
            "ssl.keystore.certificate.chain": self._chain.replace("\n", "\\n"),
        }
        with (folder / "server.properties").open("a") as file:  # of two settings of one name the last holds
            file.writelines(f"{name}={value}\n" for name, value in settings.items())


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[int, Path]]:
    """The port of the guarded listener, and the file of the certificate that it shows."""
    folder, port = tmp_path_factory.mktemp("guarded"), free_port()
    key, chain = certificate()
    (folder / "ca.pem").write_text(chain)
    running = started(Guarded(port, key, chain), folder / "kafka")
    try:
        yield port, folder / "ca.pem"
    finally:
        running.stop()


def test_a_user_with_the_password_is_let_in(guarded: tuple[int, Path]) -> None:
    port, ca = guarded

    async def go() -> None:
        log = await open_log(f"kafka://films:se%2Fcret@{HOST}:{port}/corner?ca={ca}")
        fact = Event(TOPIC.name, "thing.changed", "a", 1, 0.0, {})
        waiting = asyncio.create_task(log.read(TOPIC, 0, 0, wait_s=20.0))
        await log.append(TOPIC, [fact])
        assert [entry.event for entry in await waiting] == [fact]
        await log.close()

    asyncio.run(go())


@pytest.mark.parametrize(
    ("credentials", "query", "why"),
    [
        ("films:wrong@", "?ca={ca}", "the user is not let in"),
        ("films:se%2Fcret@", "?ca={ca}&sasl=SCRAM-SHA-512", "the user is not let in"),
        ("films:se%2Fcret@", "?tls=true", "its certificate is not trusted: self-signed certificate"),
        ("films:se%2Fcret@", "", "it hangs up"),
        ("", "?ca={ca}", "it hangs up"),
    ],
)
def test_who_is_not_let_in_is_told_why(guarded: tuple[int, Path], credentials: str, query: str, why: str) -> None:
    port, ca = guarded
    with pytest.raises(Misconfigured) as told:
        asyncio.run(open_log(f"kafka://{credentials}{HOST}:{port}{query.format(ca=ca)}"))
    assert told.value.detail.startswith(f"MATINEE_LOG: no Kafka answers at {HOST}:{port}")
    assert why in told.value.detail
    assert "cret" not in told.value.detail
