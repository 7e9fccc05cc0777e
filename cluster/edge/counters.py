"""What an edge counts since its start; answered at /counters as JSON and at /metrics for Prometheus."""

from __future__ import annotations

from typing import Any

import msgspec


class Counters(msgspec.Struct):
    """All of them only rise."""

    hits: int = 0
    """Requests for a file that was held, on the disk or in memory."""
    misses: int = 0
    """Requests for a file that it did not hold, also those that waited for a fetch already under way."""
    fills: int = 0
    """Fetches from the origin; many waiters share one."""
    fill_bytes: int = 0
    passed: int = 0
    """Requests answered from the origin, each by a fetch of its own: neither disk nor memory took the file."""
    sent_bytes: int = 0
    """Bytes of the bodies begun; a client may have left before the end."""
    evictions: int = 0
    refused: int = 0
    not_found: int = 0
    overloaded: int = 0
    origin_errors: int = 0
    disk_errors: int = 0
    """Fills that the disk did not take: it is full, or fails."""
    damaged: int = 0
    """Cached files that were missing or had another size than recorded."""
    cut: int = 0
    """Answers past the cache that ended early: the client left or stalled, or the origin broke off."""


def prometheus(counters: Counters, gauges: dict[str, Any]) -> str:
    """Return all figures in Prometheus' text format (version 0.0.4)."""
    lines: list[str] = []
    for kind, suffix, figures in (("counter", "_total", msgspec.structs.asdict(counters)), ("gauge", "", gauges)):
        for name, value in figures.items():
            lines += [f"# TYPE matinee_edge_{name}{suffix} {kind}", f"matinee_edge_{name}{suffix} {value}"]
    return "\n".join(lines) + "\n"
