"""Subtitles of a film as WebVTT: those inside its file and those that come beside it.

Main path: `extract_subtitles` (ffmpeg makes WebVTT of the track) or `convert_sidecar` (.srt, .vtt) -> webvtt.py parses and writes anew.
"""

from __future__ import annotations

from pathlib import Path

import msgspec

from serve_apps.studio.encode.plan import Plan
from serve_apps.studio.encode.programs import DEFAULT, Programs
from serve_apps.studio.encode.source import SubtitleStream

MAX_SIDECAR_BYTES = 4 << 20


class SubtitleTrack(msgspec.Struct, frozen=True, kw_only=True):
    """A finished subtitle track; `file` is the name of its .vtt in the directory it was written to."""

    file: str
    language: str
    label: str
    forced: bool = False


async def extract_subtitles(
    source_path: Path, plan: Plan, stream: SubtitleStream, out_dir: Path, *, programs: Programs = DEFAULT
) -> SubtitleTrack | None:
    """Write one of `plan.subtitles` as `out_dir/s<index>.vtt`; None if there is nothing in it that can be shown."""
    raise NotImplementedError


def convert_sidecar(
    content: bytes, plan: Plan, out_dir: Path, *, number: int, language: str = "und", title: str = "", forced: bool = False
) -> SubtitleTrack:
    """Write the .srt or .vtt of that `content` as `out_dir/x<number>.vtt`, its times being those of the source file.

    Raises:
        MediaRefused: it is neither, or holds no cue; the sentence says which line is wrong.
    """
    raise NotImplementedError
