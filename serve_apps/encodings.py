"""Which encoding of an answer its caller takes. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

_WEIGHT: Final = re.compile(r"[qQ]=(0(?:\.\d{0,3})?|1(?:\.0{0,3})?)", re.ASCII)


def encoding_for(accept_encoding: str, offered: Sequence[str]) -> str:
    """Return which of the encodings offered (smallest first) to send, '' for none (RFC 9110 section 12.5.3)."""
    weights = {}
    for part in accept_encoding.split(","):
        coding, *parameters = (each.strip() for each in part.split(";"))
        weight = next((float(found[1]) for each in parameters if (found := _WEIGHT.fullmatch(each))), 1.0)
        weights[coding.lower()] = weight
    return next((coding for coding in offered if weights.get(coding, weights.get("*", 0.0)) > 0), "")
