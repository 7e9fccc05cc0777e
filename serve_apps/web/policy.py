"""What web decides: which file a path means, and what a page may do in the browser."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Final

ORIGINS_LIMIT: Final = 64
"""Each stands three times in a header that proxies take up to 16 KiB of."""

ENCODINGS: Final = ("br", "gzip")
"""What is kept beside a file, smallest first; each in a file of its own, named by SUFFIXES."""

SUFFIXES: Final = {"br": ".br", "gzip": ".gz"}

INDEX: Final = "index.html"
CONSOLE: Final = "console.html"

HEADERS: Final = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": ", ".join(
        f"{feature}=()" for feature in ("camera", "display-capture", "geolocation", "hid", "microphone", "midi", "payment", "serial", "usb")
    ),
}
"""What every answer of the sites carries; a page also its content security policy."""

_URL: Final = re.compile(r"(https?)://([A-Za-z0-9._-]{1,253}|\[[0-9A-Fa-f:.]+\])(:\d{1,5})?(/.*)?", re.ASCII)


def file_of(path: str) -> str | None:
    """Return the name of the file that answers a path; None where nothing of the sites is. A name need not exist.

    The sites route by themselves: a path without a dot is a page of theirs, one with a dot is a file.
    """
    name = path.removeprefix("/")
    if "." in name:
        return name
    first = name.partition("/")[0]
    if first == "api":  # a service that does not exist, or not yet: no page pretends to be its answer
        return None
    return CONSOLE if first == "console" else INDEX


def is_known(etag: str, if_none_match: str) -> bool:
    """Say whether the caller holds this version (RFC 9110 section 13.1.2; the comparison is weak)."""
    held = {each.strip().removeprefix("W/") for each in if_none_match.split(",")}
    return etag in held or "*" in held


def origins_of(urls: Iterable[str]) -> list[str]:
    """Return what a content security policy calls the machines of these URLs, at any port; what is no URL is left out.

    Any port, because a page lives for hours: an edge that starts on a machine meanwhile can be asked. An IPv6 address has no name
    in such a policy (CSP 3, host-source), so there its scheme must do.
    """
    origins = dict[str, None]()
    for url in urls:
        found = _URL.fullmatch(url)
        if found is not None:
            origins[f"{found[1]}:" if found[2].startswith("[") else f"{found[1]}://{found[2].lower()}:*"] = None
    return list(origins)[:ORIGINS_LIMIT]


def content_security_policy(edges: Sequence[str]) -> str:
    """Return the policy of a page that is delivered video by these origins.

    Scripts are our own files alone. The player's parts carry their style inside; its buffers, worker and thumbnails are blobs.
    Media may be `data:` because hls.js gives each subtitle track an empty one (`data:,WEBVTT`) and fills it with cues itself.
    """
    delivered = "".join(f" {origin}" for origin in edges)
    return "; ".join(
        (
            "default-src 'self'",
            "script-src 'self'",
            "style-src 'self' 'unsafe-inline'",
            "worker-src 'self' blob:",
            f"connect-src 'self'{delivered}",
            f"img-src 'self' blob:{delivered}",
            f"media-src 'self' blob: data:{delivered}",
            "object-src 'none'",
            "base-uri 'none'",
            "form-action 'self'",
            "frame-ancestors 'none'",
        )
    )
