"""The gate of every service: a token that auth signed, of a device that nobody signed out.

Main path: `open_gate` -> TokenGate.admit for each request. Refuses to know what the claims allow.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from cluster.durable import Store, open_store
from cluster.errors import DeviceRevoked, TokenInvalid
from cluster.security.claims import Claims
from cluster.security.keys import PUBLIC_KEYS, PublicKeys
from cluster.security.revocation import REVOKED_DEVICES, RevokedDevices
from cluster.security.tokens import TokenVerifier
from cluster.settings import Settings


class TokenGate:
    """Admits tokens; `serve_apps.http` calls it for each request that brings one."""

    def __init__(self, verifier: TokenVerifier, revoked: RevokedDevices, stores: Sequence[Store] = ()) -> None:
        self._verifier = verifier
        self._revoked = revoked
        self._stores = stores

    async def admit(self, token: str) -> Claims:
        """Return the token's claims.

        Raises:
            TokenInvalid: it is expired, altered, made for something else, or from before a kids profile was chosen on its device.
            DeviceRevoked: its device was signed out.
        """
        claims = await self._verifier.verify(token)
        if claims.device_id in self._revoked:
            raise DeviceRevoked
        if self._revoked.outdated(claims):
            raise TokenInvalid("A kids profile was chosen on this device since")
        return claims

    async def close(self) -> None:
        """Stop following the revoked devices, and free the stores that were opened for this gate."""
        await self._revoked.close()
        for store in self._stores:
            await store.close()


async def open_gate(settings: Settings, now_s: Callable[[], float] = time.time) -> TokenGate:
    """Open the gate of a service: it reads the public keys and the revoked devices from the store."""
    public = await open_store(settings.store, PUBLIC_KEYS, now_s)
    revoked_devices = await open_store(settings.store, REVOKED_DEVICES, now_s)
    revoked = RevokedDevices(revoked_devices)
    await revoked.open()
    return TokenGate(TokenVerifier(PublicKeys(public, now_s), now_s), revoked, [public, revoked_devices])
