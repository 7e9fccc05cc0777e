"""The tables of playback sessions, their sort keys, and how a process opens them.

`streams` (linear), partition = account: `owner` counts every change of the account's streams and names the epoch that made the last,
`stream/<device>` is a running session, `ended/<session>` remembers one that ended while calls for it may still be repeated, `outbox/…`.
Its partition `shards` holds one row, `owners`: the epoch of each shard. `places` (plain), partition = account: `beat/<device>` the last
heartbeat, `place/<profile>/<playable>` where somebody stopped, `gone/<profile>` a deleted profile whose tokens may still be valid; its
partitions `live/<nnn>` list the accounts that have streams.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AsyncExitStack
from typing import Final

import msgspec

from cluster.durable import Mode, Store, Table, open_store
from cluster.durable.outbox import Nudge, Outbox, open_outbox
from cluster.edge.revocation import REVOKED_SESSIONS
from cluster.security.revocation import REVOKED_DEVICES, RevokedDevices
from cluster.settings import Settings

STREAMS: Final = Table("streams", Mode.LINEAR, group="playback", files=4)
PLACES: Final = Table("places", Mode.PLAIN, group="playback", files=4)

SHARDS: Final = "shards"
OWNERS: Final = "owners"
OWNER: Final = "owner"
STREAM: Final = "stream/"
ENDED: Final = "ended/"
BEAT: Final = "beat/"
PLACE: Final = "place/"
GONE: Final = "gone/"


def live_partition(partition: int) -> str:
    """Return the partition of `places` that lists the accounts with streams of one of the 256 virtual partitions."""
    return f"live/{partition:03d}"


def place_sort(profile_id: str, playable_id: str) -> str:
    """Return the sort key of a place."""
    return f"{PLACE}{profile_id}/{playable_id}"


class Tables(msgspec.Struct, frozen=True):
    """What a shard holds open."""

    streams: Store
    outbox: Outbox
    places: Store
    revoked_sessions: Store
    signed_out: Callable[[str], bool]
    """Says whether a device was signed out."""
    opened: AsyncExitStack

    async def close(self) -> None:
        """Close everything."""
        await self.opened.aclose()


async def open_tables(settings: Settings, now_s: Callable[[], float] = time.time, nudge: Nudge | None = None) -> Tables:
    """Open what a shard needs, and follow the devices that are signed out."""
    async with AsyncExitStack() as opening:
        stores: list[Store] = []
        for table in (STREAMS, PLACES, REVOKED_SESSIONS, REVOKED_DEVICES):
            store = await open_store(settings.store, table, now_s)
            opening.push_async_callback(store.close)
            stores.append(store)
        streams, places, revoked_sessions, devices = stores
        outbox = await open_outbox(settings, streams, nudge, now_s)
        opening.push_async_callback(outbox.close)
        revoked_devices = RevokedDevices(devices)
        opening.push_async_callback(revoked_devices.close)
        await revoked_devices.open()
        return Tables(streams, outbox, places, revoked_sessions, revoked_devices.__contains__, opening.pop_all())
