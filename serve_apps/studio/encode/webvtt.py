"""Subtitle text, parsed strictly and written anew as WebVTT (W3C): times, lines, italics, bold, underline, and nothing else.

Main path: `decode` -> `parse` (SubRip or WebVTT) -> `shift` -> `write`. Pure; what isn't understood is left out or refused.
"""

from __future__ import annotations

import html
import re
from collections.abc import Sequence
from typing import NamedTuple

from cluster.errors import MediaRefused

MAX_CUES, MAX_CUE_CHARACTERS = 20_000, 2_000
_TIME = r"(?:(\d{1,3}):)?(\d{1,2}):(\d{2})[.,](\d{1,3})"
_TIMING = re.compile(rf"\s*{_TIME}\s*-->\s*{_TIME}(?:\s.*)?")
_TAG = re.compile(r"<(/?)([A-Za-z][^<>]{0,200}|[\d:.]{5,20}|)>")
_OVERRIDE = re.compile(r"\{\\[^{}]{0,200}\}")  # of SubStation Alpha, found in many a SubRip file
# A picture drawn with a pen, which SubStation Alpha writes where text is: m x y, then lines and curves.
_DRAWING = re.compile(r"\bm(?: +-?[\d.]+){2}(?: +(?:[mnlbspc]|-?[\d.]+)){2,}")
_INVISIBLE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\ufeff\u200e\u200f\u202a-\u202e\u2066-\u2069]")
_ENTITIES = re.compile(r"&(?:amp|lt|gt|nbsp|lrm|rlm|quot|apos|#39);")


class Cue(NamedTuple):
    """A text and when it shows; `text` is safe WebVTT."""

    start_s: float
    end_s: float
    text: str


def decode(content: bytes) -> str:
    """Return the text of a subtitle file: UTF-8 or UTF-16, with or without mark, else as Windows wrote it in western Europe."""
    if content[:2] in {b"\xff\xfe", b"\xfe\xff"}:
        return content.decode("utf-16", "replace")
    if content[:4].count(0) == 2 and len(content) >= 4:
        return content.decode("utf-16-le" if content[1] == 0 else "utf-16-be", "replace")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return "".join(bytes([byte]).decode("cp1252", "ignore") for byte in content) if b"\x00" not in content else ""


def parse(text: str) -> list[Cue]:
    """Return the cues of a SubRip or WebVTT text, in the order of their times.

    Raises:
        MediaRefused: it is neither; the sentence says which line is wrong.
    """
    cues: list[Cue] = []
    lines = text.replace("\r\n", "\n").replace("\r", "\n").replace("\u2028", "\n").split("\n")
    at = 0
    while at < len(lines):
        line, at = lines[at], at + 1
        if line.startswith(("NOTE", "STYLE", "REGION")) and "-->" not in line:
            while at < len(lines) and lines[at].strip():
                at += 1
            continue
        match = _TIMING.fullmatch(line)
        if match is None:
            if "-->" not in line or not line.strip()[:1].isdecimal():
                continue
            raise MediaRefused(f"The subtitles cannot be read: line {at} has no valid times: {line.strip()[:80]}")
        shown: list[str] = []
        while at < len(lines) and lines[at].strip() and not _TIMING.fullmatch(lines[at]):
            shown.append(lines[at])
            at += 1
        if at < len(lines) and lines[at].strip() and shown and shown[-1].strip().isdecimal():
            shown.pop()  # the next cue's number, where the empty line between is missing
        start_s, end_s = _seconds(match.groups()[:4]), _seconds(match.groups()[4:])
        safe = clean("\n".join(shown))
        if safe and end_s > start_s:
            cues.append(Cue(start_s, end_s, safe))
        if len(cues) > MAX_CUES:
            raise MediaRefused(f"The subtitles are too many: more than {MAX_CUES} cues.")
    if not cues:
        raise MediaRefused("The subtitles cannot be read: they are neither SubRip (.srt) nor WebVTT (.vtt), or hold no text.")
    return sorted(dict.fromkeys(cues), key=lambda cue: (cue.start_s, cue.end_s))


def clean(text: str) -> str:
    """Return text as safe WebVTT: balanced <i>, <b>, <u>, no other markup, no empty lines."""
    text = _INVISIBLE.sub("", _DRAWING.sub("", _OVERRIDE.sub("", text))[:MAX_CUE_CHARACTERS])
    out: list[str] = []
    opened: list[str] = []
    at = 0
    for match in _TAG.finditer(text):
        out.append(_escape(text[at : match.start()]))
        at = match.end()
        name = match[2].lower()
        if name not in {"i", "b", "u"}:
            continue
        if not match[1]:
            opened.append(name)
            out.append(f"<{name}>")
        elif name in opened:
            while opened:
                closed = opened.pop()
                out.append(f"</{closed}>")
                if closed == name:
                    break
    out.append(_escape(text[at:]))
    out.extend(f"</{name}>" for name in reversed(opened))
    lines = [line.strip() for line in "".join(out).split("\n")]
    kept = "\n".join(line for line in lines if re.sub(r"</?[ibu]>", "", line).strip())
    return kept if re.sub(r"</?[ibu]>", "", kept).strip() else ""


def shift(cues: Sequence[Cue], by_s: float, duration_s: float) -> list[Cue]:
    """Move cues, and cut what lies outside the film."""
    moved = [Cue(max(0.0, cue.start_s + by_s), min(duration_s, cue.end_s + by_s), cue.text) for cue in cues]
    return [cue for cue in moved if cue.end_s - cue.start_s >= 0.001]


def write(cues: Sequence[Cue]) -> str:
    """Return a WebVTT file."""
    return "WEBVTT\n\n" + "".join(f"{_stamp(cue.start_s)} --> {_stamp(cue.end_s)}\n{cue.text}\n\n" for cue in cues)


def _escape(text: str) -> str:
    plain = _ENTITIES.sub(lambda match: html.unescape(match[0]), text)
    return plain.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _seconds(parts: Sequence[str | None]) -> float:
    hours, minutes, seconds, fraction = parts
    whole_s = int(hours or 0) * 3600 + int(minutes or 0) * 60 + int(seconds or 0)
    return (whole_s * 1000 + int((fraction or "0").ljust(3, "0"))) / 1000


def _stamp(time_s: float) -> str:
    milliseconds = round(time_s * 1000)
    return f"{milliseconds // 3_600_000:02}:{milliseconds // 60_000 % 60:02}:{milliseconds // 1000 % 60:02}.{milliseconds % 1000:03}"
