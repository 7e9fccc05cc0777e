"""Packages encoded renditions and tracks as CMAF with HLS and DASH manifests, ready to be served as plain files.

Main path: `gather` for each rendition -> `package` -> Shaka Packager -> subtitles and order patched into the manifests.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import msgspec

from serve_apps.studio.encode.audio import AudioTrack
from serve_apps.studio.encode.ladder import Rendition
from serve_apps.studio.encode.plan import Plan
from serve_apps.studio.encode.programs import DEFAULT, Programs
from serve_apps.studio.encode.subtitles import SubtitleTrack


class Packaged(msgspec.Struct, frozen=True, kw_only=True):
    """What a package holds; `files` are all its files, relative to its directory. `bandwidth_bps` of renditions is measured."""

    duration_s: float
    width: int
    height: int
    frame_rate: float
    renditions: tuple[Rendition, ...]
    audio: tuple[AudioTrack, ...]
    subtitles: tuple[SubtitleTrack, ...]
    files: tuple[str, ...]


async def gather(plan: Plan, rendition: Rendition, chunk_files: Sequence[Path], out_dir: Path, *, programs: Programs = DEFAULT) -> Path:
    """Join the chunks of a rendition, in order, into `out_dir/<rendition>.mp4`; nothing is encoded again.

    Raises:
        CorruptData: the chunks don't make up the whole film.
    """
    raise NotImplementedError


async def package(
    plan: Plan,
    videos: Sequence[Path],
    tracks_dir: Path,
    audio: Sequence[AudioTrack],
    subtitles: Sequence[SubtitleTrack],
    out_dir: Path,
    *,
    programs: Programs = DEFAULT,
) -> Packaged:
    """Package into `out_dir` (master.m3u8, manifest.mpd and what they name).

    `videos` are what `gather` made, in the order of the plan's renditions; the files of the tracks lie in `tracks_dir`.
    """
    raise NotImplementedError
