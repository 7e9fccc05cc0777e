"""The HTTP routes of auth."""

from __future__ import annotations

from typing import Final

from fastapi import FastAPI, Request, Response

from cluster.errors import (
    AccountDisabled,
    AccountExists,
    Conflict,
    DeviceNotFound,
    Forbidden,
    InvalidCursor,
    ProfileNotFound,
    RefreshReused,
    ResetLinkInvalid,
    TokenInvalid,
    TooManyRequests,
    Unavailable,
    VersionConflict,
    WeakPassword,
    WrongCredentials,
    WrongPin,
)
from cluster.settings import Settings
from serve_apps.auth import device_code_routes, member_routes, policy
from serve_apps.auth.cookies import PATH, Cookies, DeviceCookie, RefreshCookie
from serve_apps.auth.parameters import SIGNED_IN, Cursor, DeviceId, Limit
from serve_apps.auth.schemas import (
    AccessToken,
    AccountChange,
    AccountDetails,
    ChooseProfile,
    CloseAccount,
    DevicePage,
    JwkSet,
    NewAccount,
    Refresh,
    ResetPassword,
    SignIn,
    Tokens,
)
from serve_apps.auth.service import Auth
from serve_apps.auth.views import details, device_page
from serve_apps.http import Gate, Member, decode_cursor, new_api, problems

PREFIX: Final = PATH


def create_api(auth: Auth, gate: Gate, settings: Settings) -> FastAPI:
    """Return the API of one service."""
    api = new_api("auth", PREFIX, gate)
    cookies = Cookies(settings)

    @api.post("/accounts", status_code=201, response_model=Tokens, responses=problems(AccountExists, Conflict, WeakPassword, Unavailable))
    async def sign_up(new: NewAccount, response: Response) -> Tokens:
        """Make an account and sign in. Browsers get the refresh token as a cookie, too."""
        tokens = await auth.sign_up(new)
        cookies.keep(response, tokens)
        return tokens

    @api.post(
        "/tokens",
        status_code=201,
        response_model=Tokens,
        responses=problems(WrongCredentials, AccountDisabled, TooManyRequests, Conflict, Unavailable),
    )
    async def sign_in(credentials: SignIn, response: Response, device_cookie: DeviceCookie = None) -> Tokens:
        """Sign in. From unknown devices at most ten wrong tries an account and hour; a device that is known has its own."""
        tokens = await auth.sign_in(credentials, credentials.device_token or device_cookie)
        cookies.keep(response, tokens)
        return tokens

    @api.get("/tokens", status_code=204, responses=problems(*SIGNED_IN))
    async def know(member: Member) -> None:
        """Say whether this token is still taken; costs no reading, so that an open page can ask every few seconds."""

    @api.delete("/tokens", status_code=204, responses=problems(*SIGNED_IN, Conflict))
    async def sign_out(member: Member, response: Response) -> None:
        """Sign this device out: no service takes its tokens after 5 s."""
        await auth.sign_out(member)
        cookies.clear(response)

    @api.post(
        "/tokens/profile", response_model=AccessToken, responses=problems(*SIGNED_IN, WrongPin, AccountDisabled, ProfileNotFound, Conflict)
    )
    async def choose_profile(choice: ChooseProfile, member: Member) -> AccessToken:
        """Choose who watches on this device; answers a token that carries the profile.

        From a kids profile only with the other profile's PIN or the account's password; the password also stands in for a forgotten PIN.
        """
        return await auth.choose(member, choice)

    @api.post(
        "/tokens/refresh",
        response_model=Tokens,
        responses=problems(TokenInvalid, RefreshReused, Forbidden, AccountDisabled, ProfileNotFound, Conflict, Unavailable),
    )
    async def refresh(request: Request, response: Response, refresh: Refresh | None = None, refresh_cookie: RefreshCookie = None) -> Tokens:
        """Trade a refresh token for new tokens; each is good for one refresh, and a second use signs the device out everywhere.

        The token before the current one answers the current one again for 10 s, so two tabs or a lost answer end nothing.
        Answers an account's token; with `profile_id`, which must be the profile chosen last on this device, that profile's token, its
        maturity read again, so that a film outlives a token. A device that shows a kids profile gets that profile's token in any case.
        The cookie is accepted from this site's own pages only.
        """
        refresh = refresh or Refresh()
        token = cookies.require_token(request, refresh.refresh_token, refresh_cookie)
        tokens = await auth.refresh(token, refresh.profile_id)
        cookies.keep(response, tokens)
        return tokens

    @api.get("/account", response_model=AccountDetails, responses=problems(*SIGNED_IN, Forbidden))
    async def get_account(member: Member) -> AccountDetails:
        """Return the caller's account; not to a kids profile."""
        policy.require_not_kids(member)
        return details(await auth.account(member), settings.stream_limit)

    @api.patch(
        "/account",
        response_model=AccountDetails,
        responses=problems(*SIGNED_IN, Forbidden, WrongPin, AccountExists, VersionConflict, WeakPassword),
    )
    async def change_account(change: AccountChange, member: Member) -> AccountDetails:
        """Change name, e-mail or password; not from a kids profile. A new password signs all other devices out."""
        policy.require_not_kids(member)
        return details(await auth.change(member, change), settings.stream_limit)

    @api.delete("/account", status_code=204, responses=problems(*SIGNED_IN, Forbidden, WrongPin, Conflict))
    async def close_account(confirmation: CloseAccount, member: Member, response: Response) -> None:
        """Remove the account with all that belongs to it; not from a kids profile."""
        policy.require_not_kids(member)
        await auth.delete(member, confirmation.password)
        cookies.clear(response)

    @api.post("/password-resets", status_code=204, responses=problems(ResetLinkInvalid, WeakPassword, Conflict, Unavailable))
    async def reset_password(reset: ResetPassword) -> None:
        """Set a new password by a link that an operator gave out; signs all devices out. A weak password leaves the link good."""
        await auth.resets.redeem(reset.token, reset.password)

    @api.get("/devices", response_model=DevicePage, responses=problems(*SIGNED_IN, Forbidden, InvalidCursor))
    async def list_devices(member: Member, limit: Limit = 50, cursor: Cursor = None) -> DevicePage:
        """List the devices that are signed in; not to a kids profile."""
        policy.require_not_kids(member)
        return device_page(await auth.devices.page(member.account_id, limit + 1, decode_cursor(cursor)), limit, member.device_id)

    @api.delete("/devices/{device_id}", status_code=204, responses=problems(*SIGNED_IN, Forbidden, DeviceNotFound, Conflict))
    async def revoke_device(device_id: DeviceId, member: Member) -> None:
        """Sign a device out: no service takes its tokens after 5 s. Not from a kids profile."""
        policy.require_not_kids(member)
        await auth.revoke_device(member.account_id, device_id)

    @api.get("/jwks.json", response_model=JwkSet, responses=problems())
    async def jwks(response: Response) -> JwkSet:
        """Return the public keys that tokens are verified with, the one included whose turn comes next."""
        response.headers["Cache-Control"] = "public, max-age=60"
        return JwkSet.model_validate(auth.keys.jwks())

    device_code_routes.add_to(api, auth, cookies)
    member_routes.add_to(api, auth)
    return api
