"""The codes of televisions (RFC 8628): one that people type, one that the device keeps, and what becomes of them.

Main path: waiting -> decided by a member -> poll, answered as section 3.5 says.
A device code begins with its user code, which says where it stands; its secret is 256 random bits, of which the store holds a hash.
Refuses to know accounts and stores.
"""

from __future__ import annotations

import re
import secrets
from enum import Enum
from typing import Final, Literal

import msgspec

from cluster.errors import DeviceCodeDecided
from serve_apps.auth.policy import secret_hash

ALPHABET: Final = "BCDFGHJKLMNPQRSTVWXZ"
"""The twenty consonants of RFC 8628, section 6.1: no two look alike, and they spell no word."""
LENGTH: Final = 8
LIFETIME_S: Final = 900.0
INTERVAL_S: Final = 5.0
SLOWER_S: Final = 5.0
"""What a device that asks too often must wait longer from then on (section 3.5)."""
LONGEST_INTERVAL_S: Final = 60.0
JITTER_S: Final = 0.5
"""How much too early an answer's way through the network may make the next question."""

_DEVICE_CODE: Final = re.compile(rf"(?P<user_code>[{ALPHABET}]{{{LENGTH}}})\.(?P<secret>[A-Za-z0-9_-]{{43}})", re.ASCII)

State = Literal["pending", "approved", "denied", "used"]


class Code(msgspec.Struct, frozen=True):
    """A code's row; fields are only ever added, with a default."""

    secret_hash: str
    device_name: str
    expires_at_s: float
    interval_s: float = INTERVAL_S
    polled_at_s: float | None = None
    state: State = "pending"
    account_id: str | None = None
    """Whose member decided."""
    approver_id: str | None = None
    """The device on which they did."""


class Poll(Enum):
    """What a device that asks is told."""

    PENDING = "pending"
    SLOW_DOWN = "slow-down"
    APPROVED = "approved"
    DENIED = "denied"
    EXPIRED = "expired"


def new_user_code() -> str:
    """Return a random code, about 34 bits."""
    return "".join(secrets.choice(ALPHABET) for _ in range(LENGTH))


def shown(user_code: str) -> str:
    """Return a code as people read it: `BCDF-GHJK`."""
    return f"{user_code[:4]}-{user_code[4:]}"


def typed(text: str) -> str | None:
    """Return the code that somebody typed, in whatever case, with or without the hyphen; None if it cannot be one."""
    code = re.sub(r"[\s-]", "", text).upper()
    return code if len(code) == LENGTH and set(code) <= set(ALPHABET) else None


def waiting(device_name: str, now_s: float) -> tuple[str, Code]:
    """Return a new secret, and the code that waits for somebody to decide."""
    secret = secrets.token_urlsafe(32)
    return secret, Code(secret_hash(secret), device_name, now_s + LIFETIME_S)


def device_code(user_code: str, secret: str) -> str:
    """Return what the device keeps."""
    return f"{user_code}.{secret}"


def parse(text: str) -> tuple[str, str] | None:
    """Return user code and secret of a device code; None if it isn't shaped like one."""
    match = _DEVICE_CODE.fullmatch(text) if len(text) <= 64 else None
    return (match["user_code"], match["secret"]) if match is not None else None


def open_to(code: Code, account_id: str, now_s: float) -> bool:
    """Say whether a member of this account may know of the code: it waits, or they decided themselves."""
    return now_s < code.expires_at_s and code.state != "used" and code.account_id in {None, account_id}


def decided(code: Code, account_id: str, approver_id: str, *, approved: bool) -> Code:
    """Return a code that is open to this account after their decision; the first one stands.

    Raises:
        DeviceCodeDecided: they decided otherwise before.
    """
    state: State = "approved" if approved else "denied"
    if code.state == "pending":
        return msgspec.structs.replace(code, state=state, account_id=account_id, approver_id=approver_id)
    if code.state != state:
        raise DeviceCodeDecided(f"This code was {code.state} before")
    return code


def poll(code: Code, now_s: float) -> Poll:
    """Decide what the device is told; only one that still waits can ask too often."""
    if now_s >= code.expires_at_s or code.state == "used":
        return Poll.EXPIRED
    if code.state == "denied":
        return Poll.DENIED
    if code.state == "approved":
        return Poll.APPROVED
    early = code.polled_at_s is not None and now_s - code.polled_at_s < code.interval_s - JITTER_S
    return Poll.SLOW_DOWN if early else Poll.PENDING


def polled(code: Code, told: Poll, now_s: float) -> Code:
    """Return the code after the device was told; an approved one is used up."""
    if told is Poll.APPROVED:
        return msgspec.structs.replace(code, state="used")
    if told is Poll.SLOW_DOWN:
        return msgspec.structs.replace(code, polled_at_s=now_s, interval_s=min(code.interval_s + SLOWER_S, LONGEST_INTERVAL_S))
    return msgspec.structs.replace(code, polled_at_s=now_s) if told is Poll.PENDING else code
