"""Looks into a video file: what kind it is, what it holds, how its clock runs.

Main path: `probe` -> sniff -> ffprobe's streams -> ffprobe's packets (the whole file, nothing decoded) -> the first picture decoded.
Refuses what cannot be encoded, in words; knows nothing of how it will be.
"""

from __future__ import annotations

import bisect
import math
import re
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import msgspec

from cluster.completed import Completed
from cluster.errors import MediaRefused
from serve_apps.studio.encode.languages import tag_of
from serve_apps.studio.encode.programs import DEFAULT, READ_BYTES_A_S, Programs, source_input
from serve_apps.studio.encode.sniff import HEAD_BYTES, sniff
from serve_apps.studio.encode.source import AudioStream, Rate, Source, SubtitleStream, VideoStream
from serve_apps.studio.encode.timeline import Packet, Timeline, read_timeline

__all__ = ["probe", "sniff"]

TEXT_CODECS = {"subrip", "srt", "ass", "ssa", "webvtt", "mov_text", "text", "microdvd", "subviewer", "subviewer1", "sami", "realtext"}
NOT_MOVING = ("attached_pic", "still_image", "timed_thumbnails")
HDR_TRANSFERS = {"smpte2084", "arib-std-b67"}
NO_HOLES = {"mpegts", "mpeg"}  # made for broadcast and discs: pictures that lack there were lost
SAYS_DURATION = {"matroska", "flv", "asf"}  # the whole file's, at its beginning
NO_CLOCK = {"mpegvideo"}  # bare pictures: their time is only counted, so one has to begin at the beginning
SHOWN = re.compile(r"Parsed_showinfo_\d+ .* pts_time:(-?[\d.]+)")
ENDS_EARLY_SHARE = 0.9
LATE_S = 1.0  # a first picture that comes this late was lost; less is a container's way of counting
MAX_PICTURES = 3_000_000  # more than 24 hours at 30 a second: each takes memory until the film is planned
COUNTS_EMPTY = {"avi"}  # pictures that say nothing but "as before" are counted, and are no packets
STREAMS_TIMEOUT_S = 60.0


async def probe(path: Path, workdir: Path, *, programs: Programs = DEFAULT) -> Source:
    """Look into a file; `workdir` is an empty directory to run programs in.

    Raises:
        MediaRefused: it is no video, or one that cannot be encoded; the sentence says why.
    """
    with path.open("rb") as file:
        demuxer = sniff(file.read(HEAD_BYTES))
    opened = source_input(demuxer, path)
    told = await programs.ffprobe(["-show_streams", "-show_format", "-of", "json", *opened], cwd=workdir, timeout_s=STREAMS_TIMEOUT_S)
    streams, container = _streams(told)
    video = _film_of(streams)
    scan = await _scan(programs, opened, workdir, str(video["index"]), path.stat().st_size)
    timeline = read_timeline(scan.packets, _ratio(video.get("avg_frame_rate")), may_jump=demuxer in NO_HOLES)
    lost = _lost(demuxer, video, container, scan, timeline)
    seekable = demuxer not in NO_CLOCK and not timeline.broken
    first_s = await _first_decoded_s(programs, opened, workdir, str(video["index"]), seekable)
    start_s = _seconds(container.get("start_time")) or 0.0
    begin_s = _begin_s(timeline, first_s, may_begin_inside=demuxer in NO_HOLES) if seekable else timeline.times_s[0]
    # Pictures lost after that are held by the first one that can be decoded, and counted as missing.
    origin_s = begin_s if seekable and first_s - begin_s > LATE_S else first_s
    return Source(
        demuxer=demuxer,
        duration_s=timeline.end_s - begin_s,
        origin_s=origin_s,
        # Where the clock isn't kept, ffmpeg lets it begin at 0 with the file's first time stamp.
        start_s=min(start_s if seekable else 0.0, origin_s),
        seekable=seekable,
        damaged=scan.damaged or lost or demuxer in NO_HOLES,
        video=VideoStream(
            index=int(video["index"]),
            codec=str(video["codec_name"]),
            width=int(video["width"]),
            height=int(video["height"]),
            frame_rate=Rate.of(timeline.rate),
            variable=timeline.variable,
            sample_aspect=Rate.of(_ratio(video.get("sample_aspect_ratio")) or Fraction(1)),
            rotation=_rotation(video),
            pix_fmt=str(video.get("pix_fmt", "")),
            color_space="" if video.get("color_space", "unknown") in {"unknown", "reserved"} else str(video["color_space"]),
            hdr=video.get("color_transfer") in HDR_TRANSFERS,
        ),
        audio=tuple(_sound(stream) for stream in streams if _is(stream, "audio") and int(stream.get("channels") or 0) > 0),
        subtitles=tuple(_subtitle(stream) for stream in streams if _is(stream, "subtitle")),
        times_s=[time_s - begin_s for time_s in timeline.times_s if time_s >= begin_s],
        keys_s=[time_s - origin_s for time_s in timeline.keys_s],
    )


def _streams(told: Completed) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    if not told.ok:
        raise MediaRefused(f"The file cannot be read: {_words(told)}.")
    try:
        document: dict[str, Any] = msgspec.json.decode(told.stdout)
    except msgspec.MsgspecError as error:
        raise MediaRefused("The file cannot be read: it says nothing that makes sense about itself.") from error
    return document.get("streams", []), document.get("format", {})


def _is(stream: dict[str, Any], kind: str) -> bool:
    return stream.get("codec_type") == kind and bool(stream.get("codec_name"))


def _film_of(streams: list[dict[str, Any]]) -> dict[str, Any]:
    def moves(stream: dict[str, Any]) -> bool:
        return stream.get("codec_type") == "video" and not any(stream.get("disposition", {}).get(kind) for kind in NOT_MOVING)

    def pixels(stream: dict[str, Any]) -> int:
        return int(stream.get("width") or 0) * int(stream.get("height") or 0)

    films = [stream for stream in streams if moves(stream)]
    if not films:
        has_sound = any(stream.get("codec_type") == "audio" for stream in streams)
        raise MediaRefused("The file has sound but no moving picture." if has_sound else "The file has no moving picture.")
    known = [stream for stream in films if stream.get("codec_name") and pixels(stream)]
    if not known:
        tag = films[0].get("codec_name") or films[0].get("codec_tag_string", "")
        named = f" ({tag})" if tag else ""
        raise MediaRefused(f"The picture cannot be decoded: its coding{named} is not known, or damaged from the start.")
    return max(known, key=lambda stream: (stream.get("disposition", {}).get("default", 0), pixels(stream)))


@dataclass
class _Scan:
    packets: list[Packet] = field(default_factory=list)
    damaged: bool = False
    begin_s: float | None = None
    end_s: float = 0.0  # of all streams, as is the beginning


async def _scan(programs: Programs, opened: list[str], workdir: Path, video: str, size_bytes: int) -> _Scan:
    scan = _Scan()

    def on_line(line: str) -> None:
        stream, pts, dts, duration, flags, *_ = [*line.split(","), "", "", "", ""]
        packet = Packet(_seconds(pts), _seconds(dts), _seconds(duration), "K" in flags, "D" in flags)
        if stream == video:
            if len(scan.packets) >= MAX_PICTURES:
                raise MediaRefused(f"The film has too many pictures: at most {MAX_PICTURES} are taken.")
            scan.packets.append(packet)
            scan.damaged |= "C" in flags
        time_s = packet.pts_s if packet.pts_s is not None else packet.dts_s
        if time_s is not None:
            scan.begin_s = time_s if scan.begin_s is None else min(scan.begin_s, time_s)
            scan.end_s = max(scan.end_s, time_s + (packet.duration_s or 0.0))

    entries = "packet=stream_index,pts_time,dts_time,duration_time,flags"
    timeout_s = STREAMS_TIMEOUT_S + size_bytes / READ_BYTES_A_S
    told = await programs.ffprobe(["-show_entries", entries, "-of", "csv=p=0", *opened], cwd=workdir, timeout_s=timeout_s, on_line=on_line)
    if told.returncode < 0 or all(packet.discarded for packet in scan.packets):  # one that crashed has not seen the end
        raise MediaRefused("The file has no pictures in it." if told.ok else f"The file cannot be read: {_words(told)}.")
    scan.damaged |= not told.ok or bool(told.stderr.strip())
    return scan


def _lost(demuxer: str, video: dict[str, Any], container: dict[str, Any], scan: _Scan, timeline: Timeline) -> bool:
    """Say whether the container promises more pictures than it has.

    Raises:
        MediaRefused: it ends long before the end that it promises.
    """
    promised = int(_seconds(video.get("nb_frames")) or 0) if demuxer not in COUNTS_EMPTY else 0
    found = len(scan.packets)
    if found < ENDS_EARLY_SHARE * promised:
        raise MediaRefused(f"The file is not whole: of its {promised} pictures it holds {found}.")
    promised_s = _clock(video.get("tags", {}).get("DURATION")) or _seconds(video.get("duration"))
    found_s = timeline.end_s - timeline.times_s[0]
    if promised_s is None and demuxer in SAYS_DURATION and not timeline.broken:
        promised_s, found_s = _seconds(container.get("duration")), scan.end_s - (scan.begin_s or 0.0)
    if promised_s and not timeline.broken and found_s < ENDS_EARLY_SHARE * promised_s:
        raise MediaRefused(f"The file ends early: of {promised_s:.0f} s it holds the first {found_s:.0f} s.")
    return found < 0.98 * promised


def _begin_s(timeline: Timeline, first_s: float, *, may_begin_inside: bool) -> float:
    """Return when the film begins; a recording that begins inside a group of pictures does so with the first that can be decoded."""
    if not may_begin_inside:
        return timeline.times_s[0]
    times_s, half_s = timeline.times_s, float(1 / timeline.rate) / 2
    # What comes after the first key picture in the file but shows before it may or may not be decodable: what was decoded decides.
    at = bisect.bisect_left(times_s, min(timeline.entry_s, first_s) - half_s)
    return times_s[min(at, len(times_s) - 1)]


async def _first_decoded_s(programs: Programs, opened: list[str], workdir: Path, video: str, keep_clock: bool) -> float:
    """Return the time of the first picture that can be decoded."""
    times_s: list[float] = []

    def on_line(line: str) -> None:
        if match := SHOWN.search(line):
            times_s.append(float(match[1]))

    told = await programs.ffmpeg(
        [
            *("-v", "info", "-threads", "1"),
            *(["-copyts"] if keep_clock else []),
            *("-t", "60", *opened),
            *("-map", f"0:{video}", "-vf", "showinfo=checksum=0"),
            *("-fps_mode", "passthrough", "-frames:v", "1", "-f", "null", "-"),
        ],
        cwd=workdir,
        timeout_s=STREAMS_TIMEOUT_S,
        on_error_line=on_line,
    )
    if not times_s:
        raise MediaRefused(f"Not a single picture of the file can be decoded{': ' + _words(told) if not told.ok else ''}.")
    return times_s[0]


def _sound(stream: dict[str, Any]) -> AudioStream:
    tags = stream.get("tags", {})
    return AudioStream(
        index=int(stream["index"]),
        codec=str(stream["codec_name"]),
        channels=int(stream["channels"]),
        language=tag_of(str(tags.get("language", ""))),
        title=str(tags.get("title", ""))[:200],
        default=bool(stream.get("disposition", {}).get("default")),
    )


def _subtitle(stream: dict[str, Any]) -> SubtitleStream:
    tags = stream.get("tags", {})
    return SubtitleStream(
        index=int(stream["index"]),
        codec=str(stream["codec_name"]),
        language=tag_of(str(tags.get("language", ""))),
        title=str(tags.get("title", ""))[:200],
        forced=bool(stream.get("disposition", {}).get("forced")),
        text=stream["codec_name"] in TEXT_CODECS,
    )


def _rotation(stream: dict[str, Any]) -> int:
    for data in stream.get("side_data_list", []):
        if "rotation" in data:
            return round(float(data["rotation"]) / 90) * 90 % 360
    return 0


def _ratio(text: object) -> Fraction:
    numerator, _, denominator = str(text or "0").replace(":", "/").partition("/")
    try:
        return Fraction(int(numerator), int(denominator or 1))
    except (ValueError, ZeroDivisionError):
        return Fraction(0)


def _seconds(text: object) -> float | None:
    try:
        value = float(str(text))
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def _clock(text: object) -> float | None:
    match = re.fullmatch(r"(\d+):(\d\d):(\d\d(?:\.\d+)?)", str(text or ""))
    return int(match[1]) * 3600 + int(match[2]) * 60 + float(match[3]) if match else None


def _words(told: Completed) -> str:
    """Return what a program said last, without its own names and the file's."""
    if "moov atom not found" in told.stderr:
        return "its index is missing, as if it was cut off before the end"
    said = re.sub(r"\[[^\]]* @ 0x[0-9a-f]+\] ", "", told.reason)
    return re.sub(r"(^|\s)file:\S+: ", r"\1", said).rstrip(".")
