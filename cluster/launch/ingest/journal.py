"""Remembers what an ingest reached, so that one that broke off goes on."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path


class Journal:
    """What was reached for each file, so that a second run goes on; a small file of JSON."""

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            self._kept: dict[str, dict[str, str]] = json.loads(path.read_text())
        except (OSError, ValueError):
            self._kept = {}  # the worst that a lost journal costs is a second upload

    def of(self, file: Path) -> dict[str, str]:
        """Return what was noted for the file as it is now; empty when it changed."""
        return dict(self._kept.get(_fingerprint(file), {}))

    def note(self, file: Path, **reached: str) -> None:
        """Add to what is noted."""
        self._kept.setdefault(_fingerprint(file), {}).update(reached)
        self._write()

    def forget(self, file: Path) -> None:
        """The file is done."""
        if self._kept.pop(_fingerprint(file), None) is not None:
            self._write()

    def _write(self) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        fresh = self._path.with_suffix(".new")
        fresh.write_text(json.dumps(self._kept))
        fresh.replace(self._path)


def _fingerprint(file: Path) -> str:
    stat = file.stat()
    return hashlib.sha256(f"{file.absolute()}\0{stat.st_size}\0{stat.st_mtime_ns}".encode()).hexdigest()
