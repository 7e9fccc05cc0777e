"""Packages encoded renditions and tracks as CMAF with HLS and DASH manifests, ready to be served as plain files.

Main path: `gather` for each rendition -> `package` -> Shaka Packager -> subtitles and order patched into the manifests.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from pathlib import Path

import msgspec

from cluster.errors import CorruptData
from serve_apps.studio.encode import manifests
from serve_apps.studio.encode.audio import AudioTrack
from serve_apps.studio.encode.chunk import count_frames
from serve_apps.studio.encode.graph import timescale
from serve_apps.studio.encode.ladder import Rendition
from serve_apps.studio.encode.languages import distinct
from serve_apps.studio.encode.plan import Plan
from serve_apps.studio.encode.programs import DEFAULT, RESERVE_BYTES, Programs, writing
from serve_apps.studio.encode.subtitles import SubtitleTrack

PACKAGE_TIMEOUT_S = 3600.0


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
    listing = out_dir / f"{rendition.name}.txt"
    with writing(out_dir):
        # Seen from there, the names are ours; the folder may be called anything, and ffmpeg would read quotes and # as its own.
        listing.write_text("".join(f"file '{os.path.relpath(path, out_dir)}'\n" for path in chunk_files))
    joined = out_dir / f"{rendition.name}.mp4"
    told = await programs.ffmpeg(
        [
            *("-f", "concat", "-safe", "0", "-i", f"file:{listing.name}"),
            *("-c", "copy", "-video_track_timescale", str(timescale(plan)), f"file:{joined.absolute()}"),
        ],
        cwd=out_dir,
        timeout_s=PACKAGE_TIMEOUT_S,
    )
    listing.unlink()
    if not told.ok:
        raise CorruptData(f"The chunks of {rendition.name} cannot be joined: {told.reason}")
    frames = await count_frames(joined, programs=programs)
    if frames != plan.frames_total:
        raise CorruptData(f"{rendition.name} has {frames} pictures after joining; {plan.frames_total} were planned.")
    return joined


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
    """Package into `out_dir` (master.m3u8, manifest.mpd and what they name), which is emptied first.

    `videos` are what `gather` made, in the order of the plan's renditions; the files of the tracks lie in `tracks_dir`.
    Tracks whose names are the same get numbers.

    Raises:
        CorruptData: Packager cannot read what was encoded.
        StorageFull: the disk is full.
    """
    shutil.rmtree(out_dir, ignore_errors=True)
    out_dir.mkdir(parents=True)
    tracks = [track.file for track in audio] + [track.file for track in subtitles]
    needed_bytes = RESERVE_BYTES + sum(path.stat().st_size for path in [*videos, *(tracks_dir / file for file in tracks)])
    with writing(out_dir, needed_bytes):
        return await _package(plan, videos, tracks_dir, audio, subtitles, out_dir, programs)


async def _package(
    plan: Plan,
    videos: Sequence[Path],
    tracks_dir: Path,
    audio: Sequence[AudioTrack],
    subtitles: Sequence[SubtitleTrack],
    out_dir: Path,
    programs: Programs,
) -> Packaged:
    sounds = [
        msgspec.structs.replace(track, label=label) for track, label in zip(audio, distinct([track.label for track in audio]), strict=True)
    ]
    texts = [
        msgspec.structs.replace(track, label=label)
        for track, label in zip(subtitles, distinct([track.label for track in subtitles]), strict=True)
    ]
    told = await programs.packager(
        [
            *[_video(os.path.relpath(path, out_dir), rendition) for path, rendition in zip(videos, plan.renditions, strict=True)],
            *[_audio(os.path.relpath(tracks_dir / track.file, out_dir), number, track) for number, track in enumerate(sounds)],
            *("--segment_duration", f"{plan.segment_s:.6f}", "--hls_playlist_type", "VOD", "--generate_static_live_mpd"),
            *("--mpd_output", "manifest.mpd", "--hls_master_playlist_output", "master.m3u8"),
        ],
        cwd=out_dir,
        timeout_s=PACKAGE_TIMEOUT_S,
    )
    if not told.ok:
        raise CorruptData(f"The encoded film cannot be packaged: {told.reason}")
    tracks = []
    for number, track in enumerate(texts):
        tracks.append(manifests.TextTrack(f"s{number}", track.language, track.label, track.forced))
        (out_dir / f"s{number}").mkdir()
        shutil.copyfile(tracks_dir / track.file, out_dir / f"s{number}" / manifests.TEXT_FILE)
        (out_dir / f"s{number}" / "main.m3u8").write_text(manifests.text_playlist(plan.duration_s), "utf-8")
    default = next((track.label for track in sounds if track.default), sounds[0].label if sounds else "")
    master = manifests.master((out_dir / "master.m3u8").read_text("utf-8"), tracks, default_audio=default)
    (out_dir / "master.m3u8").write_text(master, "utf-8")
    mpd = manifests.mpd((out_dir / "manifest.mpd").read_text("utf-8"), tracks, default_audio=default)
    (out_dir / "manifest.mpd").write_text(mpd, "utf-8")
    bandwidths = manifests.bandwidths(master)
    top = plan.renditions[-1]
    return Packaged(
        duration_s=plan.duration_s,
        width=top.width,
        height=top.height,
        frame_rate=float(plan.rate.fraction),
        renditions=tuple(
            msgspec.structs.replace(rendition, bandwidth_bps=bandwidths.get((rendition.width, rendition.height), rendition.bandwidth_bps))
            for rendition in plan.renditions
        ),
        audio=tuple(sounds),
        subtitles=tuple(texts),
        files=tuple(sorted(str(path.relative_to(out_dir)) for path in out_dir.rglob("*") if path.is_file())),
    )


def _video(path: str, rendition: Rendition) -> str:
    name = rendition.name
    return _described(path, "video", name) + f",iframe_playlist_name={name}/iframe.m3u8"


def _audio(path: str, number: int, track: AudioTrack) -> str:
    # Packager wants a language it knows; one that is none is left out.
    language = f",language={track.language}" if track.language != "und" else ""
    return _described(path, "audio", f"a{number}") + f",hls_group_id=audio,hls_name={track.label},dash_label={track.label}{language}"


def _described(path: str, stream: str, name: str) -> str:
    return f"in={path},stream={stream},init_segment={name}/init.mp4,segment_template={name}/$Number%05d$.m4s,playlist_name={name}/main.m3u8"
