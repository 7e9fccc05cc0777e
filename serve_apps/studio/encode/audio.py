"""Encodes a sound track: AAC stereo at 48 kHz, in step with the picture, at -23 LUFS by one measured gain.

Main path: `encode_audio` -> measure loudness and true peak -> encode with the gain. Never in chunks: every seam would click.
"""

from __future__ import annotations

from pathlib import Path

import msgspec

from serve_apps.studio.encode.plan import Plan
from serve_apps.studio.encode.programs import DEFAULT, Programs
from serve_apps.studio.encode.source import AudioStream


class AudioTrack(msgspec.Struct, frozen=True, kw_only=True):
    """A finished sound track; `gain_db` is what it was changed by, `loudness_lufs` what it was before (None: silence)."""

    file: str
    language: str
    label: str
    default: bool
    gain_db: float
    loudness_lufs: float | None


async def encode_audio(source_path: Path, plan: Plan, stream: AudioStream, out_dir: Path, *, programs: Programs = DEFAULT) -> AudioTrack:
    """Encode one of `plan.audio` into `out_dir/a<index>.mp4`, exactly as long as the picture; `file` is its name there.

    Raises:
        MediaRefused: the track cannot be decoded.
        StorageFull: the disk is full.
    """
    raise NotImplementedError
