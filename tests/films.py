"""Small films that tests make themselves."""

from __future__ import annotations

import subprocess
from pathlib import Path

import imageio_ffmpeg


def two_language_film(path: Path, *, duration_s: int = 24, size: str = "640x360", rate: int = 24) -> Path:
    """Write an mkv with a moving picture, English and German sound (low and high), English and French subtitles."""
    folder = path.parent
    for language, words in {"eng": "Hello from the test film", "fra": "Bonjour du film d'essai"}.items():
        (folder / f"{path.stem}.{language}.txt").write_text(f"1\n00:00:01,000 --> 00:00:{duration_s - 1:02d},000\n{words}\n")
    subprocess.run(
        [
            *(imageio_ffmpeg.get_ffmpeg_exe(), "-hide_banner", "-loglevel", "error", "-y"),
            *("-f", "lavfi", "-i", f"testsrc2=s={size}:r={rate}:d={duration_s}"),
            *("-f", "lavfi", "-i", f"sine=330:d={duration_s}:r=48000", "-f", "lavfi", "-i", f"sine=880:d={duration_s}:r=48000"),
            *("-f", "srt", "-i", str(folder / f"{path.stem}.eng.txt"), "-f", "srt", "-i", str(folder / f"{path.stem}.fra.txt")),
            *("-map", "0:v", "-map", "1:a", "-map", "2:a", "-map", "3", "-map", "4"),
            *("-c:v", "libx264", "-preset", "ultrafast", "-c:a", "aac", "-c:s", "srt"),
            *("-metadata:s:a:0", "language=eng", "-metadata:s:a:1", "language=deu"),
            *("-metadata:s:s:0", "language=eng", "-metadata:s:s:1", "language=fra", str(path)),
        ],
        check=True,
    )
    return path
