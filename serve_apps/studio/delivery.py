"""Makes a version out of a job's finished chunks and tracks, and uploads it under media/<playable>/<version>.

Main path: fetch -> gather a rendition -> package -> thumbnails and artwork -> upload. Nothing is live before the runner attaches it.
"""

from __future__ import annotations

import asyncio
import hashlib
from pathlib import Path
from typing import Any

import msgspec

from serve_apps.catalog.schemas import ArtworkImage, Media, Rendition, Track
from serve_apps.studio.blobs import Blobs
from serve_apps.studio.encode.audio import AudioTrack
from serve_apps.studio.encode.packaging import Packaged, gather, package
from serve_apps.studio.encode.plan import Plan
from serve_apps.studio.encode.programs import Programs
from serve_apps.studio.encode.stills import ArtworkFile, artwork, candidates, samples, thumbnails
from serve_apps.studio.encode.subtitles import SubtitleTrack
from serve_apps.studio.policy import JobRecord

Done = dict[str, dict[str, Any]]
"""What the job's finished tasks recorded, by `done/<task>`."""


async def deliver(job: JobRecord, plan: Plan, done: Done, blobs: Blobs, place: Path, programs: Programs) -> dict[str, Any]:
    """Package, upload, and return what attaching takes: {media, artwork, candidates, bytes, notes}.

    Pictures are left under chunks/<job>/artwork; the runner moves them to their public names once that is recorded.
    """
    assert job.version_id is not None
    out, tracks, pictures = place / "out", place / "tracks", place / "artwork"
    for folder in (out, tracks, pictures):
        folder.mkdir()
    videos = [await _rendition(number, plan, done, blobs, place, programs) for number in range(len(plan.renditions))]
    sounds = [value for task, value in sorted(done.items()) if task.startswith("done/audio/")]
    texts = done.get("done/subtitles", {"objects": {}, "tracks": []})
    await blobs.fetch_files((name, tracks / file) for value in (*sounds, texts) for file, name in value["objects"].items())
    audio = [msgspec.convert(value["track"], AudioTrack) for value in sounds]
    subtitles = msgspec.convert(texts["tracks"], list[SubtitleTrack])
    packaged = await package(plan, videos, tracks, audio, subtitles, out, programs=programs)
    sheets = await thumbnails(plan, videos[0], out, programs=programs)
    looks = await samples(plan, videos[0], pictures, programs=programs)
    found = await artwork(plan, looks, videos[-1], pictures, programs=programs)
    choice = await candidates(plan, looks, videos[-1], pictures, programs=programs)
    for video in videos:
        video.unlink()
    prefix = f"media/{job.playable_id}/{job.version_id}"
    size = await blobs.put_files((f"{prefix}/{file}", out / file) for file in sorted({*packaged.files, *sheets}))
    images = [await _kept(job, art, blobs, pictures) for art in found]
    # A part of the film that is like another gives the same picture.
    offered = {image.object_name: image for image in [await _kept(job, art, blobs, pictures) for art in choice]}
    media = media_of(job.version_id, packaged, thumbnails=bool(sheets))
    notes = [*plan.notes, *texts.get("notes", [])]
    told = {name: [image.model_dump() for image in many] for name, many in (("artwork", images), ("candidates", offered.values()))}
    return {"media": media.model_dump(), **told, "bytes": size, "notes": notes}


def media_of(version_id: str, packaged: Packaged, *, thumbnails: bool) -> Media:
    """Return a package as the catalogue knows it."""
    return Media(
        version_id=version_id,
        duration_s=packaged.duration_s,
        width=packaged.width,
        height=packaged.height,
        frame_rate=packaged.frame_rate,
        renditions=[Rendition(width=one.width, height=one.height, bandwidth_bps=one.bandwidth_bps) for one in packaged.renditions],
        audio=[Track(language=track.language, label=track.label) for track in packaged.audio],
        subtitles=[Track(language=track.language, label=track.label) for track in packaged.subtitles],
        thumbnails=thumbnails,
    )


async def _rendition(number: int, plan: Plan, done: Done, blobs: Blobs, place: Path, programs: Programs) -> Path:
    """Join the chunks of one rendition; only its chunks are on disk meanwhile."""
    rendition = plan.renditions[number]
    names = [f"{rendition.name}_{chunk.index:05d}.mp4" for chunk in plan.chunks]
    chunks = [done[f"done/chunk/{chunk.index:05d}"]["objects"] for chunk in plan.chunks]
    fetched = [(objects[name], place / name) for objects, name in zip(chunks, names, strict=True)]
    await blobs.fetch_files(fetched)
    joined = await gather(plan, rendition, [path for _, path in fetched], place, programs=programs)
    for _, path in fetched:
        path.unlink()
    return joined


async def _kept(job: JobRecord, art: ArtworkFile, blobs: Blobs, pictures: Path) -> ArtworkImage:
    """Upload a picture under the name of its content, among what the job made."""
    digest = await asyncio.to_thread(_digest, pictures / art.file)
    name = f"artwork/{digest}{Path(art.file).suffix}"
    await blobs.put(f"chunks/{job.job_id}/{name}", pictures / art.file)
    return ArtworkImage(kind=art.kind, object_name=name, width=art.width, height=art.height)


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
