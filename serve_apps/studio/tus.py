"""The headers of tus 1.0 (core, creation, creation-with-upload, termination, expiration), read and written.

Knows nothing of where the bytes go.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from email.utils import formatdate
from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from cluster.errors import InvalidInput, PreconditionFailed, UnsupportedMediaType

VERSION: Final = "1.0.0"
EXTENSIONS: Final = "creation,creation-with-upload,termination,expiration"
CONTENT_TYPE: Final = "application/offset+octet-stream"
METADATA_BYTES: Final = 4096
FILENAME_LENGTH: Final = 255


def require_version(version: str | None) -> None:
    """Refuse a client that does not speak tus 1.0.

    Raises:
        PreconditionFailed: Tus-Resumable is missing or names another version.
    """
    if version != VERSION:
        raise PreconditionFailed(f"Tus-Resumable must be {VERSION}")


def require_content_type(content_type: str | None) -> None:
    """Refuse a body of another type.

    Raises:
        UnsupportedMediaType: it is not tus' own.
    """
    if (content_type or "").partition(";")[0].strip().lower() != CONTENT_TYPE:
        raise UnsupportedMediaType(f"Content-Type must be {CONTENT_TYPE}")


def parse_metadata(header: str | None) -> dict[str, str]:
    """Return the pairs of Upload-Metadata.

    Raises:
        InvalidInput: it is too long, no list of pairs, or its filename is none.
    """
    if not header:
        return {}
    if len(header) > METADATA_BYTES:
        raise InvalidInput(f"Upload-Metadata is longer than {METADATA_BYTES} bytes")
    pairs: dict[str, str] = {}
    for item in header.split(","):
        key, _, encoded = item.strip().partition(" ")
        try:
            value = base64.b64decode(encoded, validate=True).decode()
        except (binascii.Error, ValueError) as error:
            raise InvalidInput("Upload-Metadata must be pairs of a key and its base64 value") from error
        if not key or key in pairs:
            raise InvalidInput("Upload-Metadata has a key that is empty or comes twice")
        pairs[key] = value
    name = pairs.get("filename")
    if name is not None and (not 0 < len(name) <= FILENAME_LENGTH or not name.isprintable()):
        raise InvalidInput(f"filename must be 1 to {FILENAME_LENGTH} printable characters")
    return pairs


def format_metadata(pairs: Mapping[str, str]) -> str:
    """Return the header of `parse_metadata`."""
    return ",".join(f"{key} {base64.b64encode(value.encode()).decode()}" if value else key for key, value in pairs.items())


def expires_header(expires_at_s: float) -> str:
    """Return a time as Upload-Expires wants it (RFC 9110, section 5.6.7)."""
    return formatdate(expires_at_s, usegmt=True)


class TusHeaders:
    """Adds to every answer under /uploads what tus asks of all of them, and honours X-HTTP-Method-Override."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http" or not is_upload_path(scope["path"].removeprefix(scope.get("root_path", ""))):
            await self._app(scope, receive, send)
            return
        override = dict(scope["headers"]).get(b"x-http-method-override", b"").decode("latin-1").upper()
        if scope["method"] == "POST" and override in {"PATCH", "DELETE", "HEAD"}:
            scope = {**scope, "method": override}

        async def send_with_version(message: Message) -> None:
            if message["type"] == "http.response.start":
                added = [(b"tus-resumable", VERSION.encode())]
                if message["status"] == 412:
                    added.append((b"tus-version", VERSION.encode()))
                message = {**message, "headers": [*message.get("headers", []), *added]}
            await send(message)

        await self._app(scope, receive, send_with_version)


def is_upload_path(path: str) -> bool:
    """Whether a path (without the service's prefix) is tus'."""
    return path == "/uploads" or path.startswith("/uploads/")
