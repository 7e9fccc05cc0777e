"""Encodes a whole file in this process, one thing after the other; the studio's runner spreads the same calls over encoders.

Main path: probe -> plan -> every chunk -> every track -> gather -> package -> stills.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec

from serve_apps.studio.encode.audio import encode_audio
from serve_apps.studio.encode.chunk import encode_chunk
from serve_apps.studio.encode.packaging import Packaged, gather, package
from serve_apps.studio.encode.plan import SEGMENTS_A_CHUNK, Plan, plan
from serve_apps.studio.encode.probe import probe
from serve_apps.studio.encode.programs import DEFAULT, Programs
from serve_apps.studio.encode.stills import ArtworkFile, artwork, candidates, samples, thumbnails
from serve_apps.studio.encode.subtitles import convert_sidecar, extract_subtitles


class Sidecar(msgspec.Struct, frozen=True, kw_only=True):
    """A subtitle file that comes beside the film."""

    content: bytes
    language: str = "und"
    title: str = ""
    forced: bool = False


class Encoded(msgspec.Struct, frozen=True, kw_only=True):
    """A finished encode: the package in `out_dir/media`, the pictures in `out_dir/artwork`."""

    plan: Plan
    packaged: Packaged
    artwork: tuple[ArtworkFile, ...]
    candidates: tuple[ArtworkFile, ...]
    missing_frames: int


async def encode_file(
    path: Path,
    out_dir: Path,
    *,
    version_id: str,
    ladder: tuple[int, ...] | None = None,
    preset: str = "veryfast",
    language: str = "und",
    chunk_segments: int = SEGMENTS_A_CHUNK,
    sidecars: Sequence[Sidecar] = (),
    on_progress: Callable[[int, int], None] | None = None,
    programs: Programs = DEFAULT,
) -> Encoded:
    """Encode a file into `out_dir`, or leave nothing there; `on_progress` is told (frames done, frames in all).

    Raises:
        MediaRefused: it cannot be encoded.
        StorageFull: the disk is full.
    """
    work = out_dir / "work"
    work.mkdir(parents=True, exist_ok=True)
    try:
        source = await probe(path, work, programs=programs)
        film = plan(source, ladder=ladder, preset=preset, version_id=version_id, language=language, chunk_segments=chunk_segments)
        results = []
        for chunk in film.chunks:
            done = _progress(on_progress, chunk.first_frame, film.frames_total)
            results.append(await encode_chunk(path, film, chunk, work, done, programs=programs))
            film.require_decodable(sum(result.missing_frames for result in results))
        sounds = [await encode_audio(path, film, stream, work, programs=programs) for stream in film.audio]
        texts = [await extract_subtitles(path, film, stream, work, programs=programs) for stream in film.subtitles]
        beside = [
            convert_sidecar(it.content, film, work, number=number, language=it.language, title=it.title, forced=it.forced)
            for number, it in enumerate(sidecars)
        ]
        videos = [
            await gather(film, rendition, [result.files[number] for result in results], work, programs=programs)
            for number, rendition in enumerate(film.renditions)
        ]
        tracks = [text for text in texts if text is not None] + beside
        packaged = await package(film, videos, work, sounds, tracks, out_dir / "media", programs=programs)
        sheets = await thumbnails(film, videos[0], out_dir / "media", programs=programs)
        pictures = out_dir / "artwork"
        looks = await samples(film, videos[0], pictures, programs=programs)
        found = await artwork(film, looks, videos[-1], pictures, programs=programs)
        choice = await candidates(film, looks, videos[-1], pictures, programs=programs)
    except BaseException:
        for part in ("media", "artwork"):
            shutil.rmtree(out_dir / part, ignore_errors=True)
        raise
    finally:
        shutil.rmtree(work, ignore_errors=True)
    packaged = msgspec.structs.replace(packaged, files=tuple(sorted({*packaged.files, *sheets})))
    missing_frames = sum(result.missing_frames for result in results)
    return Encoded(plan=film, packaged=packaged, artwork=found, candidates=choice, missing_frames=missing_frames)


def _progress(tell: Callable[[int, int], None] | None, before: int, total: int) -> Callable[[int], None] | None:
    return (lambda frames: tell(before + frames, total)) if tell else None
