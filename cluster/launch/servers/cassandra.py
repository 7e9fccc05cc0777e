"""How Cassandra is set up and asked: one token a node, every write synced, few threads and little memory."""

from __future__ import annotations

import json
import socket
import struct
from pathlib import Path
from typing import Final

from cluster.launch.servers.plan import Plan, host_of

COORDINATES: Final = ("org.apache.cassandra:cassandra-all:5.0.9",)
KEYSPACE: Final = "matinee"
PROBE_TIMEOUT_S: Final = 2.0
_VERSION, _STARTUP, _READY, _QUERY, _RESULT = 4, 0x01, 0x02, 0x07, 0x08
_ONE, _ALL = 1, 5
_ALONE: Final = b"SELECT key FROM system.local"
# A table of three copies: a node answers at ALL only while it takes the other two for alive.
_TOGETHER: Final = b"SELECT host_id FROM system_distributed.view_build_status WHERE keyspace_name = '' AND view_name = ''"

_JVM: Final = (
    "-XX:+UseSerialGC",
    "-XX:TieredStopAtLevel=1",
    "-Xss384k",
    "-Xms256m",
    "-Xmx512m",
    "-XX:MaxDirectMemorySize=128m",
    "-XX:+ExitOnOutOfMemoryError",
    "-XX:-UsePerfData",
    "-Djava.security.manager=allow",  # which it sets, and Java 18 and newer otherwise refuse
    "-Djdk.attach.allowAttachSelf=true",
    "-Dio.netty.tryReflectionSetAccessible=true",
    "-Djava.net.preferIPv4Stack=true",
    "-Dcassandra-foreground=yes",
    "-Dcassandra.skip_wait_for_gossip_to_settle=0",
    "-Dcassandra.ring_delay_ms=3000",
    "-Dcassandra.memtable.row_overhead_size=180",  # else it is measured, for seconds, at every start
    "-Dcassandra.shutdown_announce_in_ms=200",
    "-Dcassandra.superuser_setup_delay_ms=0",
)
_EXPORTS: Final = (
    "java.base/jdk.internal.misc",
    "java.base/jdk.internal.ref",
    "java.base/sun.nio.ch",
    "java.management.rmi/com.sun.jmx.remote.internal.rmi",
    "java.rmi/sun.rmi.registry",
    "java.rmi/sun.rmi.server",
)
_OPENS: Final = ("java.base/java.nio", "java.base/sun.nio.ch", "java.base/java.io", "java.base/jdk.internal.module")

_LOGGING: Final = """\
<configuration scan="false">
  <appender name="FILE" class="ch.qos.logback.core.rolling.RollingFileAppender">
    <file>server.log</file>
    <rollingPolicy class="ch.qos.logback.core.rolling.FixedWindowRollingPolicy">
      <fileNamePattern>server.log.%i</fileNamePattern><minIndex>1</minIndex><maxIndex>1</maxIndex>
    </rollingPolicy>
    <triggeringPolicy class="ch.qos.logback.core.rolling.SizeBasedTriggeringPolicy"><maxFileSize>8MB</maxFileSize></triggeringPolicy>
    <encoder><pattern>%date %level %msg [%logger]%n</pattern></encoder>
  </appender>
  <root level="INFO"><appender-ref ref="FILE" /></root>
</configuration>
"""


class Cassandra:
    """Implements `Software`."""

    name = "cassandra"
    title = "Cassandra 5.0.9"
    coordinates = COORDINATES
    default_port = 9042

    def prepare(self, folder: Path, plan: Plan, number: int, java: Path, jars: Path) -> None:
        """Write the node's settings."""
        (folder / "tmp").mkdir(exist_ok=True)
        (folder / "cassandra.yaml").write_text(yaml(folder, plan, number))
        (folder / "logback.xml").write_text(_LOGGING)

    def arguments(self, folder: Path, jars: Path) -> list[str]:
        """Return what java is called with, in the node's folder."""
        return [
            *_JVM,
            *(f"--add-exports={package}=ALL-UNNAMED" for package in _EXPORTS),
            *(f"--add-opens={package}=ALL-UNNAMED" for package in _OPENS),
            f"-Dcassandra.config={(folder / 'cassandra.yaml').as_uri()}",
            f"-Dcassandra.storagedir={folder}",
            f"-Dlogback.configurationFile={folder / 'logback.xml'}",
            f"-Djava.io.tmpdir={folder / 'tmp'}",
            "-cp",
            f"{jars}/*",
            "org.apache.cassandra.service.CassandraDaemon",
        ]

    def answers(self, host: str, plan: Plan) -> bool:
        """Say whether the node answers queries and takes all others for alive."""
        try:
            return ask(host, plan.port, _ALONE, _ONE) if plan.count == 1 else ask(host, plan.port, _TOGETHER, _ALL)
        except (OSError, struct.error):
            return False

    def url(self, plan: Plan) -> str:
        """Return what MATINEE_STORE is set to."""
        return f"cassandra://{','.join(plan.hosts)}:{plan.port}/{KEYSPACE}"


def yaml(folder: Path, plan: Plan, number: int) -> str:
    """Return the settings of node `number`, whose files are below `folder`."""
    host = host_of(number)
    settings = {
        "cluster_name": "local",
        "num_tokens": 1,
        "initial_token": -(2**63) + (number - 1) * (2**64 // plan.count),
        "partitioner": "org.apache.cassandra.dht.Murmur3Partitioner",
        "endpoint_snitch": "SimpleSnitch",
        "listen_address": host,
        "storage_port": plan.inner_port,
        "rpc_address": host,
        "native_transport_port": plan.port,
        "seed_provider": [
            {"class_name": "org.apache.cassandra.locator.SimpleSeedProvider", "parameters": [{"seeds": ",".join(plan.hosts)}]}
        ],
        # The nodes are made together, empty, each with its tokens: there is nothing to stream, and they start side by side.
        "auto_bootstrap": False,
        "data_file_directories": [str(folder / "data")],
        **{f"{name}_directory": str(folder / name) for name in ("commitlog", "saved_caches", "hints", "cdc_raw")},
        "commitlog_sync": "batch",  # the default acknowledges what is not synced
        "commitlog_segment_size": "8MiB",
        "commitlog_total_space": "128MiB",
        "memtable_heap_space": "48MiB",
        "memtable_offheap_space": "48MiB",
        "file_cache_enabled": False,
        "networking_cache_size": "16MiB",
        "concurrent_reads": 8,
        "concurrent_writes": 16,
        "concurrent_compactors": 1,
        "auto_snapshot": not plan.throwaway,
        "paxos_variant": "v2",
        "dynamic_snitch": False,
        "authenticator": "AllowAllAuthenticator",
        "authorizer": "AllowAllAuthorizer",
    }
    # JSON is YAML, and has one way to write a path.
    return "".join(f"{name}: {json.dumps(value)}\n" for name, value in settings.items())


def ask(host: str, port: int, query: bytes, consistency: int) -> bool:
    """Say whether a node answers a query (CQL's native protocol, version 4).

    Raises:
        OSError: nobody is there.
        struct.error: somebody else is.
    """
    key, value = b"CQL_VERSION", b"3.0.0"
    startup = struct.pack(f">hh{len(key)}sh{len(value)}s", 1, len(key), key, len(value), value)
    with socket.create_connection((host, port), timeout=PROBE_TIMEOUT_S) as connection:
        if _operation(connection, _STARTUP, startup) != _READY:
            return False
        return _operation(connection, _QUERY, struct.pack(f">i{len(query)}shb", len(query), query, consistency, 0)) == _RESULT


def _operation(connection: socket.socket, operation: int, body: bytes) -> int:
    connection.sendall(struct.pack(">bbhbi", _VERSION, 0, 0, operation, len(body)) + body)
    with connection.makefile("rb") as answer:
        _, _, _, told, size = struct.unpack(">Bbhbi", answer.read(9))
        answer.read(max(0, min(size, 1 << 16)))
    return int(told)


CASSANDRA: Final = Cassandra()
