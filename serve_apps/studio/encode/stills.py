"""Pictures out of a film: thumbnails to seek by, its first poster, backdrop and still, and candidates that people choose others from.

Main path: `thumbnails`; `samples` -> `artwork` and `candidates`; all from the finished renditions: nothing untrusted is decoded any more,
and only key pictures are. The same renditions give the same pictures.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Literal

import msgspec

from cluster.errors import CorruptData
from serve_apps.studio.encode.plan import Plan
from serve_apps.studio.encode.programs import DEFAULT, Programs, writing

COLUMNS, ROWS = 10, 10
MAX_THUMBNAILS = 1000
THUMBNAIL_WIDTH = 160
ARTWORKS, CANDIDATES = 3, 8
# Where films look like themselves: after the titles, before the end.
FROM_SHARE, TO_SHARE = 0.08, 0.85
SAMPLE_WIDTH, SAMPLE_HEIGHT = 64, 36
SHAPES: dict[Literal["poster", "backdrop"], tuple[int, int]] = {"poster": (2, 3), "backdrop": (16, 9)}
# Of 255: what is darker shows nothing, and neither does a picture whose greys are closer to each other than that.
DARK, FLAT = 40, 24
LIT_SHARE = 0.05
TIMEOUT_S, TIMEOUT_A_SECOND_S = 120.0, 0.5


class ArtworkFile(msgspec.Struct, frozen=True, kw_only=True):
    """A picture, a JPEG; `file` is its name in the directory it was written to. The best of a kind comes first."""

    kind: Literal["poster", "backdrop", "still"]
    file: str
    width: int
    height: int


async def thumbnails(plan: Plan, lowest: Path, out_dir: Path, *, programs: Programs = DEFAULT) -> tuple[str, ...]:
    """Write `thumbnails.vtt` and its sheets into `out_dir`, from the lowest rendition's file; returns the names of the files.

    Raises:
        CorruptData: the rendition cannot be decoded.
        StorageFull: the disk is full.
    """
    keys = math.ceil(plan.frames_total / plan.gop_frames)
    every = math.ceil(keys / MAX_THUMBNAILS)
    count = math.ceil(keys / every)
    width, height = _thumbnail_size(plan)
    sheet = f"tile={min(COLUMNS, count)}x{min(ROWS, math.ceil(count / COLUMNS))}"
    await _decode(
        programs,
        plan,
        [
            *("-skip_frame", "nokey", "-i", f"file:{lowest.absolute()}", "-an"),
            *("-vf", f"select='not(mod(n,{every}))',scale={width}:{height},format=yuvj420p,{sheet}", "-fps_mode", "passthrough"),
            *("-q:v", "5", "-f", "image2", "file:thumbnails_%03d.jpg"),
        ],
        out_dir,
    )
    step_s = every * plan.gop_frames / float(plan.rate.fraction)
    names = [f"thumbnails_{number + 1:03d}.jpg" for number in range(math.ceil(count / (COLUMNS * ROWS)))]
    if missing := [name for name in names if not (out_dir / name).exists()]:
        raise CorruptData(f"The thumbnails are not whole: {missing[0]} is missing.")
    with writing(out_dir):
        (out_dir / "thumbnails.vtt").write_text(sheet_index(names, count, step_s, plan.duration_s, (width, height)), "utf-8")
    return ("thumbnails.vtt", *names)


def sheet_index(names: Sequence[str], count: int, step_s: float, duration_s: float, size: tuple[int, int]) -> str:
    """Return the WebVTT that says which part of which sheet shows which time."""
    cues = ["WEBVTT\n"]
    for number in range(count):
        sheet, place = divmod(number, COLUMNS * ROWS)
        row, column = divmod(place, COLUMNS)
        end_s = duration_s if number == count - 1 else (number + 1) * step_s
        area = f"{column * size[0]},{row * size[1]},{size[0]},{size[1]}"
        cues.append(f"{_stamp(number * step_s)} --> {_stamp(end_s)}\n{names[sheet]}#xywh={area}\n")
    return "\n".join(cues)


async def samples(plan: Plan, lowest: Path, out_dir: Path, *, programs: Programs = DEFAULT) -> list[bytes]:
    """Return every key picture of the lowest rendition, small and grey (SAMPLE_WIDTH by SAMPLE_HEIGHT, a byte each), to choose by.

    Raises:
        CorruptData: the rendition cannot be decoded.
        StorageFull: the disk is full.
    """
    out_dir.mkdir(parents=True, exist_ok=True)
    written = out_dir / "samples.gray"
    await _decode(
        programs,
        plan,
        [
            *("-skip_frame", "nokey", "-i", f"file:{lowest.absolute()}", "-an", "-fps_mode", "passthrough"),
            *("-vf", f"scale={SAMPLE_WIDTH}:{SAMPLE_HEIGHT}:flags=area,format=gray", "-f", "rawvideo", f"file:{written.absolute()}"),
        ],
        out_dir,
    )
    size = SAMPLE_WIDTH * SAMPLE_HEIGHT
    content = written.read_bytes()
    written.unlink()
    return [content[at : at + size] for at in range(0, len(content) - size + 1, size)]


async def artwork(
    plan: Plan, looks: Sequence[bytes], highest: Path, out_dir: Path, *, programs: Programs = DEFAULT
) -> tuple[ArtworkFile, ...]:
    """Write a title's first pictures into `out_dir`, chosen by `samples`, taken from the highest rendition.

    Stills are whole, posters are cut to 2:3, backdrops to 16:9.

    Raises:
        CorruptData: the rendition cannot be decoded.
        StorageFull: the disk is full.
    """
    found: list[ArtworkFile] = []
    for number, key in enumerate(choose([score(look) for look in looks], ARTWORKS)):
        found += await _take(programs, plan, highest, _at_s(plan, key), number, out_dir)
    return tuple(sorted(found, key=lambda art: art.kind))


async def candidates(
    plan: Plan, looks: Sequence[bytes], highest: Path, out_dir: Path, *, programs: Programs = DEFAULT
) -> tuple[ArtworkFile, ...]:
    """Write at most CANDIDATES whole pictures into `out_dir`, in the film's order: the best of each part of it, none that is blank.

    Raises:
        CorruptData: the rendition cannot be decoded.
        StorageFull: the disk is full.
    """
    scores = [0.0 if blank(look) else score(look) for look in looks]
    size = plan.renditions[-1].width, plan.renditions[-1].height
    taken: list[ArtworkFile] = []
    for number, key in enumerate(sorted(key for key in choose(scores, CANDIDATES) if scores[key] > 0)):
        art = ArtworkFile(kind="still", file=f"candidate_{number}.jpg", width=size[0], height=size[1])
        arguments = ["-ss", f"{_at_s(plan, key):.3f}", "-i", f"file:{highest.absolute()}", "-an", "-vf", "format=yuvj420p"]
        await _decode(programs, plan, [*arguments, *_picture(art)], out_dir)
        _require(taken=[art], at_s=_at_s(plan, key), out_dir=out_dir)
        taken.append(art)
    return tuple(taken)


def blank(luma: bytes) -> bool:
    """Say whether a small grey picture shows nothing: it is black but for a few letters, or of one grey."""
    lit = sum(value > DARK for value in luma)
    return lit < LIT_SHARE * len(luma) or max(luma) - min(luma) < FLAT


def score(luma: bytes) -> float:
    """Judge a small grey picture: detail counts, and neither dark nor glaring pictures are wanted."""
    mean = sum(luma) / len(luma)
    detail = sum(abs(here - there) for here, there in pairwise(luma)) / len(luma)
    detail += sum(abs(here - there) for here, there in zip(luma, luma[SAMPLE_WIDTH:], strict=False)) / len(luma)
    return detail * max(0.05, 1 - abs(mean - 118) / 118)


def choose(scores: Sequence[float], count: int) -> list[int]:
    """Return the best pictures' numbers, best first: one out of each part of the film, so that they differ."""
    first, after = math.floor(len(scores) * FROM_SHARE), max(1, math.ceil(len(scores) * TO_SHARE))
    numbers = list(range(min(first, after - 1), after))
    parts = min(count, len(numbers))
    cuts = [len(numbers) * part // parts for part in range(parts + 1)]
    best = [max(numbers[begin:end], key=lambda number: scores[number]) for begin, end in pairwise(cuts)]
    return sorted(best, key=lambda number: -scores[number])


async def _take(programs: Programs, plan: Plan, film: Path, at_s: float, number: int, out_dir: Path) -> list[ArtworkFile]:
    width, height = plan.renditions[-1].width, plan.renditions[-1].height
    taken = [ArtworkFile(kind="still", file=f"still_{number}.jpg", width=width, height=height)]
    graphs = ["[0:v]split=3[a0][a1][a2]", "[a0]format=yuvj420p[o0]"]
    for kind, shape in SHAPES.items():
        cut = _cut((width, height), shape)
        graphs.append(f"[a{len(taken)}]crop={cut[0]}:{cut[1]},format=yuvj420p[o{len(taken)}]")
        taken.append(ArtworkFile(kind=kind, file=f"{kind}_{number}.jpg", width=cut[0], height=cut[1]))
    arguments = ["-ss", f"{at_s:.3f}", "-i", f"file:{film.absolute()}", "-filter_complex", ";".join(graphs)]
    for place, art in enumerate(taken):
        arguments += ["-map", f"[o{place}]", *_picture(art)]
    await _decode(programs, plan, arguments, out_dir)
    _require(taken, at_s, out_dir)
    return taken


def _picture(art: ArtworkFile) -> list[str]:
    return ["-frames:v", "1", "-q:v", "3", "-f", "image2", "-update", "1", f"file:{art.file}"]


def _require(taken: Sequence[ArtworkFile], at_s: float, out_dir: Path) -> None:
    if missing := [art.file for art in taken if not (out_dir / art.file).exists()]:
        raise CorruptData(f"The picture at {at_s:.1f} s cannot be taken: {missing[0]} is missing.")


def _at_s(plan: Plan, key: int) -> float:
    """Return when a key picture is shown."""
    return key * plan.gop_frames / float(plan.rate.fraction)


async def _decode(programs: Programs, plan: Plan, arguments: Sequence[str], out_dir: Path) -> None:
    out_dir.mkdir(parents=True, exist_ok=True)
    told = await programs.writing_little().ffmpeg(
        ["-threads", "1", *arguments], cwd=out_dir, timeout_s=TIMEOUT_S + TIMEOUT_A_SECOND_S * plan.duration_s
    )
    if not told.ok:
        raise CorruptData(f"The encoded film cannot be decoded: {told.reason}")


def _thumbnail_size(plan: Plan) -> tuple[int, int]:
    low = plan.renditions[0]
    width = min(THUMBNAIL_WIDTH, low.width)
    height = max(2, 2 * round(width * low.height / low.width / 2))
    if height > THUMBNAIL_WIDTH:  # an upright film
        return max(2, 2 * round(THUMBNAIL_WIDTH * low.width / low.height / 2)), THUMBNAIL_WIDTH
    return width, height


def _cut(size: tuple[int, int], shape: tuple[int, int]) -> tuple[int, int]:
    width, height = size
    fitted = min(width, height * shape[0] // shape[1]), min(height, width * shape[1] // shape[0])
    return max(2, fitted[0] // 2 * 2), max(2, fitted[1] // 2 * 2)


def _stamp(time_s: float) -> str:
    milliseconds = round(time_s * 1000)
    return f"{milliseconds // 3_600_000:02}:{milliseconds // 60_000 % 60:02}:{milliseconds // 1000 % 60:02}.{milliseconds % 1000:03}"
