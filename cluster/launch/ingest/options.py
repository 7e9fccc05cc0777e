"""What an ingest was told to do, and what a file is by that and by its name."""

from __future__ import annotations

from pathlib import Path

import msgspec

from cluster.errors import InvalidInput
from cluster.launch.ingest.naming import Named, read_name


class Options(msgspec.Struct, frozen=True):
    """What the command says; it wins over what names say."""

    title: str | None = None
    year: int | None = None
    genres: tuple[str, ...] = ()
    kind: str | None = None
    series: str | None = None
    season: int | None = None
    episode: int | None = None
    synopsis: str | None = None
    maturity: int | None = None
    cast: tuple[str, ...] = ()
    language: str | None = None
    ladder: tuple[int, ...] = ()
    draft: bool = False
    title_id: str | None = None
    """The film or series, where it is known already."""

    def name(self, file: Path) -> Named:
        """Return what a file is.

        Raises:
            InvalidInput: the kind is none, or an episode has no number.
        """
        named = read_name(file.absolute())
        kind = self.kind or ("episode" if self.series else named.kind)
        if kind not in {"film", "episode", "trailer"}:
            raise InvalidInput(f"--kind {kind}: must be film, episode or trailer")
        season = self.season if self.season is not None else named.season
        episode = self.episode if self.episode is not None else named.episode
        title = (self.series if kind == "episode" else self.title) or named.title
        if kind == "episode" and episode is None:
            raise InvalidInput(f"{file.name}: no episode number in the name; give --season and --episode")
        return Named(
            "film" if kind == "film" else "episode" if kind == "episode" else "trailer",
            title,
            self.year or named.year,
            season if season is not None else 1 if kind == "episode" else None,
            episode,
            self.title if kind == "episode" and self.title else named.name,
        )
