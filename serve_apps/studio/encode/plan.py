"""The plan of an encode: a grid of pictures at a constant rate, cut into chunks that are encoded apart and fit together exactly.

Main path: Source -> `plan` -> Plan, which is kept with the job as JSON. Pure: the same source gives the same plan.
Knows no ffmpeg: chunk.py puts a plan into its words.
"""

from __future__ import annotations

import bisect
from fractions import Fraction
from itertools import pairwise
from typing import Literal, TypeVar

import msgspec

from cluster.errors import MediaRefused
from serve_apps.studio.encode.ladder import Rendition, renditions
from serve_apps.studio.encode.languages import label_of, tag_of
from serve_apps.studio.encode.source import AudioStream, Rate, Source, SubtitleStream, VideoStream
from serve_apps.studio.encode.timeline import standard_rate

Matrix = Literal["bt709", "smpte170m", "bt470bg"]
Track = TypeVar("Track", AudioStream, SubtitleStream)

GOP_S, GOPS_A_SEGMENT, SEGMENTS_A_CHUNK = 2, 2, 5
MAX_DURATION_S = 24 * 3600.0
MAX_PIXELS = 8192 * 4352
HD_WIDTH = 1280  # from here on a film that doesn't say uses the colours of HD television
MAX_AUDIO, MAX_SUBTITLES = 16, 64
UNDECODABLE_SHARE = 0.1
# A seek may land a key picture late: aim one earlier, and this far back at least.
MARGIN_S, FAR_MARGIN_S = 1.0, 30.0
# A chunk that would have to be read from this many of its lengths before it is joined to the one before: key pictures are rare there.
FAR_CHUNKS = 3
# Sound that begins this long before the picture is kept, and the first picture held meanwhile.
EARLY_SOUND_S = 1.0


class Chunk(msgspec.Struct, frozen=True):
    """Pictures `first_frame` to `first_frame + frames - 1` of the grid.

    `seeks_s`: where on the file's clock to begin reading, and where if that turns out too late (None: the beginning).
    """

    index: int
    first_frame: int
    frames: int
    source_frames: int  # that the source should give for them
    seeks_s: tuple[float | None, ...]


class Picture(msgspec.Struct, frozen=True, kw_only=True):
    """What happens to every picture on its way to the grid."""

    index: int
    convert: Literal["", "wide", "hdr"]  # from wider colours than television's, from more brightness
    matrix: Matrix


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """All that encoding needs to know of a source; every time is relative to `origin_s` unless it says otherwise."""

    version_id: str
    demuxer: str
    origin_s: float  # on the file's clock
    start_s: float  # on the file's clock
    seekable: bool
    picture: Picture
    rate: Rate
    frames_total: int
    gop_frames: int
    segment_frames: int
    chunks: tuple[Chunk, ...]
    renditions: tuple[Rendition, ...]
    preset: str
    audio: tuple[AudioStream, ...] = ()
    subtitles: tuple[SubtitleStream, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def duration_s(self) -> float:
        """How long the film is."""
        return float(self.frames_total / self.rate.fraction)

    @property
    def segment_s(self) -> float:
        """How long a segment is."""
        return float(self.segment_frames / self.rate.fraction)

    @property
    def source_frames(self) -> int:
        """How many pictures the source should give."""
        return sum(chunk.source_frames for chunk in self.chunks)

    def require_decodable(self, missing_frames: int) -> None:
        """Refuse a film of which too much cannot be decoded; `missing_frames` may still grow.

        Raises:
            MediaRefused: more than a tenth of its pictures are missing.
        """
        if missing_frames > UNDECODABLE_SHARE * self.source_frames:
            share = missing_frames / self.source_frames
            raise MediaRefused(
                f"The file is damaged: at least {missing_frames} of its {self.source_frames} pictures ({share:.0%}) cannot be decoded.",
                missing_frames=missing_frames,
                source_frames=self.source_frames,
            )


def plan(
    source: Source,
    *,
    ladder: tuple[int, ...] | None = None,
    preset: str,
    version_id: str,
    language: str = "und",
    chunk_segments: int = SEGMENTS_A_CHUNK,
) -> Plan:
    """Plan the encode of a source; `ladder` are heights of renditions, `language` that of tracks which don't say theirs.

    Raises:
        MediaRefused: the film is too long or too large.
        InvalidInput: `ladder` cannot be made.
    """
    video = source.video
    width, height = video.display_size
    if width * height > MAX_PIXELS:
        raise MediaRefused(f"The picture is too large: {width}x{height}.")
    if source.duration_s > MAX_DURATION_S:
        raise MediaRefused(f"The film is too long: {source.duration_s / 3600:.0f} hours; at most {MAX_DURATION_S / 3600:.0f} are taken.")
    rate = standard_rate(video.frame_rate.fraction)
    language = tag_of(language)
    lead_frames = _lead_frames(source, rate)
    origin_s = source.origin_s - float(lead_frames / rate)
    frames_total = max(1, round(source.duration_s * rate)) + lead_frames
    gop_frames = round(GOP_S * rate)
    segment_frames = GOPS_A_SEGMENT * gop_frames
    chunk_frames = chunk_segments * segment_frames if source.seekable else frames_total
    far_frames = FAR_CHUNKS * chunk_frames

    def begins(frame: int) -> bool:
        seek_s = _seeks(source, float((frame - lead_frames) / rate))[0]
        read_from = (seek_s - origin_s) * rate if seek_s is not None else 0
        return frame - read_from <= far_frames

    cuts = [0, *(frame for frame in range(chunk_frames, frames_total, chunk_frames) if begins(frame)), frames_total]
    if len(cuts) > 2 and cuts[-1] - cuts[-2] < segment_frames:
        del cuts[-2]  # a last chunk of a few pictures costs as much to begin as any
    chunks = tuple(
        _chunk(source, rate, number, first_frame, after - first_frame, lead_frames)
        for number, (first_frame, after) in enumerate(pairwise(cuts))
    )
    notes = [
        f"Subtitles in {label_of(track.language)} are pictures ({track.codec}) and were left out."
        for track in source.subtitles
        if not track.text
    ]
    texts = [track for track in source.subtitles if track.text]
    for kept, most, words in ((source.audio, MAX_AUDIO, "sound"), (texts, MAX_SUBTITLES, "subtitle")):
        if len(kept) > most:
            notes.append(f"Only the first {most} of {len(kept)} {words} tracks were kept.")
    return Plan(
        version_id=version_id,
        demuxer=source.demuxer,
        origin_s=origin_s,
        start_s=source.start_s,
        seekable=source.seekable,
        picture=_picture(video),
        rate=Rate.of(rate),
        frames_total=frames_total,
        gop_frames=gop_frames,
        segment_frames=segment_frames,
        chunks=chunks,
        renditions=renditions((width, height), rate, ladder),
        preset=preset,
        audio=tuple(_spoken(track, language) for track in source.audio[:MAX_AUDIO]),
        subtitles=tuple(_spoken(track, language) for track in texts[:MAX_SUBTITLES]),
        notes=tuple(notes),
    )


def _lead_frames(source: Source, rate: Fraction) -> int:
    lead_s = source.origin_s - source.start_s if source.audio else 0.0
    return int(min(lead_s, MAX_DURATION_S) * rate) if lead_s >= EARLY_SOUND_S else 0


def _chunk(source: Source, rate: Fraction, index: int, first_frame: int, frames: int, lead_frames: int) -> Chunk:
    def at_s(frame: int) -> float:
        return float((frame - lead_frames) / rate)

    half_s = float(1 / rate) / 2
    begin, end = (bisect.bisect_left(source.times_s, at_s(frame) - half_s) for frame in (first_frame, first_frame + frames))
    source_frames = end - begin
    if source.damaged and not source.video.variable:
        # What a damaged container doesn't even tell of is lost all the same; an intact one may hold a picture for as long as it likes.
        shown = min(frames, max(0, first_frame + frames - lead_frames))
        source_frames = max(source_frames, round(shown * source.video.frame_rate.fraction / rate))
    return Chunk(index, first_frame, frames, source_frames, _seeks(source, at_s(first_frame) if first_frame else -1.0))


def _seeks(source: Source, begin_s: float) -> tuple[float | None, ...]:
    seeks: list[float | None] = []
    for margin_s in (MARGIN_S, FAR_MARGIN_S):
        key = bisect.bisect_right(source.keys_s, begin_s - margin_s) - 2 if source.seekable else 0
        seek_s = source.origin_s + source.keys_s[key] if key > 0 else None
        if seek_s not in seeks:
            seeks.append(seek_s)
    return tuple(seeks)


def _picture(video: VideoStream) -> Picture:
    convert: Literal["", "wide", "hdr"] = ""
    matrix: Matrix = "bt709"
    if video.hdr:
        convert = "hdr"
    elif video.color_space.startswith("bt2020"):
        convert = "wide"
    elif video.color_space in {"smpte170m", "bt470bg"}:
        matrix = "smpte170m" if video.color_space == "smpte170m" else "bt470bg"
    elif not video.color_space and video.pix_fmt.startswith(("yuv", "nv")) and max(video.width, video.height) < HD_WIDTH:
        matrix = "smpte170m"
    return Picture(index=video.index, convert=convert, matrix=matrix)


def _spoken(track: Track, language: str) -> Track:
    return msgspec.structs.replace(track, language=language) if track.language == "und" else track
