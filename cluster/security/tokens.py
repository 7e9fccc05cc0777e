"""Access tokens: JWTs in the profile of RFC 9068, signed with ES256 and nothing else.

Main path: auth signs claims -> every service verifies: header pinned, key by `kid`, signature, then issuer, audience and expiry.
Refuses to know of accounts, and of devices that were revoked (see gate.py).
"""

from __future__ import annotations

import time
from base64 import b64decode
from collections import OrderedDict
from collections.abc import Callable
from typing import Final, Literal

import msgspec
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jws import JWSRegistry

from cluster.errors import TokenInvalid
from cluster.ids import new_id
from cluster.security.claims import Claims, Role
from cluster.security.keys import KeyRing, PublicKeys

ISSUER: Final = "urn:matinee:auth"
AUDIENCE: Final = "matinee"
ALGORITHM: Final = "ES256"
TYPE: Final = "at+jwt"
TOKEN_LIMIT: Final = 4096
"""Characters of a token; longer ones are refused unread."""
CACHE_LIMIT: Final = 4096


class _Header(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    # No other parameter is known: jku, x5u, jwk, x5c and crit would let a token bring its own key or rules.
    alg: Literal["ES256"]
    typ: Literal["at+jwt"]
    kid: str


class _Payload(msgspec.Struct, frozen=True):
    iss: Literal["urn:matinee:auth"]
    aud: Literal["matinee"]
    sub: str
    exp: float
    iat: float
    jti: str
    device: str
    roles: tuple[Role, ...]
    streams: int = 1
    profile: str | None = None
    maturity: int | None = None
    kids: bool = False


class TokenSigner:
    """Signs with the key whose turn it is; auth alone has one."""

    def __init__(self, keys: KeyRing, now_s: Callable[[], float] = time.time) -> None:
        self._keys = keys
        self._now_s = now_s

    def sign(self, claims: Claims) -> str:
        """Return the claims as a compact JWT."""
        signing = self._keys.signing()
        payload = _Payload(
            iss="urn:matinee:auth",
            aud="matinee",
            sub=claims.account_id,
            exp=int(claims.expires_at_s),
            iat=self._now_s(),  # with its fraction: what is compared with it happens within a second
            jti=new_id(),
            device=claims.device_id,
            roles=claims.roles,
            streams=claims.streams,
            profile=claims.profile_id,
            maturity=claims.maturity,
            kids=claims.kids,
        )
        header = {"alg": ALGORITHM, "typ": TYPE, "kid": signing.kid}
        return jwt.encode(header, msgspec.to_builtins(payload), signing.key, algorithms=[ALGORITHM])


class TokenVerifier:
    """Verifies tokens; remembers the last that it found right, up to CACHE_LIMIT (about 4 MB)."""

    def __init__(self, keys: PublicKeys, now_s: Callable[[], float] = time.time) -> None:
        self._keys = keys
        self._now_s = now_s
        self._verified: OrderedDict[str, Claims] = OrderedDict()

    async def verify(self, token: str) -> Claims:
        """Return the token's claims.

        Raises:
            TokenInvalid: it is expired, altered, signed by a key that isn't ours, or made for something else.
        """
        claims = self._verified.get(token)
        if claims is None:
            claims = await self._checked(token)
            self._verified[token] = claims
            if len(self._verified) > CACHE_LIMIT:
                self._verified.popitem(last=False)
        if claims.expires_at_s <= self._now_s():
            self._verified.pop(token, None)
            raise TokenInvalid("The token has expired")
        return claims

    async def _checked(self, token: str) -> Claims:
        if len(token) > TOKEN_LIMIT or not token.isascii() or token.count(".") != 2:
            raise TokenInvalid
        try:
            header = msgspec.json.decode(_decoded(token.partition(".")[0]), type=_Header)
        except (ValueError, msgspec.MsgspecError) as error:
            raise TokenInvalid("The token is not one of ours") from error
        key = await self._keys.get(header.kid)
        if key is None:
            raise TokenInvalid("The token's key is not known")
        try:
            # The registry sees the header a second time: whatever it reads differently, it still allows ES256 alone.
            verified = jwt.decode(token, key, algorithms=[ALGORITHM], registry=_REGISTRY)
            payload = msgspec.convert(verified.claims, _Payload, strict=True)
        except (ValueError, JoseError, msgspec.MsgspecError) as error:
            raise TokenInvalid("The token is not one of ours") from error
        return Claims(
            account_id=payload.sub,
            device_id=payload.device,
            roles=payload.roles,
            expires_at_s=payload.exp,
            profile_id=payload.profile,
            maturity=payload.maturity,
            kids=payload.kids,
            streams=payload.streams,
            issued_at_s=payload.iat,
        )


_REGISTRY: Final = JWSRegistry(algorithms=[ALGORITHM])


def _decoded(segment: str) -> bytes:
    return b64decode(segment + "=" * (-len(segment) % 4), altchars=b"-_", validate=True)
