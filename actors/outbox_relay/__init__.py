"""Carries facts from the outboxes of all tables to the log: `relay` does it, `actor` keeps one running in a cluster."""

from actors.outbox_relay.actor import Relay, RelayHost
from actors.outbox_relay.relay import OutboxRelay

__all__ = ["OutboxRelay", "Relay", "RelayHost"]
