"""Puts an account, a device and a chosen profile into tokens."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from cluster.security.claims import Claims
from cluster.security.tokens import TokenSigner
from cluster.settings import Settings
from serve_apps.auth.accounts import Loaded
from serve_apps.auth.devices import StoredDevice
from serve_apps.auth.families import RefreshTokens
from serve_apps.auth.policy import DeviceProofs
from serve_apps.auth.schemas import AccessToken, Tokens
from serve_apps.profiles.schemas import ChosenProfile


class Issuer:
    """Makes all that a device is given."""

    def __init__(self, signer: TokenSigner, secret: bytes, settings: Settings, now_s: Callable[[], float] = time.time) -> None:
        self.refresh_tokens, self.proofs = RefreshTokens(secret), DeviceProofs(secret)
        self._signer, self._settings = signer, settings
        self._now_s = now_s

    def access_token(self, loaded: Loaded, device_id: str, chosen: ChosenProfile | None) -> AccessToken:
        """Return an access token; with a profile it carries what viewing routes must know of it."""
        return AccessToken(**self._access(loaded, device_id, chosen))

    def tokens(self, loaded: Loaded, device_id: str, device: StoredDevice, chosen: ChosenProfile | None) -> Tokens:
        """Return an access token, the family's current refresh token, and what shows later that the device is known."""
        return Tokens(
            **self._access(loaded, device_id, chosen),
            refresh_token=self.refresh_tokens.current(loaded.account_id, device_id, device.family),
            device_token=self.proofs.of(loaded.account_id, device_id),
        )

    def _access(self, loaded: Loaded, device_id: str, chosen: ChosenProfile | None) -> dict[str, Any]:
        claims = Claims(
            account_id=loaded.account_id,
            device_id=device_id,
            roles=loaded.account.roles,
            expires_at_s=self._now_s() + self._settings.access_token_s,
            profile_id=chosen.profile_id if chosen else None,
            maturity=chosen.maturity if chosen else None,
            kids=chosen.kids if chosen else False,
            streams=self._settings.stream_limit,
        )
        return {
            "access_token": self._signer.sign(claims),
            "expires_in_s": self._settings.access_token_s,
            "account_id": claims.account_id,
            "device_id": claims.device_id,
            "roles": list(claims.roles),
            "profile_id": claims.profile_id,
            "kids": claims.kids,
            "maturity": claims.maturity,
        }
