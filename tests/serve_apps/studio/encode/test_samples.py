"""Real files of every usual container, from the package `iscc-samples`."""

from __future__ import annotations

import asyncio
from pathlib import Path

import iscc_samples
import pytest

from cluster.errors import MediaRefused
from serve_apps.studio.encode.pipeline import encode_file
from tests.serve_apps.studio.encode.films import HERE, ffmpeg

pytestmark = pytest.mark.media

VIDEOS = Path(iscc_samples.__file__).parent / "files/video"


@pytest.mark.parametrize("suffix", ["mp4", "mkv", "avi", "mov", "webm", "mpg", "wmv", "flv", "3gp", "m4v", "ts"])
def test_a_minute_of_film_is_encoded_from_every_usual_container(suffix: str, tmp_path: Path) -> None:
    path = VIDEOS / f"demo.{suffix}"
    if suffix == "ts":
        path = tmp_path / "demo.ts"
        ffmpeg("-i", VIDEOS / "demo.mp4", "-c", "copy", path)
    film = asyncio.run(encode_file(path, tmp_path / "out", version_id="v1", preset="ultrafast", programs=HERE))
    assert film.packaged.duration_s == pytest.approx(60, abs=0.2)
    assert len(film.packaged.audio) == 1
    assert film.missing_frames == 0


def test_a_broken_file_is_refused_and_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(MediaRefused, match=r"pictures .* cannot be decoded"):
        asyncio.run(encode_file(VIDEOS / "demo.ogv", tmp_path / "out", version_id="v1", programs=HERE))
    assert list((tmp_path / "out").iterdir()) == []
