"""Byte ranges of a request (RFC 9110, section 14), one range at a time."""

from __future__ import annotations

import re
from typing import Final

from cluster.errors import RangeNotSatisfiable

_RANGE: Final = re.compile(r"bytes[ \t]*=[ \t]*(?P<first>[0-9]{0,15})-(?P<last>[0-9]{0,15})[ \t]*", re.ASCII | re.IGNORECASE)


def asked_range(header: str | None, if_range: str | None, etag: str, size_bytes: int) -> tuple[int, int] | None:
    """Return the first byte asked for and the one after the last, or None where the whole file is the answer.

    Several ranges, other units, a malformed header and an If-Range that names another file get the whole file, as the RFC allows.

    Raises:
        RangeNotSatisfiable: the range begins past the end.
    """
    found = _RANGE.fullmatch(header) if header else None
    if found is None or not (found["first"] or found["last"]) or if_range not in {None, etag}:
        return None
    if found["first"]:
        first, end = int(found["first"]), min(int(found["last"] or size_bytes) + 1, size_bytes)
        if found["last"] and int(found["last"]) < first:
            return None
    else:
        first, end = max(0, size_bytes - int(found["last"])), size_bytes
    if first >= size_bytes:
        raise RangeNotSatisfiable(f"The file has {size_bytes} bytes", size_bytes=size_bytes)
    return first, end
