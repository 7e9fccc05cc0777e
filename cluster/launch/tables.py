"""Every table of an installation: what is made ahead, and what of it is moved and backed up as one."""

from __future__ import annotations

from typing import Final

from actors.processors.kept import PROCESSED
from actors.sessions.tables import PLACES, STREAMS
from cluster.durable import Table
from cluster.durable.migrations import LEDGER
from cluster.durable.outbox import HINTS
from cluster.edge.registry import EDGES
from cluster.edge.revocation import REVOKED_SESSIONS
from cluster.security.keys import PUBLIC_KEYS, SIGNING_KEYS
from cluster.security.revocation import REVOKED_DEVICES
from serve_apps.auth import tables as auth
from serve_apps.catalog import tables as catalog
from serve_apps.operations import tables as operations
from serve_apps.playback import tables as playback
from serve_apps.profiles import tables as profiles
from serve_apps.recommendations import tables as recommendations
from serve_apps.studio import tables as studio

TABLES: Final[tuple[Table, ...]] = (
    SIGNING_KEYS,
    PUBLIC_KEYS,
    auth.ACCOUNTS,
    auth.EMAILS,
    auth.TRIES,
    auth.DEVICE_CODES,
    auth.MEMBERS,
    auth.CLOSING,
    REVOKED_DEVICES,
    profiles.PROFILES,
    profiles.CHOICES,
    profiles.REQUESTS,
    STREAMS,
    PLACES,
    playback.KEYS,
    REVOKED_SESSIONS,
    catalog.TITLES,
    studio.UPLOADS,
    studio.JOBS,
    studio.LISTS,
    studio.KEYS,
    recommendations.MODELS,
    operations.SCALES,
    EDGES,
    HINTS,
    LEDGER,
    PROCESSED,
)

MOVED: Final = tuple(table for table in TABLES if table is not PROCESSED)
"""What is copied and backed up. What processors keep speaks of offsets, and those are others in every log: they begin anew."""
