"""Files of lines, compressed with gzip: what the tables and topics of a backup are kept in.

A line is the JSON of a row (`cluster.durable.Row`) or of an event (`cluster.events.Event`), as `counting.line_of` writes it.
"""

from __future__ import annotations

import asyncio
import gzip
import os
import zlib
from collections.abc import Callable, Sequence
from itertools import islice
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import msgspec

from cluster import events as facts
from cluster.durable import Entry, Row
from cluster.errors import BackupDamaged
from cluster.events import Topic

_LEVEL: Final = 6


class Written:
    """A file being written; it lasts once it is closed."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._raw = path.open("wb")
        self._file = gzip.GzipFile("", "wb", compresslevel=_LEVEL, fileobj=self._raw, mtime=0)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        with self._raw:
            self._file.close()
            self._raw.flush()
            os.fsync(self._raw.fileno())

    async def write(self, lines: Sequence[bytes]) -> None:
        """Write some more lines."""
        await asyncio.to_thread(self._file.write, b"".join(line + b"\n" for line in lines))


class Lines:
    """A file of lines, read from any number on; going on from where one stopped costs nothing. A file that is not there has none."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: gzip.GzipFile | None = None
        self._at = 0

    async def page(self, at: int, limit: int) -> list[bytes]:
        """Return up to `limit` lines from number `at` on; fewer are the last.

        Raises:
            BackupDamaged: the file cannot be read.
        """
        return await asyncio.to_thread(self._page, at, limit)

    def _page(self, at: int, limit: int) -> list[bytes]:
        if not self._path.exists():
            return []
        try:
            if self._file is None or self._at != at:
                self._close()
                self._file, self._at = gzip.GzipFile(self._path, "rb"), 0
                self._at = sum(1 for _ in islice(self._file, at))
            lines = list(islice(self._file, limit))
        except (OSError, EOFError, zlib.error) as error:
            raise BackupDamaged(f"{self._path} is damaged: {error}") from error
        self._at += len(lines)
        if len(lines) < limit:
            self._close()
        return lines

    def _close(self) -> None:
        file, self._file = self._file, None
        if file is not None:
            file.close()


class StoredTable:
    """A table in a backup; read as a store is."""

    def __init__(self, path: Path, now_s: Callable[[], float]) -> None:
        self._path, self._lines, self._now_s = path, Lines(path), now_s

    async def read_all(self, after: str | None = None, *, limit: int = 500) -> tuple[list[Row], str | None]:
        """See `Store.read_all`.

        Raises:
            BackupDamaged: a line is no row.
        """
        at, now_s = int(after or 0), self._now_s()
        lines = await self._lines.page(at, limit)
        try:
            rows = [msgspec.json.decode(line, type=Row) for line in lines]
        except msgspec.DecodeError as error:
            raise BackupDamaged(f"{self._path} is damaged: {error}") from error
        live = [row for row in rows if row.expires_at_s is None or row.expires_at_s > now_s]
        return live, str(at + limit) if len(lines) == limit else None


class StoredLog:
    """The topics in a backup; read as a log is."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._files: dict[Path, Lines] = {}

    async def read(self, topic: Topic, partition: int, offset: int, *, limit: int = 500, wait_s: float = 0.0) -> list[Entry]:
        """See `Log.read`.

        Raises:
            BackupDamaged: a line is no event.
        """
        path = events_file(self._folder, topic, partition)
        lines = await self._files.setdefault(path, Lines(path)).page(offset, limit)
        try:
            return [Entry(number, facts.decode(line)) for number, line in enumerate(lines, offset)]
        except ValueError as error:
            raise BackupDamaged(f"{path} is damaged: {error}") from error


def rows_file(folder: Path, table: str) -> Path:
    """Return the file of a table."""
    return folder / "tables" / f"{table}.jsonl.gz"


def events_file(folder: Path, topic: Topic, partition: int) -> Path:
    """Return the file of a topic's partition."""
    return folder / "topics" / topic.name / f"{partition:03d}.jsonl.gz"
