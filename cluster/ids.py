"""Opaque identifiers that sort by their creation (UUIDv7, RFC 9562)."""

import uuid_utils


def new_id() -> str:
    """Return a new identifier: 32 hex digits; those made later sort later (to the millisecond)."""
    return uuid_utils.uuid7().hex
