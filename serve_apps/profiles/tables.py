"""The tables of profiles; the partition is the account."""

from __future__ import annotations

from typing import Final

from cluster.durable import Mode, Table

PROFILES: Final = Table("profiles", Mode.LINEAR, group="profiles")
"""`profile/<id>`, `tries/<profile id>` (wrong PINs), and `count`, which holds creations and deletions to the limits."""
PROFILE: Final = "profile/"
CHOICES: Final = Table("profile_choices", Mode.PLAIN, group="profiles")
"""`<profile id>/list/<title id>` and `<profile id>/rating/<title id>`, versioned by the clock in milliseconds, past the version before."""
REQUESTS: Final = Table("profile_requests", Mode.LINEAR, group="profiles")
"""Answers kept for Idempotency-Key."""
