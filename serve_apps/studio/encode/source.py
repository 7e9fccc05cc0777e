"""What a video file holds, as found out by the probe; plain values.

Times are seconds. `origin_s` is the moment of the film's first picture on the file's own clock, to which everything else is relative.
"""

from __future__ import annotations

from fractions import Fraction

import msgspec


class Rate(msgspec.Struct, frozen=True):
    """A ratio of whole numbers: pictures a second, or a pixel's shape."""

    numerator: int
    denominator: int = 1

    @property
    def fraction(self) -> Fraction:
        """The exact value."""
        return Fraction(self.numerator, self.denominator)

    @classmethod
    def of(cls, value: Fraction) -> Rate:
        """Make one of an exact value."""
        return cls(value.numerator, value.denominator)

    def __str__(self) -> str:
        return f"{self.numerator}/{self.denominator}"


class VideoStream(msgspec.Struct, frozen=True, kw_only=True):
    """The picture."""

    index: int
    codec: str
    width: int
    height: int
    frame_rate: Rate
    variable: bool = False
    sample_aspect: Rate = Rate(1)
    rotation: int = 0  # degrees, a multiple of 90; ffmpeg turns the picture itself
    pix_fmt: str = "yuv420p"
    color_space: str = ""
    hdr: bool = False

    @property
    def display_size(self) -> tuple[int, int]:
        """Width and height as shown: square pixels, turned upright."""
        width, height, aspect = self.width, self.height, self.sample_aspect.fraction
        if aspect > 1:
            width = round(width * aspect)
        elif 0 < aspect < 1:
            height = round(height / aspect)
        return (height, width) if self.rotation % 180 else (width, height)


class AudioStream(msgspec.Struct, frozen=True, kw_only=True):
    """A sound track."""

    index: int
    codec: str
    channels: int
    language: str = "und"
    title: str = ""
    default: bool = False


class SubtitleStream(msgspec.Struct, frozen=True, kw_only=True):
    """A subtitle track; `text` says whether it is text rather than pictures of text."""

    index: int
    codec: str
    language: str = "und"
    title: str = ""
    forced: bool = False
    text: bool = True


class Source(msgspec.Struct, frozen=True, kw_only=True):
    """A video file. `times_s` and `keys_s` are those of its pictures and key pictures, sorted, the origin being 0."""

    demuxer: str
    duration_s: float
    origin_s: float
    start_s: float  # the file's first time stamp of any stream
    seekable: bool = True  # False: read from the beginning only, on a clock that ffmpeg mends
    damaged: bool = False  # the container complains of itself
    video: VideoStream
    audio: tuple[AudioStream, ...] = ()
    subtitles: tuple[SubtitleStream, ...] = ()
    times_s: list[float] = msgspec.field(default_factory=list)
    keys_s: list[float] = msgspec.field(default_factory=list)
