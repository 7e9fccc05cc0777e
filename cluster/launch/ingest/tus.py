"""Uploads a file by tus 1.0 in chunks, going on from where an earlier try stopped."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final, Protocol

import httpx

from cluster.errors import Conflict, NotFound
from cluster.launch.ingest.journal import Entry

CHUNK_BYTES: Final = 8 << 20
_VERSION: Final = {"Tus-Resumable": "1.0.0"}


class Api(Protocol):
    """The running system, as an operator; raises the MatineeError that a problem document names."""

    def request(
        self,
        method: str,
        path: str,
        *,
        json: Any = None,
        content: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        params: Mapping[str, Any] | None = None,
        idempotent: bool | None = None,
    ) -> httpx.Response:
        """Send one request; a failed connection is tried again where that is safe (a POST with a key says so by `idempotent`)."""
        ...


def upload(api: Api, entry: Entry, file: Path, report: Callable[[int, int], None]) -> str:
    """Upload the file and return the upload's id; `report(sent_bytes, total_bytes)` hears of each chunk, and ends it by raising."""
    total_bytes = file.stat().st_size
    location = entry.reached.get("upload")
    offset = _offset(api, location) if location else None
    if location is None or offset is None:
        name = base64.b64encode(file.name.encode()).decode()
        headers = {**_VERSION, "Upload-Length": str(total_bytes), "Upload-Metadata": f"filename {name}"}
        location = httpx.URL(api.request("POST", "/api/v1/studio/uploads", headers=headers).headers["Location"]).path
        entry.note(upload=location)
        offset = 0
    with file.open("rb") as stream:
        while offset < total_bytes:
            stream.seek(offset)
            headers = {**_VERSION, "Upload-Offset": str(offset), "Content-Type": "application/offset+octet-stream"}
            try:
                offset = int(api.request("PATCH", location, content=stream.read(CHUNK_BYTES), headers=headers).headers["Upload-Offset"])
            except Conflict:  # an earlier try's bytes arrived after all
                known = _offset(api, location)
                if known is None or known == offset:
                    raise
                offset = known
            report(offset, total_bytes)
    return location.rsplit("/", 1)[-1]


def _offset(api: Api, location: str) -> int | None:
    """Return how many bytes the server has; None if it no longer has the upload."""
    try:
        return int(api.request("HEAD", location, headers=_VERSION).headers["Upload-Offset"])
    except NotFound:
        return None
