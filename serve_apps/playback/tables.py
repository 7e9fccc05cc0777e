"""The playback service's own table; streams and places are the session shards' (actors/sessions/tables.py)."""

from __future__ import annotations

from typing import Final

from cluster.durable import Mode, Table

KEYS: Final = Table("playback_keys", Mode.LINEAR, group="playback", files=4)
"""Answers kept for repeated requests, by account."""
