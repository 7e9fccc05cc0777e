"""The routes of televisions and of whoever lets them in (RFC 8628)."""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import FastAPI, Path, Response

from cluster.errors import (
    AccessDenied,
    AccountDisabled,
    AuthorizationPending,
    Conflict,
    DeviceCodeDecided,
    DeviceCodeNotFound,
    ExpiredToken,
    Forbidden,
    SlowDown,
    TooManyRequests,
    Unavailable,
)
from serve_apps.auth import codes, policy
from serve_apps.auth.cookies import Cookies
from serve_apps.auth.parameters import SIGNED_IN
from serve_apps.auth.schemas import DeviceCode, NewDeviceCode, PendingDevice, RedeemDeviceCode, Tokens, WaitingDevice
from serve_apps.auth.service import Auth
from serve_apps.auth.views import time_of
from serve_apps.http import Member, problems

PAGE: Final = "/link"
"""Where the members' site asks for the code."""

UserCode = Annotated[str, Path(min_length=1, max_length=16, description="In whatever case, with or without the hyphen.")]
_DECIDING: Final = problems(*SIGNED_IN, Forbidden, DeviceCodeNotFound, DeviceCodeDecided, Conflict, TooManyRequests)


def add_to(api: FastAPI, auth: Auth, cookies: Cookies) -> None:
    """Add the routes of device codes."""

    @api.post("/device-codes", status_code=201, response_model=DeviceCode, responses=problems(TooManyRequests, Unavailable))
    async def ask_for_device_code(new: NewDeviceCode | None = None) -> DeviceCode:
        """Ask for a code to show; a member types it on another device, where they are signed in."""
        device_code, user_code, code = await auth.device_codes.create((new or NewDeviceCode()).device_name)
        return DeviceCode(
            device_code=device_code,
            user_code=user_code,
            verification_path=PAGE,
            expires_in_s=int(codes.LIFETIME_S),
            interval_s=int(code.interval_s),
        )

    @api.get(
        "/device-codes/{user_code}",
        response_model=WaitingDevice,
        responses=problems(*SIGNED_IN, Forbidden, DeviceCodeNotFound, TooManyRequests),
    )
    async def get_waiting_device(user_code: UserCode, member: Member) -> WaitingDevice:
        """Say what waits under a code, before letting it in; not to a kids profile. At most twenty wrong codes an account and hour."""
        policy.require_not_kids(member)
        shown, code = await auth.device_codes.find(member.account_id, user_code)
        return WaitingDevice.model_validate(
            {"user_code": shown, "device_name": code.device_name, "expires_at": time_of(code.expires_at_s), "state": code.state}
        )

    @api.post("/device-codes/{user_code}/approve", status_code=204, responses=_DECIDING)
    async def approve_device(user_code: UserCode, member: Member) -> None:
        """Let the device that shows this code in, as a device of one's own account; not from a kids profile."""
        policy.require_not_kids(member)
        await auth.device_codes.decide(member.account_id, member.device_id, user_code, approved=True)

    @api.post("/device-codes/{user_code}/deny", status_code=204, responses=_DECIDING)
    async def deny_device(user_code: UserCode, member: Member) -> None:
        """Refuse the device that shows this code; not from a kids profile."""
        policy.require_not_kids(member)
        await auth.device_codes.decide(member.account_id, member.device_id, user_code, approved=False)

    @api.post(
        "/tokens/device-code",
        status_code=201,
        response_model=Tokens,
        responses={
            202: {"model": PendingDevice, "description": "Nobody has decided yet, and `accept_pending` was said."},
            **problems(AuthorizationPending, SlowDown, AccessDenied, ExpiredToken, AccountDisabled, Conflict, Unavailable),
        },
    )
    async def sign_in_by_device_code(waiting: RedeemDeviceCode, response: Response) -> Tokens | Response:
        """Sign in as whoever let this device in; until then 400 `authorization-pending`, and `slow-down` if asked more often than allowed.

        Both say `interval_s`, how long to wait before asking again. A device that says `accept_pending` is answered both by 202.
        A code is good once.
        """
        try:
            tokens = await auth.sign_in_by_code(waiting.device_code)
        except (AuthorizationPending, SlowDown) as refused:
            if not waiting.accept_pending:
                raise
            pending = PendingDevice.model_validate({"state": refused.slug, **refused.fields})
            return Response(pending.model_dump_json(), 202, media_type="application/json")
        cookies.keep(response, tokens)
        return tokens
