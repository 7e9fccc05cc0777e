"""Signed paths: who may read the files of one version of a playable, and until when, told by the path alone.

`/t/<key id>.<expiry>.<session>.<signature>/<playable>/<version>/<file>`: the signature covers all but the file, so one signature
opens a manifest and every segment beside it, and relative URLs in manifests keep it. Main path: playback signs, the edge verifies.
Knows neither HTTP nor which sessions were revoked.
"""

from __future__ import annotations

import hmac
import math
import re
import time
from base64 import urlsafe_b64encode
from collections.abc import Callable
from typing import Final

import msgspec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from cluster.errors import InvalidInput, PathRefused

KEY_PERIOD_S: Final = 30 * 86400
CLOCK_SKEW_S: Final = 300.0
PATH_LIMIT: Final = 1024
"""Characters of a path; longer ones are refused unread."""

_ID = r"[A-Za-z0-9_-]{1,64}"
# No segment begins with a dot, none is empty, and neither `%` nor a backslash is a character of any.
_SEGMENT = r"[A-Za-z0-9_~-][A-Za-z0-9_.~-]{0,127}"
_SCOPE = re.compile(rf"{_ID}/{_ID}/{_ID}", re.ASCII)
_PATH = re.compile(
    rf"/t/(?P<signed>(?P<key>[0-9]{{1,6}})\.(?P<expiry>[0-9]{{1,12}})\.(?P<session>{_ID}))\.(?P<signature>[A-Za-z0-9_-]{{43}})"
    rf"(?P<media>/(?P<playable>{_ID})/(?P<version>{_ID}))/(?P<file>{_SEGMENT}(?:/{_SEGMENT})*)",
    re.ASCII,
)


class SignedPath(msgspec.Struct, frozen=True):
    """What a verified path allows: one file of one version, for one playback session."""

    session_id: str
    expires_at_s: float
    playable_id: str
    version_id: str
    file: str


class _Keys:
    """The keys of the periods that are live, derived from the installation's secret (HKDF-SHA256, RFC 5869)."""

    def __init__(self, secret: bytes) -> None:
        self._secret = secret
        self._derived: dict[int, bytes] = {}

    def of(self, key_id: int) -> bytes:
        key = self._derived.get(key_id)
        if key is None:
            if len(self._derived) >= 4:
                self._derived.clear()
            hkdf = HKDF(algorithm=SHA256(), length=32, salt=None, info=f"path/{key_id}".encode())
            key = self._derived[key_id] = hkdf.derive(self._secret)
        return key


def _signature(key: bytes, signed: str) -> str:
    return urlsafe_b64encode(hmac.digest(key, signed.encode(), "sha256")).decode().rstrip("=")


class PathSigner:
    """Signs the paths that players get."""

    def __init__(self, secret: bytes, now_s: Callable[[], float] = time.time) -> None:
        self._keys = _Keys(secret)
        self._now_s = now_s

    def sign(self, playable_id: str, version_id: str, session_id: str, lifetime_s: float) -> str:
        """Return the path under which all files of this version can be read until `lifetime_s` from now; append `/` and the file.

        Raises:
            InvalidInput: an id has characters that a path can't carry, or the lifetime is longer than a key lives.
        """
        if not _SCOPE.fullmatch(f"{session_id}/{playable_id}/{version_id}"):
            raise InvalidInput("Ids in a signed path are 1 to 64 letters, digits, - and _")
        if not 0 < lifetime_s <= KEY_PERIOD_S:
            raise InvalidInput(f"A signed path lives up to {KEY_PERIOD_S} s, not {lifetime_s:g}")
        now_s = self._now_s()
        key_id = int(now_s // KEY_PERIOD_S)
        signed = f"{key_id}.{math.ceil(now_s + lifetime_s)}.{session_id}"
        media = f"/{playable_id}/{version_id}"
        return f"/t/{signed}.{_signature(self._keys.of(key_id), signed + media)}{media}"


class PathVerifier:
    """Checks the paths that come back."""

    def __init__(self, secret: bytes, now_s: Callable[[], float] = time.time) -> None:
        self._keys = _Keys(secret)
        self._now_s = now_s

    def verify(self, path: str) -> SignedPath:
        """Return what the path allows; `path` is the request's, percent-decoded once, without the query.

        Raises:
            PathRefused: it is malformed, altered, expired, or its key is not live.
        """
        found = _PATH.fullmatch(path) if len(path) <= PATH_LIMIT and ".." not in path else None
        if found is None:
            raise PathRefused
        now_s = self._now_s()
        period, key_id = int(now_s // KEY_PERIOD_S), int(found["key"])
        # A signer whose clock is a little ahead may have begun the next period already.
        if not period - 1 <= key_id <= int((now_s + CLOCK_SKEW_S) // KEY_PERIOD_S):
            raise PathRefused
        # Compared as text: decoding base64 would accept several spellings of the last character.
        expected = _signature(self._keys.of(key_id), found["signed"] + found["media"])
        if not hmac.compare_digest(expected, found["signature"]):
            raise PathRefused
        expires_at_s = float(found["expiry"])
        if expires_at_s <= now_s:
            raise PathRefused("This link has expired")
        return SignedPath(found["session"], expires_at_s, found["playable"], found["version"], found["file"])
