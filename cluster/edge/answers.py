"""The headers and problem documents of an edge's answers."""

from __future__ import annotations

from typing import Final

import msgspec

from cluster.errors import MatineeError

Headers = list[tuple[str, str]]

CONTENT_TYPES: Final = {
    "m3u8": "application/vnd.apple.mpegurl",
    "mpd": "application/dash+xml",
    "m4s": "video/iso.segment",
    "mp4": "video/mp4",
    "m4a": "audio/mp4",
    "ts": "video/mp2t",
    "vtt": "text/vtt; charset=utf-8",
    "jpg": "image/jpeg",
    "webp": "image/webp",
    "png": "image/png",
    "json": "application/json",
}

# Any site may play: who may see a file is told by its path, never by a cookie.
CORS: Final[Headers] = [
    ("access-control-allow-origin", "*"),
    ("access-control-expose-headers", "Content-Length, Content-Range, Accept-Ranges, ETag"),
    ("cross-origin-resource-policy", "cross-origin"),
    ("timing-allow-origin", "*"),
    ("x-content-type-options", "nosniff"),
]
PREFLIGHT: Final[Headers] = [
    *CORS,
    ("access-control-allow-methods", "GET, HEAD, OPTIONS"),
    ("access-control-allow-headers", "Range, If-Range, If-None-Match, Content-Type"),
    ("access-control-max-age", "86400"),
    ("allow", "GET, HEAD, OPTIONS"),
    ("content-length", "0"),
]


def content_type(name: str) -> str:
    """Return the type that players expect for a file name."""
    return CONTENT_TYPES.get(name.rpartition(".")[2], "application/octet-stream")


def problem(error: MatineeError, instance: str) -> tuple[int, Headers, bytes]:
    """Return status, headers and body of an error as `application/problem+json` (RFC 9457)."""
    body = msgspec.json.encode(error.problem(instance), enc_hook=str)
    headers = [*CORS, ("content-type", "application/problem+json"), ("content-length", str(len(body))), ("cache-control", "no-store")]
    if error.retry_after_s is not None:
        headers.append(("retry-after", str(max(1, round(error.retry_after_s)))))
    if error.status == 405:
        headers.append(("allow", "GET, HEAD, OPTIONS"))
    if error.status == 416:
        headers.append(("content-range", f"bytes */{error.fields['size_bytes']}"))
    return error.status, headers, body
