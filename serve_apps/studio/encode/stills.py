"""Pictures out of a film: thumbnails to seek by, and candidates for its poster, backdrop and still.

Main path: `thumbnails` and `artwork`, both from the finished renditions (nothing untrusted is decoded any more).
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import msgspec

from serve_apps.studio.encode.plan import Plan
from serve_apps.studio.encode.programs import DEFAULT, Programs


class ArtworkFile(msgspec.Struct, frozen=True, kw_only=True):
    """A candidate, a JPEG; `file` is its name in the directory it was written to. The best of a kind comes first."""

    kind: Literal["poster", "backdrop", "still"]
    file: str
    width: int
    height: int


async def thumbnails(plan: Plan, lowest: Path, out_dir: Path, *, programs: Programs = DEFAULT) -> tuple[str, ...]:
    """Write `thumbnails.vtt` and its sheets into `out_dir`, from the lowest rendition's file; returns the names of the files."""
    raise NotImplementedError


async def artwork(plan: Plan, lowest: Path, highest: Path, out_dir: Path, *, programs: Programs = DEFAULT) -> tuple[ArtworkFile, ...]:
    """Write candidates into `out_dir`: found in the lowest rendition, taken from the highest; posters are cut to 2:3, backdrops to 16:9."""
    raise NotImplementedError
