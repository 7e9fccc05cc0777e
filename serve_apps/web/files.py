"""The built sites in memory: every file with its encodings, read once.

Main path: `read_site(folder)` -> `Site.file(name)` -> `File.form(accept_encoding)`. A name is only looked up among those that were read,
so none leads out of the folder; and what a build changes meanwhile is seen by the next replica, all of it at once.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cluster.errors import NotFound, SiteNotBuilt
from serve_apps.encodings import encoding_for
from serve_apps.web import policy

DIST: Final = Path(__file__).with_name("dist")
"""Where the build leaves the sites; an installed Matinee comes with it."""

IMMUTABLE: Final = "assets/"
"""Names under it carry a hash of their content."""

MEDIA_TYPES: Final = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".ico": "image/x-icon",
    ".jpg": "image/jpeg",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
    ".webmanifest": "application/manifest+json",
    ".webp": "image/webp",
    ".woff2": "font/woff2",
}
"""What a system's own table says differs from machine to machine."""


@dataclass(frozen=True)
class Form:
    """A file in one encoding ('' for none)."""

    encoding: str
    body: bytes
    digest: str


@dataclass(frozen=True)
class File:
    """One file of the sites."""

    media_type: str
    immutable: bool
    plain: Form
    encoded: Mapping[str, Form]

    @property
    def is_page(self) -> bool:
        """Whether a browser shows it as a page."""
        return self.media_type.startswith("text/html")

    def form(self, accept_encoding: str) -> Form:
        """Return the smallest form that the caller takes."""
        return self.encoded.get(encoding_for(accept_encoding, list(self.encoded)), self.plain)


class Site:
    """All files by name."""

    def __init__(self, files: Mapping[str, File]) -> None:
        self._files = files

    def file(self, path: str) -> File:
        """Return the file that answers a path of a URL.

        Raises:
            NotFound: there is none.
        """
        name = policy.file_of(path)
        found = self._files.get(name) if name is not None else None
        if found is None:
            raise NotFound("There is nothing at this address")
        return found


def read_site(folder: Path) -> Site:
    """Read the built sites.

    Raises:
        SiteNotBuilt: they are not there, or cannot be read.
    """
    try:
        paths = [path for path in sorted(folder.rglob("*")) if path.is_file()]
        files = {path.relative_to(folder).as_posix(): _file(path, folder) for path in paths if path.suffix in MEDIA_TYPES}
    except OSError as error:
        raise SiteNotBuilt(f"The site in {folder} cannot be read: {error.strerror}") from error
    missing = [name for name in (policy.INDEX, policy.CONSOLE) if name not in files]
    if missing:
        raise SiteNotBuilt(f"The site is not built: {folder} has no {missing[0]}")
    return Site(files)


def _file(path: Path, folder: Path) -> File:
    body = path.read_bytes()
    digest = hashlib.sha256(body).hexdigest()[:32]
    encoded = {}
    for encoding in policy.ENCODINGS:
        beside = path.with_name(path.name + policy.SUFFIXES[encoding])
        if beside.is_file():
            encoded[encoding] = Form(encoding, beside.read_bytes(), digest)
    immutable = path.relative_to(folder).as_posix().startswith(IMMUTABLE)
    return File(MEDIA_TYPES[path.suffix], immutable, Form("", body, digest), encoded)
