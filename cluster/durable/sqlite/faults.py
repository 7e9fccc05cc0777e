"""What SQLite's error codes mean in Matinee's words.

The only place that knows the codes. Refuses to know what was being read or written.
"""

from __future__ import annotations

import contextlib
import errno
import os
import sqlite3
import tempfile
from pathlib import Path

from cluster.errors import CorruptData, MatineeError, Misconfigured, StorageFull, StoreUnavailable

_NO_SPACE = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_SYNC = {sqlite3.SQLITE_IOERR_FSYNC, sqlite3.SQLITE_IOERR_DIR_FSYNC}  # then the records are in the file: not nothing was written
_PROBE_BYTES = 64 * 1024


def code(error: sqlite3.Error) -> int:
    """Return SQLite's primary result code; 0 for errors that Python's module raises itself."""
    return int(getattr(error, "sqlite_errorcode", 0) or 0) & 0xFF


def is_busy(error: sqlite3.Error) -> bool:
    """Tell whether another connection is in the way, so that trying again makes sense."""
    return code(error) in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}


def translate(error: sqlite3.Error, path: Path) -> MatineeError:
    """Return the typed error, its cause set; nothing was written where it is StoreUnavailable or StorageFull."""
    failure = _typed(error, path)
    failure.__cause__ = error
    return failure


def translate_at_open(error: sqlite3.Error | OSError, path: Path) -> MatineeError:
    """Return the typed error for a file that cannot be opened: what a person can mend is Misconfigured."""
    failure: MatineeError
    if isinstance(error, OSError):
        full = error.errno in _NO_SPACE
        failure = StorageFull(f"{path}: {error.strerror}") if full else Misconfigured(f"{path} cannot be used: {error.strerror}")
    elif code(error) in {sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM, sqlite3.SQLITE_AUTH}:
        failure = Misconfigured(f"{path} cannot be opened for writing: {error}")
    else:
        failure = _typed(error, path)
    failure.__cause__ = error
    return failure


def _typed(error: sqlite3.Error, path: Path) -> MatineeError:
    match code(error):
        case sqlite3.SQLITE_FULL:
            return StorageFull(f"There is no space left for {path.name}")
        case sqlite3.SQLITE_CORRUPT | sqlite3.SQLITE_NOTADB:
            return CorruptData(f"{path} is damaged: {error}")
        case sqlite3.SQLITE_BUSY | sqlite3.SQLITE_LOCKED:
            return StoreUnavailable(f"{path.name} was in use by others for too long")
        case sqlite3.SQLITE_IOERR if error.sqlite_errorcode not in _SYNC and _no_space(path.parent):
            # SQLite reports a full quota, and a full disk met in its shared memory file, as a plain I/O error.
            return StorageFull(f"There is no space left for {path.name}")
        case _:
            return StoreUnavailable(f"{path.name}: {error}")


def _no_space(folder: Path) -> bool:
    try:
        handle, name = tempfile.mkstemp(dir=folder, prefix=".probe-")
    except OSError as error:
        return error.errno in _NO_SPACE
    try:
        return os.write(handle, b"\0" * _PROBE_BYTES) < _PROBE_BYTES
    except OSError as error:
        return error.errno in _NO_SPACE
    finally:
        os.close(handle)
        with contextlib.suppress(OSError):
            Path(name).unlink()
