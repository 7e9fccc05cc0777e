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
from cluster.launch.demo.works import all_works, markers_of

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


def test_markers_lie_within_what_is_drawn(tmp_path: Path) -> None:
    marked = [(work, work.markers) for work in all_works(tmp_path) if work.markers is not None]
    assert len(marked) == len(SHORTS)
    long_s = {short.name: short.duration_s for short in SHORTS}
    for work, markers in marked:
        intro, credits_ = markers["intro"], markers["credits"]
        assert 0 <= intro["start_s"] < intro["end_s"] < credits_["start_s"] < long_s[work.options.title or ""]


@pytest.mark.media
@pytest.mark.parametrize("opens_s", [0, programme.COLD_OPEN_S])
def test_title_and_credits_are_where_the_markers_say(tmp_path: Path, opens_s: int) -> None:
    series = programme.SERIES[0]
    short = msgspec.structs.replace(series.seasons[0][1], duration_s=24)
    film = tmp_path / "film.mp4"
    asyncio.run(draw_film(short, "The name of it", film, series.cast, opens_s))
    markers = markers_of(short, opens_s)
    intro, credits_s = markers["intro"], markers["credits"]["start_s"]
    lettered = {at_s: white(film, at_s) > 50 for at_s in (intro["start_s"] + 0.5, intro["end_s"] - 0.5, credits_s + 0.5, 23.5)}
    assert lettered == dict.fromkeys(lettered, True)
    bare = {at_s: white(film, at_s) for at_s in (opens_s - 0.5, intro["end_s"] + 0.5, credits_s - 0.5) if at_s > 0}
    assert bare == dict.fromkeys(bare, 0)


def white(film: Path, at_s: float) -> int:
    """Return how many white pixels the middle of a picture has: letters."""
    arguments = ["-ss", f"{at_s}", "-i", str(film), "-frames:v", "1", "-vf", "crop=iw:ih/2,format=gray", "-f", "rawvideo", "-"]
    done = subprocess.run([imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", *arguments], capture_output=True, check=True)
    return sum(value > 225 for value in done.stdout)
