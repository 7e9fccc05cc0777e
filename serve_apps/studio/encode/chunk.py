"""Encodes one chunk of a plan, all renditions at once, exactly as many pictures as planned.

Main path: `encode_chunk` -> one ffmpeg -> count every output. What cannot be decoded is padded and counted. Knows neither Ray nor jobs.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from cluster.errors import CorruptData, MediaRefused
from serve_apps.studio.encode.graph import black_graph, encoder, first_read, picture_graph, reading
from serve_apps.studio.encode.ladder import Rendition
from serve_apps.studio.encode.plan import Chunk, Plan
from serve_apps.studio.encode.programs import DEFAULT, READ_BYTES_A_S, Programs

SHOWN = re.compile(r"Parsed_showinfo_\d+ .* pts_time:(-?[\d.]+)")
FRAME_TIMEOUT_S, READ_TIMEOUT_S, BASE_TIMEOUT_S = 2.0, 0.25, 120.0  # a picture encoded, one only read, and all the rest
# Below this share of what the source should give, reading begins farther back: the container may have been entered too late.
ENOUGH = 0.9


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
        CorruptData: the source is gone, or what was written is not what was planned.
    """
    out_dir.mkdir(parents=True, exist_ok=True)
    decoded = 0
    for seek_s in chunk.seeks_s:
        shown = _Shown(plan, chunk)
        arguments = [*reading(plan, source_path, seek_s), "-filter_complex", picture_graph(plan, chunk, seek_s)]
        before = chunk.first_frame - first_read(plan, seek_s)
        await _encode(programs, plan, chunk, arguments, out_dir, shown, on_progress, frames_before=before)
        decoded = shown.inside
        if decoded >= ENOUGH * chunk.source_frames and not shown.late:
            break
    parts = [_part(out_dir, rendition, chunk) for rendition in plan.renditions]
    counts = [await count_frames(part, programs=programs) for part in parts]
    if not any(counts):
        # Nothing here can be decoded, and there is no picture before to let stand.
        await _encode(programs, plan, chunk, ["-filter_complex", black_graph(plan, chunk)], out_dir, _Shown(plan, chunk), on_progress)
        counts = [await count_frames(part, programs=programs) for part in parts]
    if wrong := [count for count in counts if count != chunk.frames]:
        raise CorruptData(f"Chunk {chunk.index} has {wrong[0]} pictures; {chunk.frames} were planned.")
    files = [
        part.replace(out_dir / f"{rendition.name}_{chunk.index:05d}.mp4") for rendition, part in zip(plan.renditions, parts, strict=True)
    ]
    return ChunkResult(tuple(files), decoded, max(0, chunk.source_frames - decoded))


async def count_frames(path: Path, *, programs: Programs = DEFAULT) -> int:
    """Count the pictures that a finished MP4 really holds.

    Raises:
        CorruptData: it cannot be read.
    """
    told = await programs.ffprobe(
        ["-f", "mov", "-count_packets", "-show_entries", "stream=nb_read_packets", "-of", "csv=p=0", f"file:{path.absolute()}"],
        cwd=path.parent,
        timeout_s=BASE_TIMEOUT_S + path.stat().st_size / READ_BYTES_A_S,
    )
    if not told.ok:
        raise CorruptData(f"The pictures of {path.name} cannot be counted: {told.reason}")
    text = told.stdout.decode().strip().strip(",")
    return int(text) if text.isdecimal() else 0  # no stream at all: ffmpeg was given no picture


class _Shown:
    """What the decoder gave, by the lines of the showinfo filter."""

    def __init__(self, plan: Plan, chunk: Chunk) -> None:
        step_s = float(1 / plan.rate.fraction)
        self._begin_s, self._end_s = ((frame - 0.5) * step_s for frame in (chunk.first_frame, chunk.first_frame + chunk.frames))
        self._step_s = step_s
        self._times_s: set[float] = set()
        self._first_s: float | None = None
        self.said: deque[str] = deque(maxlen=20)

    def line(self, line: str) -> None:
        if match := SHOWN.search(line):
            time_s = float(match[1])
            self._first_s = time_s if self._first_s is None else self._first_s
            if self._begin_s <= time_s < self._end_s:
                self._times_s.add(time_s)
        elif "showinfo" not in line and line.strip():
            self.said.append(line)

    @property
    def inside(self) -> int:
        return len(self._times_s)

    @property
    def late(self) -> bool:
        return self._first_s is None or self._first_s >= self._begin_s + self._step_s


def _part(out_dir: Path, rendition: Rendition, chunk: Chunk) -> Path:
    return out_dir / f"{rendition.name}_{chunk.index:05d}.part.mp4"


async def _encode(
    programs: Programs,
    plan: Plan,
    chunk: Chunk,
    arguments: Sequence[str],
    out_dir: Path,
    shown: _Shown,
    on_progress: Callable[[int], None] | None,
    *,
    frames_before: int = 0,
) -> None:
    def progress(line: str) -> None:
        name, _, value = line.partition("=")
        if on_progress and name == "frame" and value.strip().isdecimal():
            on_progress(min(int(value), chunk.frames))

    outputs = [
        argument
        for number, rendition in enumerate(plan.renditions)
        for argument in ("-map", f"[v{number}]", *encoder(plan, rendition), f"file:{_part(out_dir, rendition, chunk).absolute()}")
    ]
    told = await programs.ffmpeg(
        ["-v", "info", "-progress", "pipe:1", "-stats_period", "0.5", *arguments, *outputs],
        cwd=out_dir,
        timeout_s=BASE_TIMEOUT_S + FRAME_TIMEOUT_S * chunk.frames + READ_TIMEOUT_S * frames_before,
        on_line=progress,
        on_error_line=shown.line,
    )
    if not told.ok:
        last = shown.said[-1] if shown.said and told.returncode >= 0 else told.reason
        raise MediaRefused(f"The picture cannot be encoded from picture {chunk.first_frame} on: {last}")
