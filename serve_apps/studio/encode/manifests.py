"""What Shaka Packager's manifests lack: subtitles as one whole WebVTT each, the order in which players try, the default sound.

Pure: text in, text out. One whole .vtt is what hls.js, Shaka Player and dash.js all read (dash.js hangs on segmented text).
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import NamedTuple
from xml.sax.saxutils import escape, quoteattr

START_PIXELS = 640 * 360
TEXT_FILE = "main.vtt"
_VARIANT = re.compile(r"#EXT-X-STREAM-INF:.*?\bBANDWIDTH=(\d+).*?\bRESOLUTION=(\d+)x(\d+)")


class TextTrack(NamedTuple):
    """A subtitle track in its own directory."""

    directory: str
    language: str
    label: str
    forced: bool


def master(text: str, tracks: Sequence[TextTrack], *, default_audio: str) -> str:
    """Return the HLS master playlist with subtitles, the rendition nearest to 640x360 first, and one default sound.

    hls.js begins with the first variant listed: a small one shows a picture soonest.
    """
    lines = [line for line in text.split("\n") if line and not line.startswith("## ")]
    media = [_defaulted(line, default_audio) for line in lines if line.startswith("#EXT-X-MEDIA:")]
    media += [_text_media(track) for track in tracks]
    variants = [
        (line + (',SUBTITLES="subtitles"' if tracks else ""), lines[at + 1])
        for at, line in enumerate(lines)
        if line.startswith("#EXT-X-STREAM-INF:")
    ]
    variants.sort(key=lambda variant: _pixels(variant[0]))
    if variants:
        first = min(variants, key=lambda variant: abs(math.log(_pixels(variant[0]) / START_PIXELS)))
        variants.remove(first)
        variants.insert(0, first)
    tricks = [line for line in lines if line.startswith("#EXT-X-I-FRAME-STREAM-INF:")]
    head = [line for line in lines if line.startswith(("#EXTM3U", "#EXT-X-VERSION", "#EXT-X-INDEPENDENT-SEGMENTS"))]
    return "\n".join([*head, *media, *(line for variant in variants for line in variant), *tricks, ""])


def text_playlist(duration_s: float) -> str:
    """Return the HLS playlist of a subtitle track: the whole film is one segment."""
    return (
        f"#EXTM3U\n#EXT-X-VERSION:6\n#EXT-X-TARGETDURATION:{math.ceil(duration_s)}\n#EXT-X-PLAYLIST-TYPE:VOD\n"
        f"#EXTINF:{duration_s:.3f},\n{TEXT_FILE}\n#EXT-X-ENDLIST\n"
    )


def mpd(text: str, tracks: Sequence[TextTrack], *, default_audio: str) -> str:
    """Return the DASH manifest with subtitles, and one sound marked as the main one."""
    text = re.sub(r"<!--.*?-->\n?", "", text, flags=re.DOTALL)
    text = re.sub(r' *<Role schemeIdUri="urn:mpeg:dash:role:2011" value="main"/>\n', "", text)
    main = f"      <Label>{escape(default_audio)}</Label>\n"
    text = text.replace(main, f'      <Role schemeIdUri="urn:mpeg:dash:role:2011" value="main"/>\n{main}', 1)
    sets = "".join(_text_set(number, track) for number, track in enumerate(tracks, start=100))
    return text.replace("  </Period>", f"{sets}  </Period>", 1)


def bandwidths(master_playlist: str) -> dict[tuple[int, int], int]:
    """Return the peak bandwidth of each variant by its size."""
    return {(int(width), int(height)): int(bandwidth) for bandwidth, width, height in _VARIANT.findall(master_playlist)}


def _defaulted(line: str, default: str) -> str:
    bare = re.sub(r",(DEFAULT|AUTOSELECT)=(YES|NO)", "", line)
    chosen = "YES" if f'NAME="{default}"' in line else "NO"
    return f"{bare},DEFAULT={chosen},AUTOSELECT=YES"


def _text_media(track: TextTrack) -> str:
    language = f'LANGUAGE="{track.language}",' if track.language != "und" else ""
    return (
        f'#EXT-X-MEDIA:TYPE=SUBTITLES,GROUP-ID="subtitles",{language}NAME="{track.label}",DEFAULT=NO,AUTOSELECT=YES,'
        f'FORCED={"YES" if track.forced else "NO"},URI="{track.directory}/main.m3u8"'
    )


def _text_set(number: int, track: TextTrack) -> str:
    role = "forced-subtitle" if track.forced else "subtitle"
    return (
        f'    <AdaptationSet id="{number}" contentType="text" mimeType="text/vtt" lang={quoteattr(track.language)}>\n'
        f'      <Role schemeIdUri="urn:mpeg:dash:role:2011" value="{role}"/>\n'
        f"      <Label>{escape(track.label)}</Label>\n"
        f'      <Representation id="t{number}" bandwidth="1000">\n'
        f"        <BaseURL>{track.directory}/{TEXT_FILE}</BaseURL>\n"
        f"      </Representation>\n"
        f"    </AdaptationSet>\n"
    )


def _pixels(variant: str) -> int:
    match = _VARIANT.match(variant)
    return int(match[2]) * int(match[3]) if match else 1
