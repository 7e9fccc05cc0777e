"""How Kafka is set up and asked: KRaft, every node a broker and a controller, few threads and little memory."""

from __future__ import annotations

import socket
import struct
import subprocess
from pathlib import Path
from typing import Final

from cluster.errors import StartFailed
from cluster.launch.servers.plan import Plan, host_of

# The second brings the binding that makes log4j write: without it Kafka is silent.
COORDINATES: Final = ("org.apache.kafka:kafka_2.13:4.4.0", "org.apache.logging.log4j:log4j-slf4j-impl:2.25.5")
FORMAT_TIMEOUT_S: Final = 60.0
PROBE_TIMEOUT_S: Final = 2.0
_METADATA, _METADATA_VERSION, _CORRELATION = 3, 1, 1

_JVM: Final = (
    "-Xms64m",
    "-Xmx256m",
    "-XX:+UseSerialGC",
    "-XX:TieredStopAtLevel=1",
    "-Xss512k",
    "-XX:MaxMetaspaceSize=160m",
    "-XX:ReservedCodeCacheSize=48m",
    "-XX:MaxDirectMemorySize=64m",
    "-XX:-UsePerfData",
)

# Paths are relative: the node runs in its folder, whose name may hold what this format gives a meaning.
_LOGGING: Final = """\
status = error
appender.file.type = RollingFile
appender.file.name = file
appender.file.fileName = server.log
appender.file.filePattern = server.log.%i
appender.file.layout.type = PatternLayout
appender.file.layout.pattern = %d %p %m (%c)%n
appender.file.policies.type = Policies
appender.file.policies.size.type = SizeBasedTriggeringPolicy
appender.file.policies.size.size = 8MB
appender.file.strategy.type = DefaultRolloverStrategy
appender.file.strategy.max = 1
rootLogger.level = info
rootLogger.appenderRef.file.ref = file
"""


class Kafka:
    """Implements `Software`."""

    name = "kafka"
    title = "Kafka 4.4.0"
    coordinates = COORDINATES
    default_port = 9092

    def prepare(self, folder: Path, plan: Plan, number: int, java: Path, jars: Path) -> None:
        """Write the node's settings, and give its empty disk the cluster's id."""
        (folder / "server.properties").write_text(properties(plan, number))
        (folder / "log4j2.properties").write_text(_LOGGING)
        if (folder / "data" / "meta.properties").exists():
            return
        format_it = ["kafka.tools.StorageTool", "format", "-t", plan.group_id, "-c", "server.properties"]
        command = [str(java), *_JVM, "-cp", f"{jars}/*", *format_it]
        try:
            done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=FORMAT_TIMEOUT_S, check=False)
        except subprocess.TimeoutExpired as error:
            raise StartFailed(f"{self.title} did not format {folder / 'data'} within {FORMAT_TIMEOUT_S:.0f} s") from error
        if done.returncode != 0:
            told = (done.stderr or done.stdout).strip().rpartition("\n")[2]
            raise StartFailed(f"{self.title} could not format {folder / 'data'}: {told}")

    def arguments(self, folder: Path, jars: Path) -> list[str]:
        """Return what java is called with, in the node's folder."""
        return [*_JVM, "-Dlog4j2.configurationFile=log4j2.properties", "-cp", f"{jars}/*", "kafka.Kafka", "server.properties"]

    def answers(self, host: str, plan: Plan) -> bool:
        """Say whether the node knows all others as alive."""
        try:
            return known_nodes(host, plan.port) == set(range(1, plan.count + 1))
        except (OSError, struct.error):
            return False

    def url(self, plan: Plan) -> str:
        """Return what MATINEE_LOG is set to."""
        return "kafka://" + ",".join(f"{host}:{plan.port}" for host in plan.hosts)


def properties(plan: Plan, number: int) -> str:
    """Return the settings of node `number`."""
    host, copies = host_of(number), min(3, plan.count)
    least = max(1, copies - 1)
    voters = ",".join(f"{index}@{other}:{plan.inner_port}" for index, other in enumerate(plan.hosts, 1))
    settings = {
        "process.roles": "broker,controller",
        "node.id": number,
        "controller.listener.names": "CONTROLLER",
        "listeners": f"PLAINTEXT://{host}:{plan.port},CONTROLLER://{host}:{plan.inner_port}",
        "advertised.listeners": f"PLAINTEXT://{host}:{plan.port}",
        "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
        "controller.quorum.voters": voters,
        "log.dirs": "data",
        "auto.create.topics.enable": "false",
        "unclean.leader.election.enable": "false",
        "default.replication.factor": copies,
        "min.insync.replicas": least,
        "offsets.topic.replication.factor": copies,
        "offsets.topic.num.partitions": 4,
        "transaction.state.log.replication.factor": copies,
        "transaction.state.log.min.isr": least,
        "transaction.state.log.num.partitions": 4,
        "share.coordinator.state.topic.replication.factor": copies,
        "share.coordinator.state.topic.min.isr": least,
        "share.coordinator.state.topic.num.partitions": 4,
        "group.initial.rebalance.delay.ms": 0,
        "num.network.threads": 1,
        "num.io.threads": 2,
        "log.cleaner.dedupe.buffer.size": 4194304,
        "broker.heartbeat.interval.ms": 500,
        "broker.session.timeout.ms": 3000,
    }
    return "".join(f"{name}={value}\n" for name, value in settings.items())


def known_nodes(host: str, port: int) -> set[int]:
    """Ask a node which ids it knows (Metadata, version 1, of Kafka's protocol).

    Raises:
        OSError: it does not answer.
        struct.error: it answers something else.
    """
    client = b"matinee"
    no_topics = struct.pack(">i", 0)
    request = struct.pack(f">hhih{len(client)}s", _METADATA, _METADATA_VERSION, _CORRELATION, len(client), client) + no_topics
    with socket.create_connection((host, port), timeout=PROBE_TIMEOUT_S) as connection:
        connection.sendall(struct.pack(">i", len(request)) + request)
        with connection.makefile("rb") as answer:
            (size,) = struct.unpack(">i", answer.read(4))
            return parse_nodes(answer.read(min(size, 1 << 16)))


def parse_nodes(body: bytes) -> set[int]:
    """Return the ids in a Metadata response (correlation id, then id, host, port and rack of each node)."""
    (count,) = struct.unpack_from(">i", body, 4)
    ids, at = set(), 8
    for _ in range(count):
        node, host_bytes = struct.unpack_from(">ih", body, at)
        ids.add(node)
        at += 6 + host_bytes + 4
        (rack_bytes,) = struct.unpack_from(">h", body, at)
        at += 2 + max(0, rack_bytes)
    return ids


KAFKA: Final = Kafka()
