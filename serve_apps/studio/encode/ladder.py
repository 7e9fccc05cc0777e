"""Which renditions a film gets: sizes and bit rates, from what the source has.

Pure. A rung is a 16:9 box; other shapes are fitted inside it, keeping their aspect. Nothing is made larger than its source.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

import msgspec

from cluster.errors import InvalidInput
from cluster.settings import MAX_RUNG_HEIGHT, MIN_RUNG_HEIGHT

WIDTHS = {234: 416, 360: 640, 540: 960, 720: 1280, 1080: 1920}
LADDER = tuple(WIDTHS)
MIN_SIDE = 16
CRF = 23
# A source that lies this much above the last rung below it gets a rung of its own size: DVDs lie between 360 and 540.
OWN_RUNG_RATIO = 1.15
REFERENCE_PIXELS, REFERENCE_BPS = 1280 * 720, 3_500_000


class Rendition(msgspec.Struct, frozen=True, kw_only=True):
    """One quality of the picture."""

    name: str
    width: int
    height: int
    crf: int
    maxrate_bps: int
    bufsize_bits: int
    bandwidth_bps: int


def renditions(display_size: tuple[int, int], rate: Fraction, ladder: Sequence[int] | None = None) -> tuple[Rendition, ...]:
    """Return the renditions, smallest first; at least one.

    Raises:
        InvalidInput: a height is not even, or out of range.
    """
    heights = sorted(set(ladder)) if ladder else LADDER
    for height in heights:
        if height % 2 or not MIN_RUNG_HEIGHT <= height <= MAX_RUNG_HEIGHT:
            allowed = f"an even number from {MIN_RUNG_HEIGHT} to {MAX_RUNG_HEIGHT}"
            raise InvalidInput(f"A rendition cannot be {height} lines high: {allowed} is needed.")
    width, height = display_size
    boxes = [(WIDTHS.get(lines, 2 * round(lines * 8 / 9)), lines) for lines in heights]
    sizes = [fitted for box in boxes if (fitted := _fit(display_size, box))[0] <= width and fitted[1] <= height]
    own = max(MIN_SIDE, width // 2 * 2), max(MIN_SIDE, height // 2 * 2)
    if not sizes:
        # Smaller than every rung: the one of its own size, or, where it is long and thin, what fits the smallest box.
        sizes = [own if own[0] <= boxes[0][0] and own[1] <= boxes[0][1] else _fit(display_size, boxes[0])]
    elif not ladder and own[0] <= boxes[-1][0] and own[1] <= boxes[-1][1] and own[1] >= OWN_RUNG_RATIO * sizes[-1][1]:
        sizes.append(own)
    by_lines = {size[1]: size for size in sizes}  # very long ones may have as many lines on two rungs
    return tuple(_rendition(size, rate) for size in by_lines.values())


def _fit(size: tuple[int, int], box: tuple[int, int]) -> tuple[int, int]:
    aspect = Fraction(size[0], size[1])
    if aspect >= Fraction(box[0], box[1]):
        return box[0], min(_even(float(box[0] / aspect)), box[1])
    return min(_even(float(box[1] * aspect)), box[0]), box[1]


def _even(length: float) -> int:
    return max(MIN_SIDE, 2 * round(length / 2))


def _rendition(size: tuple[int, int], rate: Fraction) -> Rendition:
    # Bits grow slower than pixels and pictures do.
    pixels, pictures = size[0] * size[1] / REFERENCE_PIXELS, float(rate) / 30
    maxrate_bps = max(150_000, int(REFERENCE_BPS * pixels**0.8 * max(0.8, pictures) ** 0.6) // 10_000 * 10_000)
    return Rendition(
        name=f"v{size[1]}",
        width=size[0],
        height=size[1],
        crf=CRF,
        maxrate_bps=maxrate_bps,
        bufsize_bits=2 * maxrate_bps,
        bandwidth_bps=maxrate_bps,
    )
