"""The ES256 keys that sign access tokens, and how they take turns.

Main path: KeyRing.open -> refresh: first key, rotation, publishing -> KeyRing.signing; PublicKeys.get, which every service has.
Private keys rest encrypted under MATINEE_SECRET and only auth opens their table. Refuses to know what a token says.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
from base64 import b64decode, b64encode
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from joserfc.jwk import ECKey

from cluster.durable import Mode, Row, Store, Table
from cluster.errors import Misconfigured, Unavailable, VersionConflict

SIGNING_KEYS: Final = Table("signing_keys", Mode.LINEAR, group="auth")
PUBLIC_KEYS: Final = Table("public_keys", Mode.LINEAR, group="auth")

LONGEST_TOKEN_S: Final = 600.0
ROTATE_AFTER_S: Final = 30 * 86400.0
SETTLE_S: Final = 120.0
"""Between publishing a key and its first signature: every verifier has read it by then."""
MARGIN_S: Final = 600.0
"""Clocks may differ by minutes, and a signer may be late to notice its turn is over."""
RELOAD_AFTER_S: Final = 20.0

_PARTITION: Final = "keys"
_EARLY_RELOADS: Final = 4
_KEYS_LIMIT: Final = 32


class SigningKey(msgspec.Struct, frozen=True):
    """A private key and the moments of its turn; `number` counts 1, 2, 3…"""

    number: int
    kid: str
    created_at_s: float
    signs_from_s: float
    key: ECKey


def signing_at(keys: Sequence[SigningKey], now_s: float) -> SigningKey | None:
    """Return the key whose turn it is: the newest that has settled; the oldest, should the clock have been set back before all."""
    settled = [key for key in keys if key.signs_from_s <= now_s]
    return max(settled or keys[:1], key=lambda key: key.number, default=None)


def rotation_due(keys: Sequence[SigningKey], now_s: float) -> bool:
    """Say whether the next key should be made."""
    return all(now_s - key.created_at_s >= ROTATE_AFTER_S for key in keys)


def retired(keys: Sequence[SigningKey], now_s: float) -> list[SigningKey]:
    """Return the keys of which no valid token can be left."""
    return [
        key for key in keys if any(other.number > key.number and other.signs_from_s + LONGEST_TOKEN_S + MARGIN_S <= now_s for other in keys)
    ]


def derive(secret: bytes, purpose: str) -> bytes:
    """Return 32 bytes that only this purpose gets from the installation's secret (HKDF-SHA256, RFC 5869)."""
    return HKDF(algorithm=SHA256(), length=32, salt=b"matinee", info=purpose.encode()).derive(secret)


class KeyRing:
    """The private keys, held by auth alone. Many replicas may open at once: the store decides whose key is the first and the next."""

    def __init__(self, signing: Store, public: Store, secret: bytes, now_s: Callable[[], float] = time.time) -> None:
        self._signing, self._public = signing, public
        self._cipher = AESGCM(derive(secret, "signing-keys/1"))
        self._now_s = now_s
        self._keys: list[SigningKey] = []

    async def refresh(self) -> None:
        """Read the keys, make the next one when it's time, publish all, drop the retired; call it each minute.

        Raises:
            Misconfigured: MATINEE_SECRET isn't the one that the keys were encrypted under.
        """
        keys = await self._load()
        now_s = self._now_s()
        if rotation_due(keys, now_s):
            await self._make(keys, now_s)
            keys = await self._load()
        published = {row.sort: row for row in await self._public.scan(_PARTITION, limit=_KEYS_LIMIT)}
        gone = {key.kid for key in retired(keys, now_s)}
        for key in keys:
            if key.kid not in published and key.kid not in gone:
                await _unless_done(self._public.put_if_absent(_PARTITION, key.kid, "public_key", public_jwk(key)))
        for row in await self._signing.scan(_PARTITION, limit=_KEYS_LIMIT):
            if row.value["kid"] in gone:
                # Public first: what can't be verified any more is never signed with.
                if row.value["kid"] in published:
                    await _unless_done(self._public.delete(published[row.value["kid"]]))
                await _unless_done(self._signing.delete(row))
        self._keys = [key for key in keys if key.kid not in gone]

    def signing(self) -> SigningKey:
        """Return the key whose turn it is."""
        key = signing_at(self._keys, self._now_s())
        if key is None:
            raise Unavailable("The signing keys are not loaded yet")
        return key

    def jwks(self) -> dict[str, Any]:
        """Return the public keys as a JWK set (RFC 7517), those included whose turn comes next."""
        return {"keys": [public_jwk(key) for key in self._keys]}

    async def _load(self) -> list[SigningKey]:
        return [self._decrypted(row) for row in await self._signing.scan(_PARTITION, limit=_KEYS_LIMIT)]

    async def _make(self, keys: Sequence[SigningKey], now_s: float) -> None:
        number = max((key.number for key in keys), default=0) + 1
        key = await asyncio.to_thread(ECKey.generate_key, "P-256")
        kid = key.thumbprint()
        nonce = os.urandom(12)
        value = {
            "kid": kid,
            "created_at_s": now_s,
            # Before the first key there is no token, and no verifier that could know another.
            "signs_from_s": now_s + (SETTLE_S if keys else 0.0),
            "nonce": b64encode(nonce).decode(),
            "sealed": b64encode(self._cipher.encrypt(nonce, key.as_der(private=True), kid.encode())).decode(),
        }
        await _unless_done(self._signing.put_if_absent(_PARTITION, f"{number:09d}", "signing_key", value))

    def _decrypted(self, row: Row) -> SigningKey:
        value = row.value
        try:
            der = self._cipher.decrypt(b64decode(value["nonce"]), b64decode(value["sealed"]), value["kid"].encode())
        except InvalidTag as error:
            raise Misconfigured("MATINEE_SECRET is not the one that the signing keys were encrypted under") from error
        return SigningKey(int(row.sort), value["kid"], value["created_at_s"], value["signs_from_s"], ECKey.import_key(der))


def public_jwk(key: SigningKey) -> dict[str, Any]:
    """Return the public half as a JWK."""
    return {**key.key.as_dict(private=False), "kid": key.kid, "use": "sig", "alg": "ES256"}


class PublicKeys:
    """What every service knows of the keys: read from the store, bounded, read again for a `kid` that isn't known yet.

    Unknown ones cost at most four early readings at once and one a second, however many are sent.
    """

    def __init__(self, public: Store, now_s: Callable[[], float] = time.time) -> None:
        self._public = public
        self._now_s = now_s
        self._keys: dict[str, ECKey] = {}
        self._loaded_at_s = float("-inf")
        self._early_reloads = float(_EARLY_RELOADS)
        self._early_counted_at_s = float("-inf")
        self._loading = asyncio.Lock()
        self._loads = 0

    async def get(self, kid: str) -> ECKey | None:
        """Return the key, or None where there is none of this name."""
        known, loads = self._keys.get(kid), self._loads
        stale = self._now_s() - self._loaded_at_s >= RELOAD_AFTER_S
        if known is not None and (not stale or self._loading.locked()):
            return known
        async with self._loading:
            # Those who waited for another's reading take what it brought.
            if self._loads == loads and (stale or self._early_reload(self._now_s())):
                try:
                    await self._reload()
                except Unavailable:
                    # A store that is away for a while ends nobody's session.
                    if known is None:
                        raise
                    self._loaded_at_s = self._now_s()
        return self._keys.get(kid)

    def _early_reload(self, now_s: float) -> bool:
        elapsed_s = max(0.0, now_s - self._early_counted_at_s)
        self._early_reloads = min(float(_EARLY_RELOADS), self._early_reloads + elapsed_s)
        self._early_counted_at_s = now_s
        if self._early_reloads < 1:
            return False
        self._early_reloads -= 1
        return True

    async def _reload(self) -> None:
        rows = await self._public.scan(_PARTITION, limit=_KEYS_LIMIT)
        self._keys = {row.sort: ECKey.import_key({k: row.value[k] for k in ("kty", "crv", "x", "y")}) for row in rows}
        self._loaded_at_s = self._now_s()
        self._loads += 1


async def _unless_done(change: Awaitable[Any]) -> None:
    # A conflict means that another replica was first with the same change.
    with contextlib.suppress(VersionConflict):
        await change
