"""Every picture in its place and every sound with its picture, whatever the container, through chunks, joining and packaging."""

from __future__ import annotations

import asyncio
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import msgspec
import pytest

from cluster.errors import CorruptData
from serve_apps.studio.encode.chunk import ChunkResult, encode_chunk
from serve_apps.studio.encode.packaging import gather
from serve_apps.studio.encode.pipeline import Encoded, encode_file
from serve_apps.studio.encode.plan import Plan, plan
from serve_apps.studio.encode.probe import probe
from tests.serve_apps.studio.encode.films import FLASH_AT, FLASH_EVERY, HERE, beeps_s, ffmpeg, master_film, seen, whole

pytestmark = pytest.mark.media

RATES = {"23.976": Fraction(24000, 1001), "25": Fraction(25)}
FRAMES = 230  # three chunks of two seconds' pictures each, the last one not full

H264 = ("-c:v", "libx264", "-preset", "veryfast", "-crf", "18", "-x264-params", "keyint=60:open-gop=1:bframes=3", "-c:a", "aac")
MPEG2 = ("-c:v", "mpeg2video", "-q:v", "3", "-g", "15", "-bf", "2", "-c:a", "mp2")
FORMATS = {
    "mpg": MPEG2,
    "avi": ("-c:v", "mpeg4", "-q:v", "3", "-g", "60", "-c:a", "libmp3lame"),
    "wmv": ("-c:v", "wmv2", "-q:v", "3", "-g", "60", "-c:a", "wmav2"),
    "flv": ("-c:v", "flv", "-q:v", "3", "-g", "60", "-c:a", "libmp3lame", "-ar", "44100"),
    "webm": ("-c:v", "libvpx", "-deadline", "realtime", "-cpu-used", "8", "-b:v", "800k", "-g", "60", "-c:a", "libopus"),
    "3gp": ("-vf", "scale=352:288", "-c:v", "h263", "-q:v", "3", "-g", "60", "-c:a", "aac"),
}


def encoded(path: Path, out_dir: Path) -> Encoded:
    return asyncio.run(encode_file(path, out_dir, version_id="v1", preset="veryfast", chunk_segments=1, programs=HERE))


async def pictures(path: Path, out_dir: Path, *, chunk_segments: int = 1) -> tuple[Plan, list[ChunkResult], Path]:
    out_dir.mkdir()
    film = plan(await probe(path, out_dir, programs=HERE), preset="ultrafast", version_id="v1", chunk_segments=chunk_segments)
    chunks = [await encode_chunk(path, film, chunk, out_dir, programs=HERE) for chunk in film.chunks]
    return film, chunks, await gather(film, film.renditions[0], [chunk.files[0] for chunk in chunks], out_dir, programs=HERE)


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("container", ["mp4", "mkv", "ts"])
def test_a_packaged_film_shows_every_picture_in_its_place_and_sounds_in_step(
    container: str, rate: str, film_dir: Path, tmp_path: Path
) -> None:
    source = tmp_path / f"source.{container}"
    ffmpeg("-i", master_film(film_dir, RATES[rate], FRAMES), *H264, source)
    film = encoded(source, tmp_path / "out")
    assert len(film.plan.chunks) > 1
    assert film.plan.rate.fraction == RATES[rate]
    assert film.missing_frames == 0
    for rendition in film.packaged.renditions:
        shown = seen(whole(tmp_path / "out/media", rendition.name))
        assert shown.numbers == list(range(FRAMES))
        assert all(abs(time_s - number / RATES[rate]) < 0.001 for number, time_s in enumerate(shown.times_s))
    beeps = beeps_s(whole(tmp_path / "out/media", "a0"))
    assert len(beeps) == len(shown.flashes_s) == sum(number % FLASH_EVERY == FLASH_AT for number in range(FRAMES))
    assert max(abs(beep - flash) for beep, flash in zip(beeps, shown.flashes_s, strict=True)) < 0.020


@pytest.mark.parametrize("container", FORMATS)
def test_chunks_fit_whatever_the_container_does_on_a_seek(container: str, film_dir: Path, tmp_path: Path) -> None:
    source = tmp_path / f"source.{container}"
    ffmpeg("-i", master_film(film_dir, RATES["25"], FRAMES), *FORMATS[container], source)
    # What the container itself holds is the measure: some keep the first picture for two.
    held = seen(source).numbers
    _, chunks, joined = asyncio.run(pictures(source, tmp_path / "out"))
    assert len(chunks) > 1
    assert sum(chunk.missing_frames for chunk in chunks) == 0
    numbers = seen(joined).numbers
    extra = len(numbers) - len(held)
    assert numbers == [held[0]] * extra + held
    assert extra <= 1


def test_pictures_that_come_when_they_like_are_shown_when_they_came(film_dir: Path, tmp_path: Path) -> None:
    source = tmp_path / "variable.mkv"
    dropped = "select='not(eq(mod(n,7),3)+eq(mod(n,11),5)+between(n,100,140))'"
    ffmpeg("-i", master_film(film_dir, RATES["25"], FRAMES), "-vf", dropped, "-fps_mode", "vfr", *H264, source)
    film, chunks, joined = asyncio.run(pictures(source, tmp_path / "out"))
    assert film.rate.fraction == 25
    assert sum(chunk.missing_frames for chunk in chunks) == 0
    kept = [number for number in range(FRAMES) if not (number % 7 == 3 or number % 11 == 5 or 100 <= number <= 140)]
    expected = [max(number for number in kept if number <= at) for at in range(kept[-1] + 1)]
    assert seen(joined).numbers == expected


def test_a_film_with_a_hole_keeps_the_rest_in_place(film_dir: Path, tmp_path: Path) -> None:
    source = tmp_path / "hole.ts"
    ffmpeg("-i", master_film(film_dir, RATES["25"], FRAMES), *MPEG2, source)
    content = bytearray(source.read_bytes())
    begin = len(content) // 2 // 188 * 188
    content[begin : begin + len(content) // 40] = bytes(len(content) // 40)
    source.write_bytes(content)
    film, chunks, joined = asyncio.run(pictures(source, tmp_path / "out"))
    film.require_decodable(sum(chunk.missing_frames for chunk in chunks))
    numbers = seen(joined).numbers
    wrong = [at for at, number in enumerate(numbers) if at != number]
    assert len(numbers) == FRAMES
    assert 0 < sum(chunk.missing_frames for chunk in chunks) <= len(wrong) < 25
    assert wrong[-1] - wrong[0] < 25


def test_a_clock_that_is_set_anew_on_the_way_is_mended(film_dir: Path, tmp_path: Path) -> None:
    part, source = tmp_path / "part.ts", tmp_path / "twice.ts"
    ffmpeg("-i", master_film(film_dir, RATES["25"], FRAMES), "-t", "4", *MPEG2, part)
    ffmpeg("-i", part, "-c", "copy", "-output_ts_offset", "5000", tmp_path / "later.ts")
    source.write_bytes(part.read_bytes() + (tmp_path / "later.ts").read_bytes())
    film, chunks, joined = asyncio.run(pictures(source, tmp_path / "out"))
    assert len(chunks) == 1
    assert 7.5 < film.duration_s < 8.5
    numbers = seen(joined).numbers
    assert numbers[:95] == list(range(95))
    assert sum(after - before == 1 for before, after in pairwise(numbers)) > 190


def test_a_chunk_can_be_encoded_again_and_is_the_same(film_dir: Path, tmp_path: Path) -> None:
    source = tmp_path / "source.mp4"
    ffmpeg("-i", master_film(film_dir, RATES["25"], FRAMES), *H264, source)

    async def twice() -> tuple[bytes, bytes]:
        film = plan(await probe(source, tmp_path, programs=HERE), preset="ultrafast", version_id="v1", chunk_segments=1)
        first = (await encode_chunk(source, film, film.chunks[1], tmp_path / "a", programs=HERE)).files[0].read_bytes()
        told: list[int] = []
        again = await encode_chunk(source, film, film.chunks[1], tmp_path / "b", told.append, programs=HERE)
        assert told == sorted(told)
        assert told[-1] == film.chunks[1].frames
        return first, again.files[0].read_bytes()

    first, second = asyncio.run(twice())
    assert first == second


def test_where_nothing_can_be_decoded_the_chunk_is_black_and_counted_and_a_source_that_is_gone_is_no_black_film(
    film_dir: Path, tmp_path: Path
) -> None:
    source = tmp_path / "source.mp4"
    ffmpeg("-i", master_film(film_dir, RATES["25"], FRAMES), *H264[:6], "-g", "25", "-an", "-movflags", "+faststart", source)

    async def encode(path: Path) -> ChunkResult:
        film = plan(await probe(source, tmp_path, programs=HERE), preset="ultrafast", version_id="v1", chunk_segments=1)
        last = film.chunks[-1]
        broken = msgspec.structs.replace(last, seeks_s=(last.first_frame / 25,))  # nothing before it to fall back on
        content = bytearray(source.read_bytes())
        content[len(content) // 3 :] = b"\xff" * (len(content) - len(content) // 3)
        (tmp_path / "broken.mp4").write_bytes(content)
        return await encode_chunk(path, film, broken, tmp_path / "out", programs=HERE)

    done = asyncio.run(encode(tmp_path / "broken.mp4"))
    assert (done.decoded_frames, done.missing_frames) == (0, FRAMES - 100)
    assert seen(done.files[0]).numbers == [0] * (FRAMES - 100)
    with pytest.raises(CorruptData, match="not there any more"):
        asyncio.run(encode(tmp_path / "gone.mp4"))
