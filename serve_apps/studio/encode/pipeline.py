"""Encodes a whole file in this process, one thing after the other; the studio's runner spreads the same calls over encoders.

Main path: probe -> plan -> every chunk -> every track -> gather -> package -> stills.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import msgspec

from serve_apps.studio.encode.packaging import Packaged
from serve_apps.studio.encode.plan import Plan
from serve_apps.studio.encode.programs import DEFAULT, Programs
from serve_apps.studio.encode.stills import ArtworkFile


class Encoded(msgspec.Struct, frozen=True, kw_only=True):
    """A finished encode: the package in `out_dir/media`, the pictures in `out_dir/artwork`."""

    plan: Plan
    packaged: Packaged
    artwork: tuple[ArtworkFile, ...]
    missing_frames: int


async def encode_file(
    path: Path,
    out_dir: Path,
    *,
    version_id: str,
    ladder: tuple[int, ...] | None = None,
    preset: str = "veryfast",
    language: str = "und",
    sidecars: tuple[Path, ...] = (),
    on_progress: Callable[[int, int], None] | None = None,
    programs: Programs = DEFAULT,
) -> Encoded:
    """Encode a file into `out_dir`; `on_progress` is told (frames done, frames in all).

    Raises:
        MediaRefused: it cannot be encoded.
    """
    raise NotImplementedError
