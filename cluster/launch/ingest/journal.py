"""Remembers what an ingest reached, so that one that broke off goes on."""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Callable
from pathlib import Path

from cluster.ids import new_id


class Journal:
    """What was reached for each file: a folder with a small file of JSON for each, so that nobody writes over another's.

    `warn` hears once if it cannot be written; that ends no ingest, since the worst that a lost journal costs is a second upload.
    """

    def __init__(self, folder: Path, warn: Callable[[str], None] = lambda _: None) -> None:
        self._folder, self._warn = folder, warn
        self._warned = False

    def entry(self, file: Path) -> Entry:
        """Return what was noted for the file as it is now; empty when it changed.

        Raises:
            OSError: the file is not there.
        """
        stat = file.stat()
        fingerprint = hashlib.sha256(f"{file.absolute()}\0{stat.st_size}\0{stat.st_mtime_ns}".encode()).hexdigest()
        return Entry(self._folder / f"{fingerprint}.json", self._failed)

    def _failed(self, error: OSError) -> None:
        if not self._warned:
            self._warned = True
            self._warn(f"{self._folder} cannot be written ({error.strerror}): a run that is broken off will begin again")


class Entry:
    """What one file reached."""

    def __init__(self, path: Path, failed: Callable[[OSError], None]) -> None:
        self._path, self._failed = path, failed
        self.reached: dict[str, str] = {}
        with contextlib.suppress(OSError, ValueError):
            self.reached.update(json.loads(path.read_text()))

    def note(self, **reached: str) -> None:
        """Add to what is noted."""
        self.reached.update(reached)
        fresh = self._path.with_suffix(f".{new_id()}")
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            fresh.write_text(json.dumps(self.reached))
            fresh.replace(self._path)
        except OSError as error:
            self._failed(error)
            with contextlib.suppress(OSError):
                fresh.unlink(missing_ok=True)

    def forget(self) -> None:
        """The file is done."""
        self.reached.clear()
        with contextlib.suppress(OSError):
            self._path.unlink(missing_ok=True)
