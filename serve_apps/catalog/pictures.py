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
_EXTENSIONS: Final = {"JPEG": "jpg", "PNG": "png", "WEBP": "webp"}
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
    """Return the picture as it came, and narrower JPEG copies at the widths that this kind is shown at.

    Raises:
        ImageRefused: no whole JPEG, PNG or WebP, or too small or large to show.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Pillow.DecompressionBombWarning)
            opened = Pillow.open(io.BytesIO(data), formats=tuple(_EXTENSIONS))
        width, height = opened.size
        if min(width, height) < _SHORTEST or width * height > PIXELS_LIMIT:
            raise ImageRefused(f"A picture has at least {_SHORTEST} pixels a side and at most {PIXELS_LIMIT} in all, not {width}x{height}")
        extension = _EXTENSIONS[str(opened.format)]
        pixels = opened.convert("RGB")
    except UnidentifiedImageError as error:
        raise ImageRefused("This is no JPEG, PNG or WebP") from error
    except (OSError, ValueError, SyntaxError, EOFError, Pillow.DecompressionBombError, Pillow.DecompressionBombWarning) as error:
        raise ImageRefused(f"The picture cannot be decoded: {error}") from error
    return [Picture(data, extension, width, height), *(_narrowed(pixels, narrow) for narrow in _WIDTHS[kind] if narrow < width)]


def _narrowed(pixels: Pillow.Image, width: int) -> Picture:
    height = max(1, round(pixels.height * width / pixels.width))
    out = io.BytesIO()
    pixels.resize((width, height), Pillow.Resampling.LANCZOS).save(out, "JPEG", quality=82, optimize=True)
    return Picture(out.getvalue(), "jpg", width, height)
