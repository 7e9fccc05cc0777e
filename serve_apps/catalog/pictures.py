"""Takes a picture apart from its bytes: what it is, how large, and smaller copies for small screens.

The kind is read from the bytes, never from a header. A picture is decoded once, within bounds, in a thread.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import warnings
from typing import Final

import msgspec
from PIL import Image as Pillow
from PIL import ImageOps, UnidentifiedImageError

from cluster.errors import ImageRefused
from serve_apps.catalog.schemas import ArtworkKind

PICTURE_LIMIT_BYTES: Final = 8 * 2**20
PIXELS_LIMIT: Final = 40_000_000
_SHORTEST: Final = 16
_ROUNDED: Final = 2
_LONGEST: Final = 16_383
"""What WebP holds."""
_FORMATS: Final = ("JPEG", "PNG", "WEBP")
_WRITTEN_AS: Final = {"JPEG": "JPEG", "MPO": "JPEG", "PNG": "WEBP", "WEBP": "WEBP"}
"""MPO is what phones make of a JPEG with a second picture behind the first."""
_WIDTHS: Final[dict[ArtworkKind, tuple[int, ...]]] = {"poster": (342, 780), "backdrop": (780, 1280), "still": (320, 640)}
_SHAPES: Final[dict[ArtworkKind, tuple[int, int]]] = {"poster": (2, 3), "backdrop": (16, 9)}
"""What a picture that was made for something else is cut to; a still is shown whole."""


class Picture(msgspec.Struct, frozen=True):
    """A picture to be stored."""

    data: bytes
    extension: str
    width: int
    height: int

    @property
    def object_name(self) -> str:
        """Its name in the object store, by its content."""
        return f"artwork/{hashlib.sha256(self.data).hexdigest()}.{self.extension}"


def read_picture(data: bytes, kind: ArtworkKind) -> list[Picture]:
    """Return the picture upright (a PNG as WebP, which every browser shows at a tenth of the size), and narrower JPEG copies.

    All are written anew: what a camera adds about place and owner is not published.

    Raises:
        ImageRefused: no whole JPEG, PNG or WebP, or too small or large to show.
    """
    pixels, written_as, profile = _decoded(data)
    return [_written(pixels, written_as, 90, profile), *_narrower(pixels, kind, profile)]


def cut_picture(data: bytes, extension: str, kind: ArtworkKind) -> list[Picture]:
    """Return a picture that is published already, its middle cut to the kind's shape, and narrower JPEG copies; uncut it stays as it is.

    Raises:
        ImageRefused: no whole JPEG, PNG or WebP, or too small or large to show.
    """
    pixels, _, profile = _decoded(data)
    size = cut_size(pixels.size, kind)
    if size == pixels.size:
        return [Picture(data, extension, pixels.width, pixels.height), *_narrower(pixels, kind, profile)]
    left, top = (pixels.width - size[0]) // 2, (pixels.height - size[1]) // 2
    pixels = pixels.crop((left, top, left + size[0], top + size[1]))
    return [_written(pixels, "JPEG", 90, profile), *_narrower(pixels, kind, profile)]


def _decoded(data: bytes) -> tuple[Pillow.Image, str, bytes | None]:
    """Return a picture's pixels, upright, what it is to be written as, and the profile of its colours.

    Raises:
        ImageRefused: no whole JPEG, PNG or WebP, or too small or large to show.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Pillow.DecompressionBombWarning)
            opened = Pillow.open(io.BytesIO(data), formats=_FORMATS)
        width, height = opened.size
        if min(width, height) < _SHORTEST or max(width, height) > _LONGEST or width * height > PIXELS_LIMIT:
            raise ImageRefused(
                f"A picture has {_SHORTEST} to {_LONGEST} pixels a side and at most {PIXELS_LIMIT} in all, not {width}x{height}"
            )
        # A profile for other colours than red, green and blue says nothing of the converted picture.
        profile = opened.info.get("icc_profile") if opened.mode in {"RGB", "RGBA", "P"} else None
        pixels = opened.convert("RGB")
    except UnidentifiedImageError as error:
        raise ImageRefused("This is no JPEG, PNG or WebP") from error
    except (OSError, ValueError, SyntaxError, EOFError, Pillow.DecompressionBombError, Pillow.DecompressionBombWarning) as error:
        raise ImageRefused(f"The picture cannot be decoded: {error}") from error
    with contextlib.suppress(Exception):  # of damaged EXIF Pillow may raise anything; the picture itself is whole
        ImageOps.exif_transpose(pixels, in_place=True)
    pixels.info.clear()
    return pixels, _WRITTEN_AS[str(opened.format)], profile


def cut_size(size: tuple[int, int], kind: ArtworkKind) -> tuple[int, int]:
    """Return the largest size of the kind's shape that fits; nothing is cut for the few pixels that encoders round by."""
    if kind not in _SHAPES:
        return size
    (width, height), (across, down) = size, _SHAPES[kind]
    fitted = min(width, round(height * across / down)), min(height, round(width * down / across))
    return size if width - fitted[0] <= _ROUNDED and height - fitted[1] <= _ROUNDED else fitted


def _narrower(pixels: Pillow.Image, kind: ArtworkKind, profile: bytes | None) -> list[Picture]:
    return [_written(_narrowed(pixels, width), "JPEG", 82, profile) for width in _WIDTHS[kind] if width < pixels.width]


def _narrowed(pixels: Pillow.Image, width: int) -> Pillow.Image:
    return pixels.resize((width, max(1, round(pixels.height * width / pixels.width))), Pillow.Resampling.LANCZOS)


def _written(pixels: Pillow.Image, kind: str, quality: int, profile: bytes | None) -> Picture:
    out = io.BytesIO()
    pixels.save(out, kind, quality=quality, icc_profile=profile)
    return Picture(out.getvalue(), "jpg" if kind == "JPEG" else "webp", pixels.width, pixels.height)
