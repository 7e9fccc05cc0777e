"""How the driver is set up: profiles, time limits, and which nodes are asked first."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from enum import StrEnum
from typing import Any, Final

from cassandra import ConsistencyLevel
from cassandra.auth import PlainTextAuthProvider
from cassandra.cluster import EXEC_PROFILE_DEFAULT, Cluster, ExecutionProfile
from cassandra.policies import (
    ConstantSpeculativeExecutionPolicy,
    DCAwareRoundRobinPolicy,
    ExponentialReconnectionPolicy,
    FallthroughRetryPolicy,
    RetryPolicy,
    TokenAwarePolicy,
)
from cassandra.query import dict_factory

from cluster.durable.cassandra.address import Address

CONNECT_TIMEOUT_S: Final = 3.0
REQUEST_TIMEOUT_S: Final = 3.0
"""Above the server's own limits on writes (2 s), so that what it knows of a write is heard."""
WHOLE_READ_TIMEOUT_S: Final = 12.0
"""Above the server's own limit on reads of ranges (10 s)."""
SCHEMA_TIMEOUT_S: Final = 20.0
SPECULATE_AFTER_S: Final = 0.2
AVOIDED_S: Final = 10.0
PROTOCOL_VERSION: Final = 5

# What the driver says of nodes that are away, traceback and all, the errors of the calls say too.
logging.getLogger("cassandra").setLevel(logging.CRITICAL)


class Kind(StrEnum):
    """How a statement is run: the names of the driver's profiles."""

    READ = "read"
    WRITE = "write"
    WHOLE_READ = "whole read"
    """A page of a whole table: it touches all nodes and may take long, so nobody else is asked beside it."""
    LINEAR = "linear"
    """A lightweight transaction: never sent twice by the driver."""
    SERIAL_READ = "serial read"
    """A read that first settles what is under way in the partition."""


class Near(TokenAwarePolicy):  # type: ignore[misc]
    """Asks the replicas of a partition in the near data centre, and last those that have lately let somebody wait in vain.

    The driver itself learns only from missed heartbeats, seconds later, that a node stands still.
    """

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._avoided: dict[Any, float] = {}

    def avoid(self, host: Any) -> None:
        """Take a host for slow for a while."""
        self._avoided = {**self._avoided, host: time.monotonic() + AVOIDED_S}  # replaced, not changed: others read it meanwhile

    @classmethod
    def in_dc(cls, name: str) -> Near:
        """Return the policy for a data centre; '' is that of whichever node answers first."""
        return cls(DCAwareRoundRobinPolicy(name), shuffle_replicas=True)

    def make_query_plan(self, working_keyspace: Any = None, query: Any = None) -> Iterator[Any]:
        """See the driver."""
        avoided, now_s, last = self._avoided, time.monotonic(), []
        for host in super().make_query_plan(working_keyspace, query):
            if avoided.get(host, 0.0) > now_s:
                last.append(host)
            else:
                yield host
        yield from last


def cluster_of(address: Address, near: Near) -> Any:
    """Return the driver's cluster, not yet connected."""
    everywhere = address.consistency == "quorum"
    quorum = ConsistencyLevel.QUORUM if everywhere else ConsistencyLevel.LOCAL_QUORUM
    serial = ConsistencyLevel.SERIAL if everywhere else ConsistencyLevel.LOCAL_SERIAL

    def profile(consistency: int, **more: Any) -> ExecutionProfile:
        return ExecutionProfile(
            near,
            more.pop("retry_policy", RetryPolicy()),
            consistency,
            serial_consistency_level=serial,
            request_timeout=more.pop("request_timeout", REQUEST_TIMEOUT_S),
            row_factory=dict_factory,
            **more,
        )

    speculative = ConstantSpeculativeExecutionPolicy(SPECULATE_AFTER_S, 2)
    return Cluster(
        list(address.hosts),
        address.port,
        auth_provider=PlainTextAuthProvider(address.user, address.password) if address.user else None,
        ssl_context=address.tls_context(),
        protocol_version=PROTOCOL_VERSION,
        reconnection_policy=ExponentialReconnectionPolicy(0.2, 2.0, max_attempts=None),
        connect_timeout=CONNECT_TIMEOUT_S,
        control_connection_timeout=CONNECT_TIMEOUT_S,
        idle_heartbeat_interval=5,
        idle_heartbeat_timeout=3,
        monitor_reporting_enabled=False,
        execution_profiles={
            EXEC_PROFILE_DEFAULT: profile(quorum, request_timeout=SCHEMA_TIMEOUT_S),
            # Only reads are asked of a second node while the first is slow.
            Kind.READ.value: profile(quorum, speculative_execution_policy=speculative),
            Kind.WHOLE_READ.value: profile(quorum, request_timeout=WHOLE_READ_TIMEOUT_S),
            Kind.WRITE.value: profile(quorum),
            Kind.LINEAR.value: profile(quorum, retry_policy=FallthroughRetryPolicy()),
            Kind.SERIAL_READ.value: profile(serial, speculative_execution_policy=speculative),
        },
    )
