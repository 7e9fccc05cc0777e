"""What an access token says about its bearer."""

from __future__ import annotations

from typing import Literal

import msgspec

Role = Literal["member", "operator"]


class Claims(msgspec.Struct, frozen=True):
    """The verified content of an access token.

    `profile_id`, `maturity` (an age: the highest rating that the profile may see) and `kids` are set once a profile was chosen.
    """

    account_id: str
    device_id: str
    roles: tuple[Role, ...]
    expires_at_s: float
    profile_id: str | None = None
    maturity: int | None = None
    kids: bool = False
    streams: int = 1
    issued_at_s: float = 0.0
