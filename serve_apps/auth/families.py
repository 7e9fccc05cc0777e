"""Refresh tokens: one family a device, each token good for one rotation (RFC 9700, section 4.14).

Main path: parse -> is it genuine -> decide -> the next generation. A token's secret is a MAC, under MATINEE_SECRET, of the family's random
seed and the generation: no token stands in the store, a forged one never counts as reuse, and a successor can be told again.
Refuses to know accounts and stores.
"""

from __future__ import annotations

import hmac
import os
import re
from base64 import urlsafe_b64encode
from enum import Enum
from typing import Final

import msgspec

from cluster.errors import TokenInvalid
from cluster.security.keys import derive

GRACE_S: Final = 10.0
"""How long the token before the current one still answers the current one: two tabs, or an answer that was lost."""

_TOKEN = re.compile(
    r"(?P<account_id>[0-9a-f]{32})\.(?P<device_id>[0-9a-f]{32})\.(?P<generation>[0-9]{1,9})\.(?P<secret>[A-Za-z0-9_-]{43})", re.ASCII
)


class Family(msgspec.Struct, frozen=True):
    """What is stored of a device's tokens."""

    seed: str
    """256 random bits, hex."""
    generation: int
    rotated_at_s: float
    expires_at_s: float


class Presented(msgspec.Struct, frozen=True):
    """A token, read but not trusted."""

    account_id: str
    device_id: str
    generation: int
    secret: str


class Decision(Enum):
    """What becomes of a genuine token."""

    ROTATE = "rotate"
    REPEAT = "repeat"
    """Answer the current token again; nothing changes."""
    REUSED = "reused"
    EXPIRED = "expired"


def parse(token: str) -> Presented:
    """Return the parts of a token.

    Raises:
        TokenInvalid: it isn't shaped like one.
    """
    match = _TOKEN.fullmatch(token) if len(token) <= 256 else None
    if match is None:
        raise TokenInvalid("The refresh token is not one of ours")
    return Presented(match["account_id"], match["device_id"], int(match["generation"]), match["secret"])


def decide(family: Family, generation: int, now_s: float) -> Decision:
    """Decide on a genuine token of this generation."""
    if now_s >= family.expires_at_s or generation > family.generation:
        return Decision.EXPIRED
    if generation == family.generation:
        return Decision.ROTATE
    if generation == family.generation - 1 and now_s - family.rotated_at_s <= GRACE_S:
        return Decision.REPEAT
    return Decision.REUSED


def begin(lifetime_s: float, now_s: float) -> Family:
    """Return a new family."""
    return Family(os.urandom(32).hex(), 0, now_s, now_s + lifetime_s)


def rotated(family: Family, lifetime_s: float, now_s: float) -> Family:
    """Return the family after a rotation; its life begins anew."""
    return Family(family.seed, family.generation + 1, now_s, now_s + lifetime_s)


class RefreshTokens:
    """Makes the tokens of families, and tells whether one is genuine."""

    def __init__(self, secret: bytes) -> None:
        self._key = derive(secret, "refresh/1")

    def current(self, account_id: str, device_id: str, family: Family) -> str:
        """Return the family's current token."""
        return f"{account_id}.{device_id}.{family.generation}.{self._secret(account_id, device_id, family.seed, family.generation)}"

    def genuine(self, presented: Presented, family: Family) -> bool:
        """Say whether this family has, or had, this token."""
        expected = self._secret(presented.account_id, presented.device_id, family.seed, presented.generation)
        return hmac.compare_digest(expected, presented.secret)

    def _secret(self, account_id: str, device_id: str, seed: str, generation: int) -> str:
        told = f"{account_id}.{device_id}.{seed}.{generation}".encode()
        return urlsafe_b64encode(hmac.digest(self._key, told, "sha256")).decode().rstrip("=")
