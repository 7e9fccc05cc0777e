"""Reads what a video file is from its name and folders, as users of Jellyfin and Plex name them.

Main path: `read_name` -> guessit -> our rules: a season makes an episode, `-trailer` and a folder `trailers` make a trailer.
Knows nothing of the catalogue.
"""

from __future__ import annotations

import re
from pathlib import Path, PurePath
from typing import Any, Final, Literal

import msgspec
from guessit import guessit

from cluster.errors import InvalidInput

VIDEO_SUFFIXES: Final = frozenset(
    {".3g2", ".3gp", ".asf", ".avi", ".f4v", ".flv", ".m2ts", ".m2v", ".m4v", ".mkv", ".mov", ".mp4", ".mpeg", ".mpg", ".mts"}
    | {".mxf", ".ogv", ".rm", ".ts", ".vob", ".webm", ".wmv"}
)
SUBTITLE_SUFFIXES: Final = frozenset({".srt", ".vtt"})
_EXTRA_FOLDERS: Final = frozenset(
    {"trailers", "extras", "featurettes", "interviews", "scenes", "shorts", "samples", "behind the scenes", "other"}
)
_SEASON_FOLDER: Final = re.compile(r"((season|series|staffel|saison|temporada|s)[ ._-]?\d{1,4}|specials)", re.IGNORECASE)
_EXTRA_NAMES: Final = re.compile(r"-(featurette|interview|scene|short|sample|behindthescenes|deleted|other)$", re.IGNORECASE)

Kind = Literal["film", "episode", "trailer"]


class Named(msgspec.Struct, frozen=True):
    """What a name says: `title` is the film's or the series'."""

    kind: Kind
    title: str
    year: int | None = None
    season: int | None = None
    episode: int | None = None
    name: str | None = None
    """The episode's or trailer's own name."""


class Sidecar(msgspec.Struct, frozen=True):
    """A subtitle file that belongs to a video."""

    path: Path
    language: str
    label: str


def read_name(path: PurePath) -> Named:
    """Return what the path's last folders and name say; never fails: the name itself is the last resort."""
    own: dict[str, Any] = dict(guessit(path.name))
    in_trailers = len(path.parts) >= 3 and path.parent.name.lower() == "trailers"
    if in_trailers or "Trailer" in _listed(own.get("other")):
        owner = dict(guessit(path.parts[-3] if in_trailers else path.name, {"type": "movie"}))
        return Named("trailer", _title(owner, path), _year(owner), name=_plain(path.stem))
    # A folder tells the season only if it is named as one, and never the episode: films lie in folders like "old_s2" too.
    in_season = len(path.parts) >= 2 and _SEASON_FOLDER.fullmatch(path.parent.name) is not None
    guess: dict[str, Any] = dict(guessit(str(PurePath(*path.parts[-3 if in_season else -2 :]))))
    season, episode = _first(guess.get("season")), _first(guess.get("episode"))
    if "episode" in own and ("season" in own or in_season) and season is not None and episode is not None:
        title = _title(guess, path)
        if title.lower() in {"specials", "season"} and len(path.parts) >= 3:
            title = _title(dict(guessit(path.parts[-3])), path)
        return Named("episode", title, _year(guess), season, episode, guess.get("episode_title"))
    # A number alone ("12 Monkeys") makes no episode.
    film = dict(guessit(path.name, {"type": "movie"}))
    title = _title(film, path)
    return Named("film", title, _year(film) or _year(guess))


def videos_under(path: Path) -> list[Path]:
    """Return the video files of a file or folder in name order, extras left out (trailers are kept).

    Raises:
        InvalidInput: there is no such path, it cannot be read, or there is no video in it.
    """
    try:
        return _videos_under(path)
    except OSError as error:
        raise InvalidInput(f"{error.filename or path}: {error.strerror}") from error


def _videos_under(path: Path) -> list[Path]:
    if not path.exists():
        raise InvalidInput(f"{path}: no such file or folder")
    if path.is_file():
        return [path]
    found = [
        item
        for item in sorted(path.rglob("*"))
        if item.is_file()
        and item.suffix.lower() in VIDEO_SUFFIXES
        and not any(part.startswith(".") for part in item.relative_to(path).parts)
        and (item.parent.name.lower() not in _EXTRA_FOLDERS or item.parent.name.lower() == "trailers")
        and not _EXTRA_NAMES.search(item.stem)
    ]
    if not found:
        raise InvalidInput(f"{path}: no video file in it")
    return found


def sidecars_of(video: Path) -> list[Sidecar]:
    """Return the subtitle files beside a video: `Film.srt`, `Film.en.srt`, `Film.en.forced.vtt`, in name order."""
    found = []
    for item in sorted(video.parent.iterdir()):
        if item.suffix.lower() not in SUBTITLE_SUFFIXES or not (item.stem == video.stem or item.stem.startswith(video.stem + ".")):
            continue
        tags = [tag.lower() for tag in item.stem[len(video.stem) :].split(".") if tag]
        language = next((tag for tag in tags if re.fullmatch(r"[a-z]{2,3}(-[a-z0-9]{2,8})*", tag) and tag not in {"sdh", "cc"}), "und")
        marks = " ".join(tag for tag in tags if tag in {"forced", "sdh", "cc"})
        found.append(Sidecar(item, language, f"{language} {marks}".strip()))
    return found


def _title(guess: dict[str, Any], path: PurePath) -> str:
    title = guess.get("title") or guess.get("alternative_title")
    if isinstance(title, list):
        title = title[0]
    return str(title) if title else _plain(path.stem)


def _plain(stem: str) -> str:
    return re.sub(r"[._]+", " ", stem).strip() or "Untitled"


def _year(guess: dict[str, Any]) -> int | None:
    year = _first(guess.get("year"))
    return year if year is not None and 1870 <= year <= 2100 else None


def _first(value: Any) -> int | None:
    if isinstance(value, list):
        value = value[0] if value else None
    return value if isinstance(value, int) else None


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
