"""The devices that are signed in to an account, each with its family of refresh tokens and the profile that it shows.

Main path: opened at sign-in -> rotated at each refresh -> revoked: first written down for every service, then removed with its family.
Refuses to know passwords and HTTP.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Final

import msgspec

from cluster.durable import Change, Delete, Insert, Row, Store, Update
from cluster.errors import Conflict, VersionConflict
from cluster.ids import new_id
from cluster.security.revocation import hold_to_kids, revoke
from serve_apps.auth import families
from serve_apps.auth.accounts import SORT, Accounts, Fact, Loaded
from serve_apps.auth.families import Family
from serve_apps.auth.policy import DEVICES_LIMIT, Account

_PREFIX: Final = "device/"
_ATTEMPTS: Final = 16


class StoredDevice(msgspec.Struct, frozen=True):
    """A device's row; fields are only ever added, with a default."""

    name: str
    created_at_s: float
    seen_at_s: float
    family: Family
    profile_id: str | None = None
    """The profile chosen last."""
    kids: bool = False
    """That one is a kids profile: the device is held to it."""

    @property
    def locked_in(self) -> str | None:
        """The kids profile that this device may not just leave."""
        return self.profile_id if self.kids else None


class LoadedDevice(msgspec.Struct, frozen=True):
    """A device as of a version."""

    row: Row
    device: StoredDevice

    @property
    def device_id(self) -> str:
        """Its id."""
        return self.row.sort.removeprefix(_PREFIX)


class Devices:
    """The rows of devices."""

    def __init__(self, store: Store, revoked: Store, accounts: Accounts, lifetime_s: float, now_s: Callable[[], float] = time.time) -> None:
        self._store, self._revoked, self._accounts = store, revoked, accounts
        self._lifetime_s = lifetime_s
        self._now_s = now_s

    async def get(self, account_id: str, device_id: str) -> LoadedDevice | None:
        """Return a device, unless it stayed away for too long."""
        row = await self._store.get(account_id, _PREFIX + device_id)
        return self._live(row) if row is not None else None

    async def page(self, account_id: str, limit: int = DEVICES_LIMIT, after: str | None = None) -> list[LoadedDevice]:
        """Return devices, the oldest first."""
        rows = await self._store.scan(account_id, _PREFIX, after=None if after is None else _PREFIX + after, limit=limit)
        return [live for row in rows if (live := self._live(row)) is not None]

    def first(self, name: str) -> tuple[str, StoredDevice, Change]:
        """Return a new device, and the change that writes it together with its new account."""
        device = self._opened(name)
        device_id = new_id()
        return device_id, device, self._insert(device_id, device)

    async def open(self, loaded: Loaded, name: str, known_device_id: str | None) -> tuple[str, StoredDevice]:
        """Sign a device in, with a new family; one that is known keeps its id.

        Raises:
            VersionConflict: the account was changed since it was loaded; its password may be another one now.
        """
        for _ in range(_ATTEMPTS):
            present = await self.page(loaded.account_id)
            known = next((each for each in present if each.device_id == known_device_id), None)
            crowded = known is None and len(present) >= DEVICES_LIMIT
            leaving = [min(present, key=lambda each: each.device.seen_at_s)] if crowded else []
            device = self._opened(name)
            device_id = known.device_id if known else new_id()
            if known is not None:
                device = msgspec.structs.replace(device, created_at_s=known.device.created_at_s)
            change = self._update(known.row, device) if known else self._insert(device_id, device)
            try:
                # The account moves on with each device: another that comes at once, and whoever signs all of them out, look again.
                await self._accounts.replace(loaded, loaded.account, [change, *_deletes(leaving)], _revoked(leaving, "replaced"))
            except VersionConflict as error:
                if SORT in error.fields.get("failed", [SORT]):
                    raise
                continue
            if leaving:
                await revoke(self._revoked, [each.device_id for each in leaving], self._now_s())
            return device_id, device
        raise Conflict("Too many sign-ins to this account at once", retry_after_s=1)

    async def replace(self, loaded: LoadedDevice, device: StoredDevice) -> LoadedDevice:
        """Replace a device as it was loaded.

        Raises:
            VersionConflict: it was changed or revoked meanwhile.
        """
        row = await self._store.compare_and_set(loaded.row, msgspec.to_builtins(device), expires_at_s=device.family.expires_at_s)
        return LoadedDevice(row, device)

    async def hold_to_kids(self, device_id: str) -> None:
        """End the device's tokens that are none of a kids profile's; to be called before the device shows one."""
        await hold_to_kids(self._revoked, device_id, self._now_s())

    def rotated(self, device: StoredDevice) -> StoredDevice:
        """Return the device with its family's next generation."""
        now_s = self._now_s()
        return msgspec.structs.replace(device, seen_at_s=now_s, family=families.rotated(device.family, self._lifetime_s, now_s))

    async def revoke(
        self,
        account_id: str,
        device_ids: Sequence[str] | None,
        reason: str,
        *,
        keep: str | None = None,
        change: Callable[[Loaded], Account] | None = None,
        facts: Sequence[Fact] = (),
    ) -> Loaded | None:
        """Sign devices out everywhere (None: all but `keep`), and change the account with it; return it, None if there is none.

        Idempotent. Every service refuses their tokens after its next poll, even if this call then fails half-way.
        """
        for _ in range(_ATTEMPTS):
            loaded = await self._accounts.get(account_id)
            if loaded is None:
                return None
            account = change(loaded) if change is not None else loaded.account
            present = await self.page(account_id)
            gone = [each for each in present if (each.device_id in device_ids if device_ids is not None else each.device_id != keep)]
            if gone:
                await revoke(self._revoked, [each.device_id for each in gone], self._now_s())
            elif change is None:
                return loaded
            told = [Fact("device.revoked", {"device_id": each.device_id, "reason": reason}, each.device_id) for each in gone]
            try:
                return await self._accounts.replace(
                    loaded, account, [Delete(each.row.sort, each.row.version) for each in gone], [*told, *facts]
                )
            except VersionConflict:
                continue
        raise Conflict("The account is being changed: try again", retry_after_s=1)

    def _opened(self, name: str) -> StoredDevice:
        now_s = self._now_s()
        return StoredDevice(name, now_s, now_s, families.begin(self._lifetime_s, now_s))

    def _live(self, row: Row) -> LoadedDevice | None:
        device = msgspec.convert(row.value, StoredDevice)
        return LoadedDevice(row, device) if self._now_s() < device.family.expires_at_s else None

    def _insert(self, device_id: str, device: StoredDevice) -> Insert:
        return Insert(_PREFIX + device_id, "device", msgspec.to_builtins(device), device.family.expires_at_s)

    def _update(self, row: Row, device: StoredDevice) -> Update:
        return Update(row.sort, row.kind, msgspec.to_builtins(device), row.version, device.family.expires_at_s)


def _deletes(gone: Sequence[LoadedDevice]) -> list[Delete]:
    return [Delete(each.row.sort, each.row.version) for each in gone]


def _revoked(gone: Sequence[LoadedDevice], reason: str) -> list[Fact]:
    return [Fact("device.revoked", {"device_id": each.device_id, "reason": reason}, each.device_id) for each in gone]
