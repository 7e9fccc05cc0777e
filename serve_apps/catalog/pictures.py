"""Takes an operator's picture apart from its bytes: what it is, how large, and smaller copies for small screens.

The kind is read from the bytes, never from a header. A picture is decoded once, within bounds, in a thread.
"""

from __future__ import annotations

import hashlib
import io
import warnings
from typing import Final

import msgspec
from PIL import Image as Pillow
from PIL import UnidentifiedImageError

from cluster.errors import ImageRefused
from serve_apps.catalog.schemas import ArtworkKind

PICTURE_LIMIT_BYTES: Final = 8 * 2**20
PIXELS_LIMIT: Final = 40_000_000
_SHORTEST: Final = 16
_FORMATS: Final = ("JPEG", "PNG", "WEBP")
_WIDTHS: Final[dict[ArtworkKind, tuple[int, ...]]] = {"poster": (342, 780), "backdrop": (780, 1280), "still": (320, 640)}


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
    """Return the picture as it came (a PNG as WebP, which every browser shows at a tenth of the size), and narrower JPEG copies.

    Raises:
        ImageRefused: no whole JPEG, PNG or WebP, or too small or large to show.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Pillow.DecompressionBombWarning)
            opened = Pillow.open(io.BytesIO(data), formats=_FORMATS)
        width, height = opened.size
        if min(width, height) < _SHORTEST or width * height > PIXELS_LIMIT:
            raise ImageRefused(f"A picture has at least {_SHORTEST} pixels a side and at most {PIXELS_LIMIT} in all, not {width}x{height}")
        pixels = opened.convert("RGB")
    except UnidentifiedImageError as error:
        raise ImageRefused("This is no JPEG, PNG or WebP") from error
    except (OSError, ValueError, SyntaxError, EOFError, Pillow.DecompressionBombError, Pillow.DecompressionBombWarning) as error:
        raise ImageRefused(f"The picture cannot be decoded: {error}") from error
    if opened.format == "PNG":
        data = _written(pixels, "WEBP", quality=90)
    whole = Picture(data, "jpg" if opened.format == "JPEG" else "webp", width, height)
    return [whole, *(_narrowed(pixels, narrow) for narrow in _WIDTHS[kind] if narrow < width)]


def _narrowed(pixels: Pillow.Image, width: int) -> Picture:
    height = max(1, round(pixels.height * width / pixels.width))
    copy = pixels.resize((width, height), Pillow.Resampling.LANCZOS)
    return Picture(_written(copy, "JPEG", quality=82), "jpg", width, height)


def _written(pixels: Pillow.Image, kind: str, quality: int) -> bytes:
    out = io.BytesIO()
    pixels.save(out, kind, quality=quality)
    return out.getvalue()
