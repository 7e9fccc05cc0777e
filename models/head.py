"""What a bundle's file says of itself, and whether its bytes are those that were written. Knows neither torch nor numpy.

Main path: bytes -> the one entry of a safetensors header -> its checksum -> Head. Refuses to know pickle, and tensors.
"""

from __future__ import annotations

import hashlib
import json
import re
from typing import Final

import msgspec

from models.about import About
from models.errors import BundleRefused

FORMAT: Final = 1
KEY: Final = "matinee"
NO_SUM: Final = "0" * 64
# As it stands in the header, where the quotes of a JSON text inside JSON are escaped; nothing in that text's own texts looks like it.
SUM: Final = re.compile(rb'\\"sha256\\":\\"([0-9a-f]{64})\\"')
PICKLES: Final = (b"\x80", b"PK\x03\x04", b"PK\x05\x06")
"""How pickles begin, and the archives of torch.save, which have one inside."""


class Head(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The header's entry."""

    format: int
    sha256: str
    about: About
    item_ids: tuple[str, ...]


def check_share(about: About) -> None:
    """Refuse a share of EASE that is none.

    Raises:
        BundleRefused: it is not between 0 and 1.
    """
    if not 0 <= about.ease_share <= 1:
        raise BundleRefused("shape", f"EASE cannot have the share {about.ease_share}")


def head_of(data: bytes) -> Head:
    """Return the header of a bundle.

    Raises:
        BundleRefused: it is none, or of another format, or a byte of it has changed.
    """
    length = int.from_bytes(data[:8], "little")
    if data[8:9] != b"{" or length > len(data) - 8:
        # Only here: the length of a header may begin as a pickle does.
        if data.startswith(PICKLES):
            raise BundleRefused("format", "it is a pickle, or an archive that may hold one, and those are never loaded")
        raise BundleRefused("format", "it is no safetensors file, or only a part of one")
    place = SUM.search(data, 8, 8 + length)
    if place is None:
        raise BundleRefused("format", "its header has no checksum")
    digest = hashlib.sha256(memoryview(data)[: place.start(1)])
    digest.update(NO_SUM.encode())
    digest.update(memoryview(data)[place.end(1) :])
    if digest.hexdigest().encode() != place[1]:
        raise BundleRefused("checksum", "its bytes are not those that were written")
    try:
        text = json.loads(data[8 : 8 + length])["__metadata__"][KEY]
        head = msgspec.json.decode(text, type=Head)
    except (ValueError, KeyError, TypeError, RecursionError, msgspec.MsgspecError) as error:
        raise BundleRefused("format", f"its header cannot be read: {error}") from error
    if head.format != FORMAT:
        raise BundleRefused("format", f"it is of format {head.format}, and format {FORMAT} is known here")
    check_share(head.about)
    return head
