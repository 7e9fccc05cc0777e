"""Encodes a sound track: AAC stereo at 48 kHz, in step with the picture, at -23 LUFS by one measured gain.

Main path: `encode_audio` -> measure loudness and true peak (EBU R 128) -> encode with the gain. Never in chunks: every seam would click.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from pathlib import Path

import msgspec

from cluster.completed import Completed
from cluster.errors import MediaRefused
from serve_apps.studio.encode.graph import reading
from serve_apps.studio.encode.languages import label_of
from serve_apps.studio.encode.plan import Plan
from serve_apps.studio.encode.programs import DEFAULT, Programs
from serve_apps.studio.encode.source import AudioStream

TARGET_LUFS, PEAK_DBTP, SILENCE_LUFS = -23.0, -1.0, -70.0
BITRATE = "128k"
TRIES = 3  # an overshoot that two corrections don't cure is a hair's breadth
TIMEOUT_S, TIMEOUT_A_SECOND_S = 120.0, 1.0
# Small steps of the container's clock are followed by stretching, large ones (over 0.1 s) by filling with silence or cutting.
IN_STEP = "aresample=osr=48000:ochl=stereo:osf=fltp:async=1:first_pts=0:min_comp=0.01:max_soft_comp=0.01"


class AudioTrack(msgspec.Struct, frozen=True, kw_only=True):
    """A finished sound track; `gain_db` is what it was changed by, `loudness_lufs` what it was before (None: silence)."""

    file: str
    language: str
    label: str
    default: bool
    gain_db: float
    loudness_lufs: float | None


class Loudness(msgspec.Struct, frozen=True):
    """What was measured: integrated loudness and true peak; minus infinity for silence."""

    integrated_lufs: float
    peak_dbtp: float

    @property
    def silent(self) -> bool:
        """Whether there is nothing to bring to any loudness."""
        return not self.integrated_lufs > SILENCE_LUFS


def gain_db(measured: Loudness) -> float:
    """Return the linear gain that brings a track to -23 LUFS, or as near as a true peak of -1 dBTP allows; silence is left alone."""
    return 0.0 if measured.silent else min(TARGET_LUFS - measured.integrated_lufs, PEAK_DBTP - measured.peak_dbtp)


async def encode_audio(source_path: Path, plan: Plan, stream: AudioStream, out_dir: Path, *, programs: Programs = DEFAULT) -> AudioTrack:
    """Encode one of `plan.audio` into `out_dir/a<index>.mp4`, exactly as long as the picture; `file` is its name there.

    Raises:
        MediaRefused: the track cannot be decoded.
        StorageFull: the disk is full.
    """
    out_dir.mkdir(parents=True, exist_ok=True)
    file = out_dir / f"a{stream.index}.mp4"
    opened = [*reading(plan, source_path, None), "-map", f"0:{stream.index}", "-vn", "-sn", "-dn"]
    aligned = f"asetpts='round(PTS-({plan.origin_s:.6f})/TB)',{IN_STEP}"
    trimmed = f"atrim=end={plan.duration_s:.6f}"
    timeout_s = TIMEOUT_S + TIMEOUT_A_SECOND_S * plan.duration_s
    measured = await _measure(programs, [*opened, "-af", f"{aligned},{trimmed},{_METER}"], out_dir, timeout_s, stream)
    gain = gain_db(measured)
    for attempt in range(TRIES):
        told = await programs.ffmpeg(
            [
                *(*opened, "-af", f"{aligned},apad,{trimmed},volume={gain:.2f}dB:precision=float"),
                *("-c:a", "aac", "-b:a", BITRATE, "-ac", "2", "-ar", "48000", "-threads", "1"),
                *("-map_metadata", "-1", "-map_chapters", "-1", "-fflags", "+bitexact", "-flags:a", "+bitexact"),
                *("-f", "mp4", f"file:{file.absolute()}.part"),
            ],
            cwd=out_dir,
            timeout_s=timeout_s,
        )
        _require(told, stream)
        if measured.silent or measured.peak_dbtp + gain < PEAK_DBTP - 1 or attempt == TRIES - 1:
            break
        # Near the top the coder itself may overshoot: then it gets that much less.
        written = await _measure(programs, ["-f", "mov", "-i", f"file:{file.absolute()}.part", "-af", _METER], out_dir, timeout_s, stream)
        if written.peak_dbtp <= PEAK_DBTP:
            break
        gain -= written.peak_dbtp - PEAK_DBTP + 0.05
    Path(f"{file}.part").replace(file)
    return AudioTrack(
        file=file.name,
        language=stream.language,
        label=label_of(stream.language, stream.title),
        default=stream.index == next((track.index for track in plan.audio if track.default), plan.audio[0].index),
        gain_db=round(gain, 2),
        loudness_lufs=None if measured.silent else measured.integrated_lufs,
    )


_METER = "ebur128=peak=true:framelog=quiet"
UNDECODABLE = "Error submitting packet to decoder"
_INTEGRATED, _PEAK = re.compile(r"\bI:\s+(\S+) LUFS"), re.compile(r"\bPeak:\s+(\S+) dBFS")


async def _measure(programs: Programs, arguments: Sequence[str], cwd: Path, timeout_s: float, stream: AudioStream) -> Loudness:
    told = await programs.ffmpeg(["-v", "info", *arguments, "-f", "null", "-"], cwd=cwd, timeout_s=timeout_s)
    _require(told, stream)
    # A track may be empty, or over before the film begins; that is silence. One that can't be decoded is not.
    if " audio:0KiB" in told.stderr and UNDECODABLE in told.stderr:
        raise MediaRefused(f"The sound track {stream.index} ({stream.codec}) cannot be decoded.")
    return read_loudness(told.stderr)


def read_loudness(report: str) -> Loudness:
    """Read the summary of ffmpeg's ebur128 filter."""
    integrated, peak = _INTEGRATED.findall(report), _PEAK.findall(report)
    return Loudness(_number(integrated), _number(peak))


def _number(found: list[str]) -> float:
    try:
        value = float(found[-1]) if found else -math.inf
    except ValueError:
        return -math.inf
    return -math.inf if math.isnan(value) else value


def _require(told: Completed, stream: AudioStream) -> None:
    if not told.ok:
        raise MediaRefused(f"The sound track {stream.index} ({stream.codec}) cannot be encoded: {told.reason}")
