"""What Ray is told through its environment, which it reads while it is imported: by `up`, or on a cluster that it joins.

Main path: `local_environment` -> the head's process. Pure but for the search for free ports; starts nothing.
"""

from __future__ import annotations

import os
import secrets
import socket
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from cluster.errors import Misconfigured, PortUnavailable, StoreUnavailable
from cluster.settings import Settings

RUN_ID: Final = "MATINEE_RUN_ID"
"""Marks every process that an instance starts, however deep, so that orphans are found after a crash."""

# One hop of HAProxy in front of the replicas; user code on the replica's own loop; none of uv's copies of the directory.
EVERYWHERE: Final = {
    "RAY_SERVE_ENABLE_HA_PROXY": "1",
    "RAY_SERVE_THROUGHPUT_OPTIMIZED": "1",
    "RAY_ENABLE_UV_RUN_RUNTIME_ENV": "0",
    "OMP_NUM_THREADS": "1",
}

RAY_FOLDER: Final = "r"
"""Ray's own folder in the private directory: it opens its folder to everybody."""

PORTS_FROM, PORTS_TO, BLOCK = 20000, 32000, 400
"""Below the kernel's ephemeral ports; half of a block is for the replicas' HTTP, half for their gRPC, the last two of each for what Ray
otherwise has at fixed ports. Serve holds a freed port back for 150 s, so there are many more than replicas."""


def local_environment(settings: Settings, run_dir: Path, run_id: str, ports_from: int) -> dict[str, str]:
    """Return what the processes of a local instance add to their environment; nothing of it is shared with another instance."""
    half = BLOCK // 2
    return {
        **EVERYWHERE,
        RUN_ID: run_id,
        "TMPDIR": str(run_dir),  # what a process that is killed leaves there goes with the directory
        # The token guards what takes pickled calls: Ray's own ports, and the replicas' gRPC, which listens on all addresses.
        "RAY_AUTH_MODE": "token",
        "RAY_AUTH_TOKEN_PATH": str(ray_token(settings)),
        "RAY_USAGE_STATS_ENABLED": "0",
        # What Ray does on a laptop of other makes: 127.0.0.1 stays what it is, and Ray listens there alone.
        "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",
        "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
        # Ray's default is 15, hardly above the encoders' 19: services would starve beside them.
        "RAY_worker_niceness": "0",
        "RAY_worker_register_timeout_seconds": "180",
        "RAY_preload_python_modules": "cluster.launch.without_pandas",
        "RAY_ROTATION_MAX_BYTES": str(8 * 2**20),
        "RAY_ROTATION_BACKUP_COUNT": "1",
        "RAY_SERVE_LOG_TO_STDERR": "0",
        "RAY_SERVE_HAPROXY_NBTHREAD": str(min(2, os.cpu_count() or 1)),
        # Short names: Serve puts the node's 56 digits before them, HAProxy a pid after, and a socket's path has 107 bytes.
        "RAY_SERVE_HAPROXY_CONFIG_FILE_LOC": str(run_dir / "h.cfg"),
        "RAY_SERVE_HAPROXY_SOCKET_PATH": str(run_dir / "a.sock"),
        "RAY_SERVE_HAPROXY_METRICS_SOCKET_PATH": str(run_dir / "m.sock"),
        "RAY_SERVE_HAPROXY_SERVER_STATE_BASE": str(run_dir),
        "RAY_SERVE_HAPROXY_SERVER_STATE_FILE": str(run_dir / "s"),
        "RAY_SERVE_HAPROXY_METRICS_PORT": str(settings.metrics_port),
        "RAY_SERVE_HAPROXY_STATS_PORT": str(settings.stats_port),
        "RAY_SERVE_DIRECT_INGRESS_MIN_HTTP_PORT": str(ports_from),
        "RAY_SERVE_DIRECT_INGRESS_MAX_HTTP_PORT": str(ports_from + half - 3),
        "RAY_SERVE_DIRECT_INGRESS_MIN_GRPC_PORT": str(ports_from + half),
        "RAY_SERVE_DIRECT_INGRESS_MAX_GRPC_PORT": str(ports_from + BLOCK - 3),
        "RAY_SERVE_FALLBACK_PROXY_HTTP_PORT": str(ports_from + half - 1),
        "RAY_SERVE_FALLBACK_PROXY_GRPC_PORT": str(ports_from + BLOCK - 1),
        "AUTOSCALER_METRIC_PORT": str(ports_from + half - 2),
        "DASHBOARD_METRIC_PORT": str(ports_from + BLOCK - 2),
        "RAY_SERVE_DIRECT_INGRESS_MIN_DRAINING_PERIOD_S": "0",
        # Serve kills a proxy that takes longer to come up, and its own start then fails: on a busy machine five seconds are little.
        "RAY_SERVE_PROXY_READY_CHECK_TIMEOUT_S": "30",
        "RAY_SERVE_PROXY_HEALTH_CHECK_PERIOD_S": "1",
        "RAY_SERVE_PROXY_HEALTH_CHECK_TIMEOUT_S": "5",
    }


def ray_token_file(settings: Settings) -> Path:
    """Return where the token of the local Ray is kept."""
    return settings.data / "ray-token"


def ray_token(settings: Settings) -> Path:
    """Return the file with the token of the local Ray (also asked for by its dashboard), made at first use.

    Raises:
        StoreUnavailable: it cannot be made.
    """
    path = ray_token_file(settings)
    try:
        if not path.exists():
            # Written aside and renamed: a start that is killed here must not leave an empty token.
            path.parent.mkdir(parents=True, exist_ok=True)
            path.with_suffix(".new").touch(mode=0o600)
            path.with_suffix(".new").write_text(secrets.token_hex(32))
            path.with_suffix(".new").replace(path)
    except OSError as error:
        raise StoreUnavailable(f"{path} cannot be written: {error.strerror}") from error
    return path


def missing_on(
    environments: Mapping[str, Mapping[str, str]], settings: Settings, *, encoders: float, serve_at: tuple[str, int] | None = None
) -> list[str]:
    """Return, a line each, what keeps a cluster from running Matinee.

    `environments` are its nodes' (the part under RAY_ and OMP_), `encoders` is what it has of the resource `encode`, and `serve_at` is
    where its Ray Serve listens, if that runs already.
    """
    lines = [
        f"node {node}: start Ray with {name}={value} (it has {given.get(name, 'nothing')!r})"
        for node, given in environments.items()
        for name, value in EVERYWHERE.items()
        if given.get(name) != value
    ]
    if encoders < 1:
        lines.append("no node takes encode tasks: start Ray on at least one with --resources '{\"encode\": N}', N of them at once")
    if serve_at is not None and serve_at != (settings.host, settings.port):
        lines.append(f"its Ray Serve listens on {serve_at[0]}:{serve_at[1]}: set MATINEE_HOST={serve_at[0]} and MATINEE_PORT={serve_at[1]}")
    if len(environments) > 1:
        embedded = {"MATINEE_STORE": settings.store, "MATINEE_LOG": settings.log, "MATINEE_OBJECTS": settings.objects}
        lines += [
            f"{name}={url} is on one machine, the cluster has {len(environments)} nodes"
            for name, url in embedded.items()
            if url.startswith(("sqlite:", "file:"))
        ]
        if settings.secret is None:
            lines.append("MATINEE_SECRET is not set: the nodes would not agree on one")
    return lines


def free_block(start: str, is_free: Callable[[int], bool] | None = None) -> int:
    """Return the first port of a block without a listener; the search begins where `start` (a name) says, so instances rarely meet.

    Raises:
        Misconfigured: all are taken.
    """
    free = is_free or (lambda port: can_bind("127.0.0.1", port))
    blocks = list(range(PORTS_FROM, PORTS_TO, BLOCK))
    first = zlib.crc32(start.encode()) % len(blocks)
    for base in blocks[first:] + blocks[:first]:
        if all(free(port) for port in range(base, base + BLOCK)):
            return base
    raise Misconfigured(f"No {BLOCK} ports in a row are free between {PORTS_FROM} and {PORTS_TO}")


def can_bind(host: str, port: int) -> bool:
    """Say whether a listener could start here now."""
    try:
        _bind(host, port)
    except OSError:
        return False
    return True


def loopback(host: str) -> str:
    """Return where this machine reaches what listens on `host`, as it stands in a URL."""
    return "127.0.0.1" if host == "0.0.0.0" else f"[{host}]" if ":" in host else host  # noqa: S104


def lan_address() -> str:
    """Return the address by which others in the house reach this machine; '' without a network."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            # Sends nothing: a datagram socket only asks the kernel for the route. The address is for documentation (RFC 5737).
            probe.connect(("192.0.2.1", 9))
        except OSError:
            return ""
        address: str = probe.getsockname()[0]
    return "" if address.startswith("127.") else address


def require_ports(settings: Settings, *, edge: bool, joined: bool = False) -> None:
    """Check that every port that the instance listens on can be had: on a cluster that it joined all but the edge's are Ray's.

    Raises:
        PortUnavailable: one is taken or not allowed; the sentence names its setting.
        Misconfigured: MATINEE_HOST is an address that Ray Serve cannot be bound to.
    """
    # The replicas bind the same address, and HAProxy asks those of its own machine at 127.0.0.1.
    if settings.host not in {"127.0.0.1", "0.0.0.0"}:  # noqa: S104
        raise Misconfigured(f"MATINEE_HOST={settings.host}: must be 127.0.0.1 (this machine only) or 0.0.0.0 (all its addresses)")
    wanted = {}
    if not joined:
        wanted = {
            "MATINEE_PORT": (settings.host, settings.port),
            "MATINEE_DASHBOARD_PORT": ("127.0.0.1", settings.dashboard_port),
            "MATINEE_METRICS_PORT": ("", settings.metrics_port),
            "MATINEE_STATS_PORT": ("", settings.stats_port),
        }
    if edge:
        wanted["MATINEE_EDGE_PORT"] = (settings.host, settings.edge_port)
    for name, (host, port) in wanted.items():
        try:
            _bind(host, port)
        except OSError as error:
            raise PortUnavailable(f"{name}={port}: {host or 'all addresses'}:{port} cannot be listened on: {error.strerror}") from error


def _bind(host: str, port: int) -> None:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind((host, port))
        probe.listen(1)
