"""Where tests keep files: in memory, where there is enough of it.

A process that is killed loses nothing there either, and no test cuts the power: a suite that waits for a disk at every commit learns
nothing by it.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

_SHARED: Final = Path("/dev/shm")
_NEEDED_BYTES: Final = 8 << 30


def _enough() -> bool:
    try:
        found = os.statvfs(_SHARED)
    except OSError:
        return False
    # What Java unpacks is run from there.
    return found.f_bavail * found.f_frsize >= _NEEDED_BYTES and not found.f_flag & os.ST_NOEXEC


FOLDER: Final = _SHARED if _enough() else None
"""None: where the system keeps temporary files."""
