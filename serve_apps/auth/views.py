"""What auth holds, as its schemas put it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

from serve_apps.auth.accounts import Loaded
from serve_apps.auth.devices import LoadedDevice
from serve_apps.auth.schemas import AccountDetails, Device, DevicePage, MemberAccount, Plan
from serve_apps.http import encode_cursor

PLAN: Final = "House"
"""The one plan: whoever is in the house watches."""


def time_of(at_s: float) -> datetime:
    """Return a moment in UTC."""
    return datetime.fromtimestamp(at_s, UTC)


def details(loaded: Loaded, streams: int) -> AccountDetails:
    """Return an account for its members."""
    account = loaded.account
    return AccountDetails(
        account_id=loaded.account_id,
        email=account.email,
        name=account.name,
        roles=list(account.roles),
        created_at=time_of(account.created_at_s),
        plan=Plan(name=PLAN, streams=streams),
    )


def member(loaded: Loaded) -> MemberAccount:
    """Return an account for operators."""
    account = loaded.account
    return MemberAccount(
        account_id=loaded.account_id,
        email=account.email,
        name=account.name,
        roles=list(account.roles),
        created_at=time_of(account.created_at_s),
        disabled=account.disabled,
    )


def device_page(found: Sequence[LoadedDevice], limit: int, current_id: str) -> DevicePage:
    """Return the first `limit` of the devices that were found."""
    items = [
        Device(
            device_id=each.device_id,
            name=each.device.name,
            created_at=time_of(each.device.created_at_s),
            seen_at=time_of(each.device.seen_at_s),
            current=each.device_id == current_id,
        )
        for each in found[:limit]
    ]
    return DevicePage(items=items, next_cursor=encode_cursor(items[-1].device_id) if len(found) > limit else None)
