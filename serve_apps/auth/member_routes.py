"""The routes by which operators look after members."""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import FastAPI, Query

from cluster.errors import AccountNotFound, Conflict, DeviceNotFound, Forbidden, InvalidCursor, OperatorOnly, OwnAccount
from serve_apps.auth import views
from serve_apps.auth.parameters import SIGNED_IN, AccountId, Cursor, DeviceId, Limit
from serve_apps.auth.schemas import DevicePage, MemberAccount, MemberPage, ResetLink
from serve_apps.auth.service import Auth
from serve_apps.http import Operator, decode_cursor, encode_cursor, problems

Part = Annotated[str, Query(alias="q", max_length=254, description="Part of the e-mail or the name, in whatever case and accents.")]
_REFUSALS: Final = (*SIGNED_IN, Forbidden, OperatorOnly)
_CHANGING: Final = (*_REFUSALS, AccountNotFound, Conflict)


def add_to(api: FastAPI, auth: Auth) -> None:
    """Add the routes of members."""

    @api.get("/members", response_model=MemberPage, responses=problems(*_REFUSALS, InvalidCursor))
    async def list_members(_: Operator, part: Part = "", limit: Limit = 50, cursor: Cursor = None) -> MemberPage:
        """List accounts, newest first. How much is searched for a page is bounded: follow `next_cursor` also where items are few."""
        found, after = await auth.members.page(part, limit, decode_cursor(cursor))
        return MemberPage(items=[views.member(each) for each in found], next_cursor=encode_cursor(after) if after is not None else None)

    @api.get("/members/{account_id}", response_model=MemberAccount, responses=problems(*_REFUSALS, AccountNotFound))
    async def get_member(account_id: AccountId, _: Operator) -> MemberAccount:
        """Return an account."""
        return views.member(await auth.members.get(account_id))

    @api.get("/members/{account_id}/devices", response_model=DevicePage, responses=problems(*_REFUSALS, AccountNotFound, InvalidCursor))
    async def list_members_devices(account_id: AccountId, operator: Operator, limit: Limit = 50, cursor: Cursor = None) -> DevicePage:
        """List the devices that are signed in to an account."""
        await auth.members.get(account_id)
        return views.device_page(await auth.devices.page(account_id, limit + 1, decode_cursor(cursor)), limit, operator.device_id)

    @api.delete("/members/{account_id}/devices/{device_id}", status_code=204, responses=problems(*_CHANGING, DeviceNotFound))
    async def revoke_members_device(account_id: AccountId, device_id: DeviceId, _: Operator) -> None:
        """Sign a device of an account out: no service takes its tokens after 5 s."""
        await auth.members.get(account_id)
        await auth.revoke_device(account_id, device_id)

    @api.post("/members/{account_id}/disable", status_code=204, responses=problems(*_CHANGING, OwnAccount))
    async def disable_member(account_id: AccountId, operator: Operator) -> None:
        """Sign all devices of an account out, within 5 s, and let nobody sign in to it; not one's own."""
        await auth.members.disable(operator.account_id, account_id)

    @api.post("/members/{account_id}/enable", status_code=204, responses=problems(*_CHANGING))
    async def enable_member(account_id: AccountId, _: Operator) -> None:
        """Let people sign in to an account again, each device anew."""
        await auth.members.enable(account_id)

    @api.post("/members/{account_id}/password-reset", status_code=201, response_model=ResetLink, responses=problems(*_CHANGING))
    async def issue_password_reset(account_id: AccountId, _: Operator) -> ResetLink:
        """Make a link by which the member sets a new password: good once, for an hour, and instead of any made before.

        No answer repeats it. Whoever has it can take the account over: give it to its owner alone.
        """
        path, expires_at_s = await auth.resets.issue(account_id)
        return ResetLink(reset_path=path, expires_at=views.time_of(expires_at_s))
