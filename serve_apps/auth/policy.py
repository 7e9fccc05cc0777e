"""What makes an e-mail, a password, a request from our own site; who may sign in, and leave a kids profile: pure decisions."""

from __future__ import annotations

import hashlib
import hmac
import re
import unicodedata
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from typing import Final
from urllib.parse import urlsplit

import msgspec

from cluster.errors import AccountDisabled, Forbidden, WeakPassword, WrongPin
from cluster.security.claims import Claims, Role
from cluster.security.keys import derive
from cluster.settings import PASSWORD_MIN

DEVICES_LIMIT: Final = 40
"""Devices signed in to one account; the one not seen for longest makes room."""
TRIES_WINDOW_S: Final = 3600.0
UNKNOWN_DEVICE_TRIES: Final = 10
KNOWN_DEVICE_TRIES: Final = 30
"""A device that was signed in once has tries of its own, which nobody else can use up."""

# The ten characters and more of the lists of leaked passwords that lead them.
_LISTED: Final = """
    0123456789 1029384756 1111111111 1122334455 1234512345 12345678901 123456789a 1234567890 123456789q 1234567891 12345678910
    123123123123 123321123321 1q2w3e4r5t 1q2w3e4r5t6y 1qaz2wsx3edc 1qazxsw23edc 9876543210 987654321a abcdefghij abc123abc123 abcd123456
    a123456789 adminadmin administrator asdfghjkl1 asdfghjkl123 asdfasdfasdf basketball changeme123 chocolate1 computer123 football123
    hello12345 iloveyou12 iloveyou123 internet123 letmein123 letmeinletmein liverpool1 matineematinee michelle123 mypassword
    mypassword1 operator123 operatoroperator passw0rd123 password00 password01 password10 password11 password12 password123 password1234
    password12345 password123456 password99 passwordpassword princess123 q1w2e3r4t5 q1w2e3r4t5y6 qazwsxedcrfv qweasdzxc123 qwer123456
    qwerty1234 qwerty12345 qwerty123456 qwertyqwerty qwertyuiop qwertyuiop1 qwertyuiop123 secret1234 spiderman1 sunshine123 superman123
    test123456 testtesttest trustno1trustno1 unknown123 welcome123 welcome1234 whatever123 zaq12wsxcde3 zaq1zaq1zaq1 zxcvbnm123 zxcvbnmasdf
"""
_COMMON: Final = frozenset(_LISTED.split())


class Reset(msgspec.Struct, frozen=True):
    """A password reset that was not used yet."""

    secret_hash: str
    expires_at_s: float


class Account(msgspec.Struct, frozen=True):
    """An account's row; fields are only ever added, with a default."""

    email: str
    email_hash: str
    name: str
    password_hash: str
    roles: tuple[Role, ...]
    created_at_s: float
    profile_made: bool = False
    closing: bool = False
    disabled: bool = False
    """By an operator: nobody signs in."""
    reset: Reset | None = None


def normalised_email(email: str) -> str:
    """Return the form in which two spellings of one address are equal."""
    return unicodedata.normalize("NFKC", email).strip().casefold()


def email_hash(email: str) -> str:
    """Return the partition of an address: no row's key tells one."""
    return hashlib.sha256(normalised_email(email).encode()).hexdigest()


def folded(text: str) -> str:
    """Return the form in which a search finds a name or an e-mail, whatever its case and accents."""
    return "".join(each for each in unicodedata.normalize("NFKD", text.strip().casefold()) if not unicodedata.combining(each)).casefold()


def secret_hash(secret: str) -> str:
    """Return what is stored of a secret of 256 random bits: nothing slower is needed where nobody can guess."""
    return hashlib.sha256(secret.encode()).hexdigest()


def same_secret(secret: str, stored_hash: str) -> bool:
    """Say whether the hash is of this secret."""
    return hmac.compare_digest(secret_hash(secret), stored_hash)


def require_strong(password: str, email: str) -> None:
    """Refuse a password that is guessed early (NIST SP 800-63B, 3.1.1.2).

    Raises:
        WeakPassword: it is short, well known, or the e-mail.
    """
    told = unicodedata.normalize("NFKC", password).casefold()
    address = normalised_email(email)
    if len(told) < PASSWORD_MIN:
        raise WeakPassword(f"A password has at least {PASSWORD_MIN} characters", minimum=PASSWORD_MIN)
    if told in {address, address.partition("@")[0]}:
        raise WeakPassword("The e-mail is no password")
    if told in _COMMON or len(set(told)) < 3:
        raise WeakPassword("This password is too well known")


def require_enabled(account: Account) -> None:
    """Refuse an account that an operator has disabled.

    Raises:
        AccountDisabled: it is.
    """
    if account.disabled:
        raise AccountDisabled("This account is disabled: ask whoever runs this service")


def require_not_kids(claims: Claims) -> None:
    """Refuse a kids profile what concerns the account.

    Raises:
        Forbidden: the caller is in a kids profile.
    """
    if claims.kids:
        raise Forbidden("The account is not a kids profile's matter")


def require_may_leave(locked_in: str | None, chosen_profile_id: str, *, proven: bool) -> None:
    """Hold a device that shows a kids profile to it, unless a PIN or the account's password was shown.

    Raises:
        WrongPin: neither was.
    """
    if locked_in is not None and chosen_profile_id != locked_in and not proven:
        raise WrongPin("Leaving a kids profile takes the other profile's PIN, or the account's password")


def same_origin(headers: Mapping[str, str], site_url: str) -> bool:
    """Say whether a browser's request comes from our own pages; only then may a cookie alone speak for somebody.

    `headers` has lower-case names. Fetch metadata decides where it is sent (all browsers since 2023), else Origin.
    """
    if (fetch_site := headers.get("sec-fetch-site")) is not None:
        return fetch_site == "same-origin"
    try:
        origin = urlsplit(headers.get("origin", ""))
    except ValueError:  # no address
        return False
    if not origin.netloc:
        return False
    return f"{origin.scheme}://{origin.netloc}" == site_url or origin.netloc == headers.get("host")


class DeviceProofs:
    """What a device keeps after it was signed in once: it shows at the next sign-in that the device is known."""

    def __init__(self, secret: bytes) -> None:
        self._key = derive(secret, "device-proof/1")

    def of(self, account_id: str, device_id: str) -> str:
        """Return the proof."""
        mac = urlsafe_b64encode(hmac.digest(self._key, f"{account_id}.{device_id}".encode(), "sha256")).decode().rstrip("=")
        return f"{device_id}.{mac}"

    def device_of(self, proof: str | None, account_id: str | None) -> str | None:
        """Return the device that the proof is of, if it was made for this account."""
        if proof is None or account_id is None or not _PROOF.fullmatch(proof):
            return None
        device_id = proof.partition(".")[0]
        return device_id if hmac.compare_digest(self.of(account_id, device_id), proof) else None


_PROOF = re.compile(r"[0-9a-f]{32}\.[A-Za-z0-9_-]{43}", re.ASCII)
