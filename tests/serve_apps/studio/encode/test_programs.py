"""How media programs are run: shut in, and never mistaken for the film when the machine ends them."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import os
import signal
import sys
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

import pytest

from cluster import processes
from cluster.completed import Completed
from cluster.errors import CorruptData, MediaRefused, ProgramInterrupted
from serve_apps.studio.encode import programs
from serve_apps.studio.encode.audio import encode_audio
from serve_apps.studio.encode.chunk import count_frames, encode_chunk
from serve_apps.studio.encode.plan import plan
from serve_apps.studio.encode.probe import probe
from serve_apps.studio.encode.programs import Programs, require_means, source_input
from serve_apps.studio.encode.stills import thumbnails
from serve_apps.studio.encode.subtitles import extract_subtitles
from tests.serve_apps.studio.encode.films import HERE, ffmpeg

pytestmark = pytest.mark.media


def reads(path: str, programs: Programs, cwd: Path) -> str:
    """Have ffmpeg copy a file as it is, as ffmpeg itself sees it."""
    arguments = ["-f", "data", "-i", f"file:{path}", "-map", "0", "-c", "copy", "-f", "data", "pipe:1"]
    return asyncio.run(programs.ffmpeg(arguments, cwd=cwd, timeout_s=20)).stdout.decode()


def test_a_program_is_shut_in(tmp_path: Path) -> None:
    programs = Programs(memory_bytes=3 << 30, file_bytes=5 << 30)
    limits = {line[:26].strip(): line[26:].split()[:2] for line in reads("/proc/self/limits", programs, tmp_path).splitlines()}
    assert limits["Max address space"] == [str(3 << 30)] * 2
    assert limits["Max file size"] == [str(5 << 30)] * 2
    assert limits["Max core file size"] == ["0", "0"]
    soft, hard = map(int, limits["Max cpu time"])
    assert 20 <= soft < hard
    assert reads("/proc/self/stat", programs, tmp_path).rpartition(")")[2].split()[16] == str(programs.nice)
    status = dict(line.split(":", 1) for line in reads("/proc/self/status", programs, tmp_path).splitlines())
    assert status["NoNewPrivs"].strip() == "1"
    if without_network(tmp_path):
        _, _, *interfaces = reads("/proc/self/net/dev", programs, tmp_path).splitlines()
        assert [interface.split()[:2] for interface in interfaces] == [["lo:", "0"]]


def without_network(cwd: Path) -> bool:
    """Tell whether this kernel lets a program go where no network is."""
    code = "import os; print(os.readlink('/proc/self/ns/net'))"
    limits = processes.Limits(network=False)
    told = asyncio.run(processes.run([sys.executable, "-I", "-S", "-c", code], cwd=cwd, limits=limits, timeout_s=20))
    return told.stdout.decode().strip() != str(Path("/proc/self/ns/net").readlink())


def test_text_and_pictures_may_fill_little_of_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("serve_apps.studio.encode.programs.SMALL_FILE_BYTES", 500)
    cues = "".join(f"{at}\n00:00:0{at},000 --> 00:00:0{at},900\n{'words ' * 40}\n\n" for at in range(5))
    (tmp_path / "film.srt").write_text(cues)
    source = tmp_path / "film.mkv"
    ffmpeg("-f", "lavfi", "-i", "testsrc2=s=176x144:r=12:d=6", "-i", tmp_path / "film.srt", "-c:v", "libx264", "-c:s", "srt", source)

    async def make() -> None:
        film = plan(await probe(source, tmp_path, programs=HERE), preset="ultrafast", version_id="v1")
        assert await extract_subtitles(source, film, film.subtitles[0], tmp_path, programs=HERE) is None
        chunk = await encode_chunk(source, film, film.chunks[0], tmp_path, programs=HERE)
        with pytest.raises(CorruptData):
            await thumbnails(film, chunk.files[0], tmp_path, programs=HERE)

    asyncio.run(make())
    assert all(path.stat().st_size <= 500 for path in [*tmp_path.glob("*.raw"), *tmp_path.glob("*.jpg")])


def test_untrusted_media_opens_this_file_by_this_demuxer_alone(tmp_path: Path) -> None:
    opened = source_input("mov", tmp_path / "film")
    assert opened[-6:] == ["-protocol_whitelist", "file", "-f", "mov", "-i", f"file:{tmp_path}/film"]


@pytest.fixture(scope="module")
def small_film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("film") / "film.mp4"
    ffmpeg("-f", "lavfi", "-i", "testsrc2=s=176x144:r=25", "-f", "lavfi", "-i", "sine", "-t", "3", "-c:v", "libx264", "-c:a", "aac", path)
    return path


async def killing(work: Coroutine[Any, Any, Any], records: Path, number: int, how: signal.Signals) -> None:
    """Kill the program that `work` starts as its `number`th, and await `work`."""
    task, seen = asyncio.ensure_future(work), list[int]()
    while not task.done() and len(seen) < number:
        await asyncio.sleep(0.001)
        for path in records.glob("[0-9]*"):
            if int(path.name) not in seen:
                seen.append(int(path.name))
    with contextlib.suppress(ProcessLookupError):
        os.kill(seen[number - 1], how)
    await task


@pytest.fixture
def slow_programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have programs begin late: one of a small film may be done before it is seen."""
    for name in ("ffmpeg_path", "ffprobe_path"):
        slow = tmp_path / name
        slow.write_text(f'#!/bin/sh\nsleep 0.3\nexec "{getattr(programs, name)()}" "$@"\n')
        slow.chmod(0o700)
        monkeypatch.setattr(programs, name, lambda slow=slow: str(slow))


@pytest.mark.usefixtures("slow_programs")
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
@pytest.mark.parametrize("number", [1, 2, 3], ids=["streams", "packets", "first picture"])
def test_a_probe_whose_program_is_killed_refuses_nothing(number: int, how: signal.Signals, small_film: Path, tmp_path: Path) -> None:
    records = tmp_path / "records"
    with pytest.raises(ProgramInterrupted, match=how.name):
        asyncio.run(killing(probe(small_film, tmp_path, programs=dataclasses.replace(HERE, record=records)), records, number, how))


@pytest.mark.parametrize("what", ["picture", "sound"])
def test_an_encode_whose_program_is_killed_refuses_nothing(what: str, small_film: Path, tmp_path: Path) -> None:
    records = tmp_path / "records"
    programs = dataclasses.replace(HERE, record=records)

    async def encode() -> None:
        film = plan(await probe(small_film, tmp_path, programs=HERE), preset="ultrafast", version_id="v1")
        if what == "picture":
            work: Coroutine[Any, Any, Any] = encode_chunk(small_film, film, film.chunks[0], tmp_path / "out", programs=programs)
        else:
            work = encode_audio(small_film, film, film.audio[0], tmp_path / "out", programs=programs)
        await killing(work, records, 1, signal.SIGKILL)

    with pytest.raises(ProgramInterrupted):
        asyncio.run(encode())


def test_an_encode_that_is_asked_to_end_refuses_nothing(tmp_path: Path) -> None:
    source, records = tmp_path / "film.mp4", tmp_path / "records"
    ffmpeg("-f", "lavfi", "-i", "testsrc2=s=640x360:r=25:d=8", "-c:v", "libx264", "-preset", "ultrafast", source)

    async def encode() -> None:
        film = plan(await probe(source, tmp_path, programs=HERE), preset="veryslow", version_id="v1")

        def end(_frames: int) -> None:
            for pid in processes.recorded(records):
                os.kill(pid, signal.SIGTERM)

        programs = dataclasses.replace(HERE, record=records)
        await encode_chunk(source, film, film.chunks[0], tmp_path / "out", end, programs=programs)

    with pytest.raises(ProgramInterrupted):
        asyncio.run(encode())


@pytest.mark.parametrize(
    ("told", "error"),
    [
        (Completed(-signal.SIGKILL, b"", ""), ProgramInterrupted),
        (Completed(-signal.SIGXCPU, b"", ""), ProgramInterrupted),
        (Completed(0, b"", "", timed_out=True), ProgramInterrupted),
        (Completed(126, b"", ""), ProgramInterrupted),
        (Completed(1, b"", "Error opening output: Cannot allocate memory\n"), ProgramInterrupted),
        (Completed(1, b"", "film.mp4: No such file or directory\n"), CorruptData),
        (Completed(-signal.SIGSEGV, b"", ""), None),
        (Completed(-signal.SIGABRT, b"", ""), None),
        (Completed(-signal.SIGKILL, b"x", "", overflowed=True), None),
        (Completed(183, b"", "Invalid data found when processing input\n"), None),
    ],
)
def test_only_a_programs_own_end_says_anything_of_the_film(told: Completed, error: type[Exception] | None) -> None:
    with pytest.raises(error) if error else contextlib.nullcontext():
        require_means(told)


def test_a_film_of_too_many_pictures_is_refused_before_it_fills_the_memory(
    small_film: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("serve_apps.studio.encode.probe.MAX_PICTURES", 50)
    with pytest.raises(MediaRefused, match="at most 50"):
        asyncio.run(probe(small_film, tmp_path, programs=HERE))


def test_pictures_that_cannot_be_counted_are_not_none(tmp_path: Path) -> None:
    (tmp_path / "cut.mp4").write_bytes(b"\x00\x00\x00\x20ftypisom" + bytes(100))
    with pytest.raises(CorruptData, match="cannot be counted"):
        asyncio.run(count_frames(tmp_path / "cut.mp4", programs=HERE))
