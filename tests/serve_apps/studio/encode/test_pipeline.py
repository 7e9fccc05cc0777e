"""Whole encodes: forms of pictures, tracks, packages, refusals, cancelling."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import re
import subprocess
import time
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import psutil
import pytest

from cluster import processes
from cluster.errors import MediaRefused
from serve_apps.studio.encode.audio import Loudness, encode_audio, read_loudness
from serve_apps.studio.encode.chunk import encode_chunk
from serve_apps.studio.encode.pipeline import Encoded, Sidecar, encode_file
from serve_apps.studio.encode.plan import plan
from serve_apps.studio.encode.probe import probe
from serve_apps.studio.encode.programs import ffprobe_path
from tests.serve_apps.studio.encode.films import HERE, ffmpeg, sound, whole

pytestmark = pytest.mark.media


def encoded(path: Path, out_dir: Path, **more: Any) -> Encoded:
    return asyncio.run(encode_file(path, out_dir, version_id="v1", preset="ultrafast", programs=HERE, **more))


def pattern(*, size: str = "640x360", rate: str = "25", seconds: float = 4, tone: str = "sine=f=440:r=48000") -> list[str]:
    return ["-f", "lavfi", "-i", f"testsrc2=s={size}:r={rate}", "-f", "lavfi", "-i", tone, "-t", str(seconds)]


def told(path: Path, entries: str) -> dict[str, str]:
    argv = [ffprobe_path(), "-v", "error", "-select_streams", "v:0", "-show_entries", entries, "-of", "default=nw=1", str(path)]
    lines = subprocess.run(argv, capture_output=True, text=True, check=True, timeout=60).stdout.split()
    return dict(line.split("=", 1) for line in lines)


def loudness(path: Path) -> Loudness:
    report = ffmpeg("-v", "info", "-i", path, "-af", "ebur128=peak=true:framelog=quiet", "-f", "null", "-").stderr
    return read_loudness(report.decode())


@pytest.fixture(scope="module")
def many_tracks(tmp_path_factory: pytest.TempPathFactory) -> tuple[Encoded, Path]:
    """A film with two sound languages and two subtitle languages inside, and one beside it."""
    here = tmp_path_factory.mktemp("tracks")
    for language, word in {"eng": "Hello <script>x</script>", "ger": "Tschüss"}.items():
        (here / f"{language}.srt").write_text(f"1\n00:00:01,000 --> 00:00:02,000\n{word}\n", "utf-8")
    ffmpeg(
        *("-f", "lavfi", "-i", "testsrc2=s=1280x720:r=24"),
        *("-f", "lavfi", "-i", "sine=f=300:r=44100", "-f", "lavfi", "-i", "sine=f=600:r=48000,volume=0.05"),
        *("-i", here / "eng.srt", "-i", here / "ger.srt", "-map", "0:v", "-map", "1:a", "-map", "2:a", "-map", "3", "-map", "4", "-t", "9"),
        *("-c:v", "libx264", "-preset", "ultrafast", "-c:a", "aac", "-c:s", "srt", "-ac:a:1", "6"),
        *("-metadata:s:a:0", "language=eng", "-metadata:s:a:1", "language=ger", "-disposition:a:1", "default", "-disposition:a:0", "0"),
        *("-metadata:s:s:0", "language=eng", "-metadata:s:s:1", "language=ger", here / "film.mkv"),
    )
    beside = Sidecar(content="1\n00:00:03,000 --> 00:00:04,000\nÇa va\n".encode("utf-16"), language="fre")
    return encoded(here / "film.mkv", here / "out", sidecars=(beside,)), here / "out"


def test_languages_of_sound_and_subtitles_are_offered_by_both_manifests(many_tracks: tuple[Encoded, Path]) -> None:
    film, out = many_tracks
    sounds = [(track.language, track.label, track.default) for track in film.packaged.audio]
    assert sounds == [("en", "English", False), ("de", "Deutsch", True)]
    assert [track.language for track in film.packaged.subtitles] == ["en", "de", "fr"]
    master = (out / "media/master.m3u8").read_text("utf-8")
    assert re.findall(r'TYPE=(\w+),.*?LANGUAGE="(\w+)"', master) == [
        ("AUDIO", "en"), ("AUDIO", "de"), ("SUBTITLES", "en"), ("SUBTITLES", "de"), ("SUBTITLES", "fr"),
    ]  # fmt: skip
    assert re.findall(r'NAME="(\w+)".*DEFAULT=YES', master) == ["Deutsch"]
    sets = ET.parse(out / "media/manifest.mpd").getroot().findall(".//{*}AdaptationSet")
    offered = [(it.get("contentType"), it.get("lang")) for it in sets[1:]]
    assert offered == [("audio", "en"), ("audio", "de"), ("text", "en"), ("text", "de"), ("text", "fr")]


def test_subtitles_are_one_clean_file_each(many_tracks: tuple[Encoded, Path]) -> None:
    _, out = many_tracks
    texts = [(out / f"media/s{number}/main.vtt").read_text("utf-8") for number in range(3)]
    assert texts[0] == "WEBVTT\n\n00:00:01.000 --> 00:00:02.000\nHello x\n\n"
    assert "Tschüss" in texts[1]
    assert texts[2] == "WEBVTT\n\n00:00:03.000 --> 00:00:04.000\nÇa va\n\n"
    assert "main.vtt" in (out / "media/s0/main.m3u8").read_text()


def test_everything_that_a_manifest_names_is_there(many_tracks: tuple[Encoded, Path]) -> None:
    film, out = many_tracks
    media = out / "media"
    named = {"master.m3u8", "manifest.mpd", "thumbnails.vtt", *re.findall(r'URI="([^"]+)"', (media / "master.m3u8").read_text())}
    named |= {line for line in (media / "master.m3u8").read_text().splitlines() if line.startswith("v")}
    for playlist in [name for name in named if name.endswith("main.m3u8")]:
        folder, text = playlist.rpartition("/")[0], (media / playlist).read_text()
        named |= {f"{folder}/{line}" for line in text.splitlines() if line and not line.startswith("#")}
        named |= {f"{folder}/{name}" for name in re.findall(r'URI="([^"]+)"', text)}
        assert 8.9 < sum(float(length) for length in re.findall(r"#EXTINF:([\d.]+)", text)) < 9.1
    named |= {line.partition("#")[0] for line in (media / "thumbnails.vtt").read_text().splitlines() if ".jpg" in line}
    assert named - {""} == set(film.packaged.files)
    assert all((media / name).stat().st_size > 0 for name in film.packaged.files)
    assert not (out / "work").exists()


def test_the_package_says_what_it_holds(many_tracks: tuple[Encoded, Path]) -> None:
    film, _ = many_tracks
    held = film.packaged
    assert (held.width, held.height, held.frame_rate, held.duration_s) == (1280, 720, 24.0, 9.0)
    assert [(rung.width, rung.height) for rung in held.renditions] == [(416, 234), (640, 360), (960, 540), (1280, 720)]
    assert all(rung.bandwidth_bps > 100_000 for rung in held.renditions)


def test_artwork_has_the_shapes_that_the_site_shows(many_tracks: tuple[Encoded, Path]) -> None:
    film, out = many_tracks
    sizes = {art.kind: (art.width, art.height) for art in film.artwork}
    assert sizes == {"poster": (480, 720), "backdrop": (1280, 720), "still": (1280, 720)}
    for art in film.artwork:
        shown = told(out / "artwork" / art.file, "stream=width,height,codec_name")
        assert (shown["width"], shown["height"], shown["codec_name"]) == (str(art.width), str(art.height), "mjpeg")


def test_candidates_are_of_every_part_that_shows_something_and_the_same_each_time(tmp_path: Path) -> None:
    black = "drawbox=c=black:t=fill:enable='between(t,8,23)'"
    source = ["-f", "lavfi", "-i", f"testsrc2=s=320x180:r=25,{black}", "-t", "40", "-c:v", "libx264", "-preset", "ultrafast"]
    ffmpeg(*source, tmp_path / "film.mp4")
    runs = []
    for name in ("one", "two"):
        film = encoded(tmp_path / "film.mp4", tmp_path / name)
        files = [tmp_path / name / "artwork" / art.file for art in film.candidates]
        assert {(art.width, art.height) for art in film.candidates} == {(320, 180)}
        runs.append([file.read_bytes() for file in files])
        light = [ffmpeg("-i", file, "-vf", "scale=1:1:flags=area,format=gray", "-f", "rawvideo", "-").stdout[0] for file in files]
        assert min(light) > 40
    assert runs[0] == runs[1]
    assert 4 <= len(set(runs[0])) == len(runs[0]) <= 7  # of eight parts, some are black


def test_a_black_film_has_artwork_but_no_candidates(tmp_path: Path) -> None:
    ffmpeg("-f", "lavfi", "-i", "color=black:s=320x180:r=25", "-t", "6", "-c:v", "libx264", tmp_path / "film.mp4")
    film = encoded(tmp_path / "film.mp4", tmp_path / "out")
    assert film.artwork
    assert film.candidates == ()


def test_both_tracks_have_the_loudness_of_broadcasts(many_tracks: tuple[Encoded, Path]) -> None:
    film, out = many_tracks
    for number, track in enumerate(film.packaged.audio):
        assert track.loudness_lufs is not None
        measured = loudness(whole(out / "media", f"a{number}"))
        assert measured.integrated_lufs == pytest.approx(-23, abs=0.5)
        assert measured.peak_dbtp <= -1


@pytest.mark.parametrize(
    ("tone", "seconds"),
    [("anullsrc=r=48000:cl=stereo", 4), ("aevalsrc='if(lt(mod(t,3),0.001),0.9*sin(2*PI*900*t),0.0005*sin(2*PI*300*t))':s=48000", 6)],
    ids=["silence is untouched", "a peak wins over loudness"],
)
def test_sound_that_cannot_reach_its_loudness(tone: str, seconds: int, tmp_path: Path) -> None:
    ffmpeg(*pattern(size="64x36", seconds=seconds, tone=tone), "-c:v", "libx264", "-c:a", "flac", tmp_path / "film.mkv")

    async def track() -> Any:
        film = plan(await probe(tmp_path / "film.mkv", tmp_path, programs=HERE), preset="ultrafast", version_id="v1")
        return await encode_audio(tmp_path / "film.mkv", film, film.audio[0], tmp_path, programs=HERE)

    done = asyncio.run(track())
    samples = sound(tmp_path / done.file)
    assert len(samples) == pytest.approx(seconds * 48000, abs=2)
    if "anullsrc" in tone:
        assert (done.gain_db, done.loudness_lufs, max(samples)) == (0.0, None, 0.0)
    else:
        measured = loudness(tmp_path / done.file)
        assert measured.integrated_lufs < -24
        assert -3 < measured.peak_dbtp <= -1


def test_sound_that_begins_late_and_ends_early_is_filled_to_the_pictures_length(tmp_path: Path) -> None:
    late = ["-af", "atrim=0:2,asetpts=PTS+1.5/TB", "-c:a", "aac"]
    ffmpeg(*pattern(size="64x36", seconds=6), *late, "-c:v", "libx264", tmp_path / "film.mkv")
    encoded(tmp_path / "film.mkv", tmp_path / "out")
    samples = sound(whole(tmp_path / "out/media", "a0"))
    assert len(samples) == pytest.approx(6 * 48000, abs=1024)
    assert max(map(abs, samples[: int(1.45 * 48000)])) < 0.01 < max(map(abs, samples[int(1.55 * 48000) : int(3.4 * 48000)]))
    assert max(map(abs, samples[int(3.6 * 48000) :])) < 0.01


X265 = ["-c:v", "libx265", "-preset", "ultrafast", "-x265-params"]
FIELDS = ["-vf", "scale=720:576,interlace=scan=tff,setsar=16/15", "-flags", "+ilme+ildct"]
FORMS = {
    "stretched": (["-vf", "scale=720:576,setsar=64/45", "-c:v", "mpeg2video", "-q:v", "3"], "film.mpg", (960, 540)),
    "interlaced": ([*FIELDS, "-c:v", "libx264"], "film.ts", (720, 540)),
    "odd": (["-vf", "scale=355:201,setsar=1", "-pix_fmt", "yuv444p", "-c:v", "libx264"], "film.mp4", (354, 200)),
    "rgb": (["-pix_fmt", "rgb24", "-c:v", "png"], "film.mov", (640, 360)),
    "full range": (["-pix_fmt", "yuvj420p", "-c:v", "mjpeg"], "film.avi", (640, 360)),
    "tiny": (["-vf", "scale=64:36", "-c:v", "libx264"], "film.mp4", (64, 36)),
    "bright": (
        ["-pix_fmt", "yuv420p10le", *X265, "log-level=error:colorprim=bt2020:transfer=smpte2084:colormatrix=bt2020nc"],
        "film.mp4",
        (640, 360),
    ),
}


@pytest.mark.parametrize("form", FORMS)
def test_pictures_of_every_form_become_square_progressive_8_bit_television(form: str, tmp_path: Path) -> None:
    arguments, name, size = FORMS[form]
    ffmpeg(*pattern(rate="50" if form == "interlaced" else "25", seconds=2), "-an", *arguments, tmp_path / name)

    async def last_rendition() -> tuple[Any, Path]:
        film = plan(await probe(tmp_path / name, tmp_path, programs=HERE), preset="ultrafast", version_id="v1")
        return film, (await encode_chunk(tmp_path / name, film, film.chunks[0], tmp_path / "out", programs=HERE)).files[-1]

    film, file = asyncio.run(last_rendition())
    assert film.rate.fraction == 25
    shown = told(file, "stream=width,height,pix_fmt,sample_aspect_ratio,field_order,color_range,color_transfer,color_space")
    assert (int(shown["width"]), int(shown["height"])) == size
    form_of = [shown[name] for name in ("pix_fmt", "sample_aspect_ratio", "field_order", "color_range")]
    assert form_of == ["yuv420p", "1:1", "progressive", "tv"]
    assert shown["color_transfer"] == "bt709"
    assert shown["color_space"] in {"bt709", "smpte170m", "bt470bg"}


def test_a_turned_film_is_shown_upright(tmp_path: Path) -> None:
    halves = "color=black:s=320x180:r=25,drawbox=w=160:color=white:t=fill"
    ffmpeg("-f", "lavfi", "-i", halves, "-t", "1", "-c:v", "libx264", tmp_path / "flat.mp4")
    ffmpeg("-display_rotation", "90", "-i", tmp_path / "flat.mp4", "-c", "copy", tmp_path / "turned.mp4")
    film = encoded(tmp_path / "turned.mp4", tmp_path / "out")
    assert (film.packaged.width, film.packaged.height) == (180, 320)
    gray = ffmpeg("-i", tmp_path / "out/artwork/still_0.jpg", "-vf", "scale=1:2:flags=area,format=gray", "-f", "rawvideo", "-").stdout
    assert abs(gray[0] - gray[1]) > 150  # black over white or white over black, no longer side by side


def refused(path: Path, tmp_path: Path) -> str:
    began_s = time.monotonic()
    with pytest.raises(MediaRefused) as caught:
        encoded(path, tmp_path / "out")
    assert time.monotonic() - began_s < 60
    assert list((tmp_path / "out").rglob("*")) == []
    return caught.value.detail


def test_what_has_no_moving_picture_is_refused(tmp_path: Path) -> None:
    ffmpeg("-f", "lavfi", "-i", "sine=d=2", "-c:a", "aac", tmp_path / "sound.m4a")
    assert refused(tmp_path / "sound.m4a", tmp_path) == "The file has sound but no moving picture."
    ffmpeg("-f", "lavfi", "-i", "testsrc2=s=64x64", "-frames:v", "1", tmp_path / "cover.jpg")
    cover = ["-map", "0", "-map", "1", "-c", "copy", "-disposition:v:0", "attached_pic"]
    ffmpeg("-i", tmp_path / "sound.m4a", "-i", tmp_path / "cover.jpg", *cover, tmp_path / "covered.m4a")
    assert refused(tmp_path / "covered.m4a", tmp_path) == "The file has sound but no moving picture."
    (tmp_path / "empty.mp4").touch()
    assert refused(tmp_path / "empty.mp4", tmp_path) == "The file is empty."


def test_what_is_broken_is_refused_in_words(tmp_path: Path) -> None:
    ffmpeg(*pattern(size="320x180", seconds=8), "-c:v", "libx264", "-g", "25", "-c:a", "aac", tmp_path / "whole.mkv")
    content = (tmp_path / "whole.mkv").read_bytes()
    (tmp_path / "cut.mkv").write_bytes(content[: len(content) // 2])
    assert refused(tmp_path / "cut.mkv", tmp_path).startswith("The file ends early: of 8 s it holds the first ")
    hole = bytearray(content)
    hole[len(hole) // 3 : len(hole) * 2 // 3] = bytes(len(hole) * 2 // 3 - len(hole) // 3)
    (tmp_path / "hole.mkv").write_bytes(hole)
    assert "pictures" in refused(tmp_path / "hole.mkv", tmp_path)
    ffmpeg("-i", tmp_path / "whole.mkv", "-c", "copy", tmp_path / "whole.mp4")
    (tmp_path / "cut.mp4").write_bytes((tmp_path / "whole.mp4").read_bytes()[:50_000])
    assert "its index is missing" in refused(tmp_path / "cut.mp4", tmp_path)


def test_a_playlist_in_disguise_reads_no_other_file(tmp_path: Path) -> None:
    ffmpeg(*pattern(size="64x36", seconds=1), "-c:v", "libx264", "-an", tmp_path / "secret.mp4")
    secret = f"{tmp_path}/secret.mp4"
    texts = {"hls": f"#EXTM3U\n#EXTINF:1,\nfile://{secret}\n#EXT-X-ENDLIST\n", "concat": f"ffconcat version 1.0\nfile {secret}\n"}
    for name, text in texts.items():
        (tmp_path / f"{name}.mp4").write_text(text)
        assert "a playlist" in refused(tmp_path / f"{name}.mp4", tmp_path)


def test_cancelling_stops_ffmpeg_within_two_seconds_and_leaves_no_record(tmp_path: Path) -> None:
    ffmpeg(*pattern(size="1280x720", seconds=10), "-c:v", "libx264", "-preset", "ultrafast", "-c:a", "aac", tmp_path / "film.mp4")
    records = tmp_path / "records"
    programs = dataclasses.replace(HERE, record=records)

    async def scenario() -> tuple[float, list[int]]:
        started = asyncio.Event()

        def on_progress(frames: int) -> None:
            if frames:
                started.set()

        film = plan(await probe(tmp_path / "film.mp4", tmp_path, programs=HERE), preset="slow", version_id="v1")
        chunk = encode_chunk(tmp_path / "film.mp4", film, film.chunks[0], tmp_path / "out", on_progress, programs=programs)
        task = asyncio.create_task(chunk)
        await started.wait()
        running = processes.recorded(records)
        began_s = time.monotonic()
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        return time.monotonic() - began_s, running

    took_s, running = asyncio.run(scenario())
    assert len(running) == 1
    assert took_s < 2
    assert not psutil.pid_exists(running[0])
    assert list(records.iterdir()) == []
