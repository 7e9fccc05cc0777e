"""Encodes one chunk of a plan, all renditions at once, exactly as many pictures as planned.

Main path: `encode_chunk` -> one ffmpeg -> count every output. What cannot be decoded is padded and counted. Knows neither Ray nor jobs.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from serve_apps.studio.encode.plan import Chunk, Plan
from serve_apps.studio.encode.programs import DEFAULT, Programs


@dataclass(frozen=True)
class ChunkResult:
    """A finished chunk: a file for each rendition, in the plan's order."""

    files: tuple[Path, ...]
    decoded_frames: int
    missing_frames: int


async def encode_chunk(
    source_path: Path,
    plan: Plan,
    chunk: Chunk,
    out_dir: Path,
    on_progress: Callable[[int], None] | None = None,
    *,
    programs: Programs = DEFAULT,
) -> ChunkResult:
    """Encode a chunk into `out_dir/<rendition>_<index>.mp4`; `on_progress` is told how many of its pictures are done.

    Repeating it writes the same files again.

    Raises:
        MediaRefused: ffmpeg cannot read the source.
        StorageFull: the disk is full.
    """
    raise NotImplementedError
