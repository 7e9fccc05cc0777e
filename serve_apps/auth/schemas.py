"""What auth is asked and what it answers."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from cluster.security.claims import Role
from cluster.settings import EMAIL_MAX, EMAIL_PATTERN, PASSWORD_MAX, PASSWORD_MIN

Email = Annotated[str, StringConstraints(strip_whitespace=True, max_length=EMAIL_MAX, pattern=EMAIL_PATTERN)]
Password = Annotated[str, StringConstraints(min_length=1, max_length=PASSWORD_MAX)]
Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=40, pattern=r"^[^\x00-\x1f\x7f]*$")]
DeviceName = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=80, pattern=r"^[^\x00-\x1f\x7f]*$")]
ProfileId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
Pin = Annotated[str, StringConstraints(pattern=r"^[0-9]{4,6}$")]
Secret = Annotated[str, StringConstraints(max_length=256)]


class _Request(BaseModel):
    # An unknown field is a mistake that people want to hear of. Secrets don't stand in an error or a log.
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class NewAccount(_Request):
    """A sign-up; the first profile gets the account's name."""

    email: Email
    password: Password = Field(description=f"At least {PASSWORD_MIN} characters, and not one of the well known.")
    name: Name
    device_name: DeviceName = "A browser"


class SignIn(_Request):
    """A sign-in."""

    email: Email
    password: Password
    device_name: DeviceName = "A browser"
    device_token: Secret | None = Field(
        default=None, description="From an earlier sign-in: this device is known and has tries of its own. Browsers send a cookie instead."
    )


class Refresh(_Request):
    """A refresh; a browser sends the cookie instead of the token."""

    refresh_token: Secret | None = None
    profile_id: ProfileId | None = Field(default=None, description="The profile that was chosen last on this device: answers its token.")


class ChooseProfile(_Request):
    """Which profile watches on this device from now on."""

    profile_id: ProfileId
    pin: Pin | None = None
    password: Password | None = Field(default=None, description="The account's, where the PIN is forgotten or a kids profile is left.")


class AccountChange(_Request):
    """What to change; what isn't sent stays. A new e-mail or password takes the current password."""

    name: Name | None = None
    email: Email | None = None
    password: Password | None = None
    current_password: Password | None = None


class CloseAccount(_Request):
    """The confirmation that an account shall go."""

    password: Password


class NewDeviceCode(_Request):
    """A device that cannot be typed on asks to be signed in from another one."""

    device_name: DeviceName = "A television"


class RedeemDeviceCode(_Request):
    """What a device asks with until it is signed in."""

    device_code: Secret
    accept_pending: bool = Field(
        default=False, description="Answer 202 while nobody has decided: a browser writes each 400 into its console. RFC 8628 has 400."
    )


class ResetPassword(_Request):
    """A new password, by the link that an operator gave out."""

    token: Secret = Field(description="What follows # in the link.")
    password: Password = Field(description=f"At least {PASSWORD_MIN} characters, and not one of the well known.")


class AccessToken(BaseModel):
    """A token for the Authorization header."""

    access_token: str
    token_type: Literal["Bearer"] = "Bearer"  # noqa: S105
    expires_in_s: int
    account_id: str
    device_id: str
    roles: list[Role]
    profile_id: str | None
    kids: bool
    maturity: int | None


class Tokens(AccessToken):
    """A signed-in device's tokens; a refresh token is good for one refresh."""

    refresh_token: str
    device_token: str
    """Kept beyond signing out; shows at a later sign-in that this device is known."""


class Plan(BaseModel):
    """What an account may do."""

    name: str
    streams: int
    """How many devices may watch at once."""


class AccountDetails(BaseModel):
    """An account, as its members see it."""

    account_id: str
    email: str
    name: str
    roles: list[Role]
    created_at: datetime
    plan: Plan


class MemberAccount(BaseModel):
    """An account, as operators see it."""

    account_id: str
    email: str
    name: str
    roles: list[Role]
    created_at: datetime
    disabled: bool


class MemberPage(BaseModel):
    """Accounts, newest first; a page may hold fewer than asked for, or none, and yet not be the last."""

    items: list[MemberAccount]
    next_cursor: str | None


class ResetLink(BaseModel):
    """The way to a new password, for the member alone; good once."""

    reset_path: str = Field(description="Follows the site's address. The token is its fragment, which no browser sends anywhere.")
    expires_at: datetime


class DeviceCode(BaseModel):
    """A device that waits to be signed in (RFC 8628, section 3.2)."""

    device_code: str = Field(description="For the device alone.")
    user_code: str = Field(description="What it shows: XXXX-XXXX.")
    verification_path: str = Field(description="Follows the site's address: where people type the code.")
    expires_in_s: int
    interval_s: int = Field(description="How often it may ask.")


class PendingDevice(BaseModel):
    """Nobody has decided yet."""

    state: Literal["authorization-pending", "slow-down"]
    interval_s: int = Field(description="How long to wait before asking again.")


class WaitingDevice(BaseModel):
    """What waits under a code, as whoever is to let it in sees it."""

    user_code: str
    device_name: str
    expires_at: datetime
    state: Literal["pending", "approved", "denied"]


class Device(BaseModel):
    """A device that is signed in."""

    device_id: str
    name: str
    created_at: datetime
    seen_at: datetime
    current: bool


class DevicePage(BaseModel):
    """Devices, in the order of their first sign-in."""

    items: list[Device]
    next_cursor: str | None


class JwkSet(BaseModel):
    """The public keys (RFC 7517)."""

    keys: list[dict[str, Any]]
