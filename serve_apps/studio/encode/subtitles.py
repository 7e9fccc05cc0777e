"""Subtitles of a film as WebVTT: those inside its file and those that come beside it.

Main path: `extract_subtitles` (ffmpeg makes WebVTT of the track) or `convert_sidecar` (.srt, .vtt) -> webvtt.py parses and writes anew.
"""

from __future__ import annotations

from pathlib import Path

import msgspec

from cluster.errors import MediaRefused
from serve_apps.studio.encode import webvtt
from serve_apps.studio.encode.graph import reading
from serve_apps.studio.encode.languages import label_of, tag_of
from serve_apps.studio.encode.plan import Plan
from serve_apps.studio.encode.programs import DEFAULT, Programs, writing
from serve_apps.studio.encode.source import SubtitleStream

MAX_SIDECAR_BYTES, MAX_EXTRACTED_BYTES = 4 << 20, 16 << 20
TIMEOUT_S = 120.0


class SubtitleTrack(msgspec.Struct, frozen=True, kw_only=True):
    """A finished subtitle track; `file` is the name of its .vtt in the directory it was written to."""

    file: str
    language: str
    label: str
    forced: bool = False


async def extract_subtitles(
    source_path: Path, plan: Plan, stream: SubtitleStream, out_dir: Path, *, programs: Programs = DEFAULT
) -> SubtitleTrack | None:
    """Write one of `plan.subtitles` as `out_dir/s<index>.vtt`; None if there is nothing in it that can be shown.

    Raises:
        StorageFull: the disk is full.
    """
    out_dir.mkdir(parents=True, exist_ok=True)
    raw, file = out_dir / f"s{stream.index}.raw", out_dir / f"s{stream.index}.vtt"
    told = await programs.writing_little().ffmpeg(
        [*reading(plan, source_path, None), "-map", f"0:{stream.index}", "-c:s", "webvtt", "-f", "webvtt", f"file:{raw.absolute()}"],
        cwd=out_dir,
        timeout_s=TIMEOUT_S + plan.duration_s,
    )
    try:
        if not told.ok:
            return None  # a film isn't refused for its subtitles, but half of them help nobody
        with raw.open("rb") as written:
            cues = webvtt.parse(written.read(MAX_EXTRACTED_BYTES).decode("utf-8", "replace"))
    except (MediaRefused, FileNotFoundError):
        return None
    finally:
        raw.unlink(missing_ok=True)
    if not (inside := webvtt.shift(cues, -plan.origin_s, plan.duration_s)):
        return None
    with writing(out_dir):
        file.write_text(webvtt.write(inside), "utf-8")
    return SubtitleTrack(file=file.name, language=stream.language, label=label_of(stream.language, stream.title), forced=stream.forced)


def convert_sidecar(
    content: bytes, plan: Plan, out_dir: Path, *, number: int, language: str = "und", title: str = "", forced: bool = False
) -> SubtitleTrack:
    """Write the .srt or .vtt of that `content` as `out_dir/x<number>.vtt`, its times being those of the source file.

    Raises:
        MediaRefused: it is neither, or holds no cue; the sentence says which line is wrong.
    """
    if len(content) > MAX_SIDECAR_BYTES:
        raise MediaRefused(f"The subtitles are too large: at most {MAX_SIDECAR_BYTES >> 20} MiB are taken.")
    cues = webvtt.parse(webvtt.decode(content))
    # A player counts from the file's beginning, the film from its first picture.
    inside = webvtt.shift(cues, plan.start_s - plan.origin_s, plan.duration_s)
    if not inside:
        raise MediaRefused("The subtitles begin after the film has ended.")
    out_dir.mkdir(parents=True, exist_ok=True)
    file = out_dir / f"x{number}.vtt"
    with writing(out_dir):
        file.write_text(webvtt.write(inside), "utf-8")
    tag = tag_of(language)
    return SubtitleTrack(file=file.name, language=tag, label=label_of(tag, title), forced=forced)
