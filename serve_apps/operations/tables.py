"""The tables of operations."""

from __future__ import annotations

from typing import Final

from cluster.durable import Mode, Table

SCALES: Final = Table("scales", Mode.LINEAR, group="operations")
"""Partition "scales", sort application name: {min_replicas, max_replicas}; applied again at `up`."""
