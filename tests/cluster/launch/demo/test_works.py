from __future__ import annotations

import asyncio
import re
import subprocess
from pathlib import Path

import imageio_ffmpeg
import msgspec
import pytest
from PIL import Image

from cluster.launch.demo import programme
from cluster.launch.demo.drawing import HEIGHT, WIDTH, draw_film, draw_poster
from cluster.launch.demo.works import all_works

SHORTS = [
    *(film.short for film in programme.FILMS),
    *(short for series in programme.SERIES for season in series.seasons for short in season),
]


def test_the_programme_is_long_enough_and_no_film_like_another(tmp_path: Path) -> None:
    assert len(all_works(tmp_path)) >= 24
    assert len(programme.SERIES) == 2
    assert all(45 <= short.duration_s <= 90 for short in SHORTS)
    assert len({(short.look, short.colours, short.chord_hz, short.seed) for short in SHORTS}) == len(SHORTS)
    assert len({work.name for work in all_works(tmp_path)}) == len(all_works(tmp_path))


def test_a_poster_is_the_same_each_time_and_has_its_size(tmp_path: Path) -> None:
    for name in ("one.jpg", "two.jpg"):
        draw_poster("The Tailor of Stripes", ("#1d3557", "#f1faee"), 20, tmp_path / name)
    assert (tmp_path / "one.jpg").read_bytes() == (tmp_path / "two.jpg").read_bytes()
    assert Image.open(tmp_path / "one.jpg").size == (600, 900)


@pytest.mark.media
@pytest.mark.parametrize("look", sorted({short.look for short in SHORTS}))
def test_each_look_draws_a_film_with_sound(tmp_path: Path, look: str) -> None:
    short = next(short for short in SHORTS if short.look == look)
    film = tmp_path / "film.mp4"
    asyncio.run(draw_film(msgspec.structs.replace(short, duration_s=1), short.name, film))
    told = subprocess.run([imageio_ffmpeg.get_ffmpeg_exe(), "-hide_banner", "-i", str(film)], capture_output=True, text=True, check=False)
    assert re.search(rf"Video: h264.* {WIDTH}x{HEIGHT}.* 24 fps", told.stderr), told.stderr
    assert re.search(r"\(eng\).*Audio: aac.* 48000 Hz, stereo", told.stderr), told.stderr
    assert "Duration: 00:00:01." in told.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["film.mp4"]
