"""The tables of recommendations."""

from __future__ import annotations

from typing import Final

from cluster.durable import Mode, Table

MODELS: Final = Table("models", Mode.LINEAR, group="recommendations")
"""Partition "models": `bundle/<id>` for each that is kept, and `life`, which says the live one and the one before it."""
