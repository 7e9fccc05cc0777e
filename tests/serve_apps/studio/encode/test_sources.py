"""Sources as cameras, recorders and editors leave them: trimmed, begun in the middle, with gaps, with empty tracks."""

from __future__ import annotations

import asyncio
import re
from fractions import Fraction
from pathlib import Path

import pytest

from cluster.errors import MediaRefused
from serve_apps.studio.encode.chunk import encode_chunk
from serve_apps.studio.encode.packaging import gather
from serve_apps.studio.encode.pipeline import encode_file
from serve_apps.studio.encode.plan import Plan, plan
from serve_apps.studio.encode.probe import probe
from serve_apps.studio.encode.subtitles import extract_subtitles
from tests.serve_apps.studio.encode.films import HERE, ffmpeg, master_film, seen, sound, whole

pytestmark = pytest.mark.media

RATE, FRAMES = Fraction(25), 230
H264 = ("-c:v", "libx264", "-preset", "veryfast", "-crf", "18", "-x264-params", "keyint=60:open-gop=0:bframes=2:scenecut=0")
SMALL = ("-vf", "scale=176:144", "-c:v", "libx264", "-preset", "ultrafast", "-c:a", "aac")


async def pictures(path: Path, out_dir: Path) -> tuple[Plan, int, list[int]]:
    """Encode the picture alone; returns the plan, how many pictures were missing, and the numbers on what came out."""
    out_dir.mkdir()
    film = plan(await probe(path, out_dir, programs=HERE), preset="ultrafast", version_id="v1", chunk_segments=1)
    chunks = [await encode_chunk(path, film, chunk, out_dir, programs=HERE) for chunk in film.chunks]
    joined = await gather(film, film.renditions[0], [chunk.files[0] for chunk in chunks], out_dir, programs=HERE)
    return film, sum(chunk.missing_frames for chunk in chunks), seen(joined).numbers


@pytest.mark.parametrize("container", ["mp4", "mov"])
def test_a_film_trimmed_without_encoding_begins_at_its_first_shown_picture(container: str, film_dir: Path, tmp_path: Path) -> None:
    whole_film, cut = tmp_path / f"whole.{container}", tmp_path / f"cut.{container}"
    ffmpeg("-i", master_film(film_dir, RATE, FRAMES), *H264, "-c:a", "aac", whole_film)
    ffmpeg("-ss", "1", "-i", whole_film, "-c", "copy", cut)
    film, missing, numbers = asyncio.run(pictures(cut, tmp_path / "out"))
    assert numbers == list(range(25, FRAMES))
    assert missing == 0
    assert len(film.chunks) > 1


@pytest.mark.parametrize("gop", ["closed", "open"])
def test_a_recording_begun_in_the_middle_begins_at_its_first_key_picture(gop: str, film_dir: Path, tmp_path: Path) -> None:
    source, cut = tmp_path / "whole.ts", tmp_path / "cut.ts"
    coding = ("-c:v", "mpeg2video", "-q:v", "3", "-g", "60", "-bf", "2") if gop == "open" else H264
    ffmpeg("-i", master_film(film_dir, RATE, FRAMES), *coding, "-an", source)
    content = source.read_bytes()
    cut.write_bytes(content[len(content) // 188 // 7 * 188 :])
    film, missing, numbers = asyncio.run(pictures(cut, tmp_path / "out"))
    assert numbers == list(range(numbers[0], FRAMES))
    assert 0 < numbers[0] < 100
    assert (missing, film.frames_total) == (0, FRAMES - numbers[0])


def test_a_film_whose_first_pictures_are_broken_lacks_them(film_dir: Path, tmp_path: Path) -> None:
    source = tmp_path / "broken.mp4"
    ffmpeg("-i", master_film(film_dir, RATE, FRAMES), *H264, "-an", "-movflags", "+faststart", source)
    content = bytearray(source.read_bytes())
    begin = content.index(b"mdat") + 4
    content[begin : begin + (len(content) - begin) // 3] = bytes((len(content) - begin) // 3)
    source.write_bytes(content)
    film, missing, numbers = asyncio.run(pictures(source, tmp_path / "out"))
    assert len(numbers) == FRAMES
    assert numbers[120:] == list(range(120, FRAMES))
    assert missing >= 60
    with pytest.raises(MediaRefused, match="cannot be decoded"):
        film.require_decodable(missing)


def test_an_avi_that_says_as_before_for_many_pictures_is_whole(film_dir: Path, tmp_path: Path) -> None:
    source = tmp_path / "dropped.avi"
    dropped = ("-vf", "select='lte(mod(n,5),2)'", "-fps_mode", "vfr", "-enc_time_base", "1:25", "-c:v", "mpeg4", "-q:v", "3", "-g", "25")
    ffmpeg("-i", master_film(film_dir, RATE, FRAMES), *dropped, "-an", source)
    _, missing, numbers = asyncio.run(pictures(source, tmp_path / "out"))
    assert missing == 0
    assert numbers == [number - max(0, number % 5 - 2) for number in range(len(numbers))]
    assert FRAMES - 2 <= len(numbers) <= FRAMES


def test_a_film_with_few_key_pictures_is_read_about_once(film_dir: Path, tmp_path: Path) -> None:
    source = tmp_path / "rare.mp4"
    ffmpeg("-f", "lavfi", "-i", "testsrc2=s=176x144:r=25:d=40", *SMALL[2:6], "-x264-params", "keyint=infinite:scenecut=0", source)
    film = plan(asyncio.run(probe(source, tmp_path, programs=HERE)), preset="ultrafast", version_id="v1", chunk_segments=1)
    assert len(film.chunks) <= 4
    assert sum(chunk.frames for chunk in film.chunks) == film.frames_total == 1000


def test_a_film_that_becomes_interlaced_on_the_way_is_deinterlaced_from_there(tmp_path: Path) -> None:
    moving = "testsrc2=s=176x144:r=50,scroll=horizontal=0.02"
    coding = ("-c:v", "libx264", "-preset", "ultrafast", "-crf", "15", "-g", "25")
    ffmpeg("-f", "lavfi", "-i", f"{moving},fps=25", "-t", "3", *coding, tmp_path / "a.ts")
    fields = ("-vf", "interlace=scan=tff:lowpass=off", "-flags", "+ilme+ildct", "-t", "3")
    ffmpeg("-f", "lavfi", "-i", moving, *coding, *fields, "-output_ts_offset", "3", tmp_path / "b.ts")
    source = tmp_path / "both.ts"
    source.write_bytes((tmp_path / "a.ts").read_bytes() + (tmp_path / "b.ts").read_bytes())

    async def encode() -> list[Path]:
        film = plan(await probe(source, tmp_path, programs=HERE), preset="ultrafast", version_id="v1")
        return [path for chunk in film.chunks for path in (await encode_chunk(source, film, chunk, tmp_path, programs=HERE)).files[-1:]]

    (file,) = asyncio.run(encode())
    assert combed(source) > 50
    assert combed(file) < 5


def combed(path: Path) -> int:
    """Count the pictures that are of two moments."""
    report = ffmpeg("-v", "info", "-i", path, "-an", "-vf", "idet", "-f", "null", "-").stderr.decode()
    return sum(map(int, re.findall(r"Multi frame detection: TFF:\s*(\d+) BFF:\s*(\d+)", report)[-1]))


def test_an_empty_sound_track_is_silence_and_one_that_cannot_be_decoded_is_refused(film_dir: Path, tmp_path: Path) -> None:
    source = tmp_path / "film.mkv"
    ffmpeg("-i", master_film(film_dir, RATE, FRAMES), "-t", "3", *SMALL, source)
    ffmpeg("-i", source, "-map", "0", "-map", "0:a", "-c", "copy", "-bsf:a:1", "noise=drop=1", tmp_path / "empty.mkv")
    film = asyncio.run(encode_file(tmp_path / "empty.mkv", tmp_path / "out", version_id="v1", preset="ultrafast", programs=HERE))
    assert [track.loudness_lufs is None for track in film.packaged.audio] == [False, True]
    silent = sound(whole(tmp_path / "out/media", "a1"))
    assert len(silent) == pytest.approx(3 * 48000, abs=1024)
    assert not any(silent)
    ffmpeg("-i", source, "-map", "0", "-c", "copy", "-bsf:a", "noise=amount=1", tmp_path / "noise.mkv")
    with pytest.raises(MediaRefused, match="sound track 1"):
        asyncio.run(encode_file(tmp_path / "noise.mkv", tmp_path / "out2", version_id="v1", preset="ultrafast", programs=HERE))


def test_data_may_lie_in_a_folder_of_any_name(film_dir: Path, tmp_path: Path) -> None:
    folder = tmp_path / 'Ann\'s 100%d films, [new]: "a\\b" #1;x=y'
    folder.mkdir()
    subtitles = "1\n00:00:01,000 --> 00:00:02,000\nHello\n"
    (tmp_path / "film.srt").write_text(subtitles)
    ffmpeg("-i", master_film(film_dir, RATE, FRAMES), "-i", tmp_path / "film.srt", "-t", "5", *SMALL, "-c:s", "srt", folder / "film.mkv")
    film = asyncio.run(
        encode_file(folder / "film.mkv", folder / "out", version_id="v1", preset="ultrafast", chunk_segments=1, programs=HERE)
    )
    assert all((folder / "out/media" / name).stat().st_size > 0 for name in film.packaged.files)
    assert {"thumbnails_001.jpg", "a0/init.mp4", "s0/main.vtt"} <= set(film.packaged.files)
    assert len(film.artwork) >= 3


ASS = """[Script Info]
ScriptType: v4.00+
[V4+ Styles]
Format: Name, Fontname, Fontsize
Style: Default,Arial,20
[Events]
Format: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text
Dialogue: 0,0:00:00.50,0:00:01.00,Default,,0,0,0,,{\\p1}m 0 0 l 100 0 100 100 0 100{\\p0}
Dialogue: 0,0:00:01.00,0:00:02.00,Default,,0,0,0,,Paris --> {\\i1}Rome{\\i0}
Dialogue: 0,0:00:02.00,0:00:02.50,Default,,0,0,0,,Bye\\N\\NA --> B
"""


def test_subtitles_with_arrows_and_drawings_keep_their_words(film_dir: Path, tmp_path: Path) -> None:
    (tmp_path / "film.ass").write_text(ASS)
    source = tmp_path / "film.mkv"
    ffmpeg("-i", master_film(film_dir, RATE, FRAMES), "-i", tmp_path / "film.ass", "-t", "3", *SMALL, "-an", "-c:s", "copy", source)

    async def extract() -> str:
        film = plan(await probe(source, tmp_path, programs=HERE), preset="ultrafast", version_id="v1")
        track = await extract_subtitles(source, film, film.subtitles[0], tmp_path, programs=HERE)
        assert track is not None
        return (tmp_path / track.file).read_text()

    cues = asyncio.run(extract()).split("\n\n")[1:-1]
    assert [cue.partition("\n")[2] for cue in cues] == ["Paris --&gt; <i>Rome</i>", "Bye"]
