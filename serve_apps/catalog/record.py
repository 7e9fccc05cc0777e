"""A title as it is stored and as events carry it: everything of it in one value, so that it changes as a whole.

Fields are only ever added, with a default; readers ignore those of a later version.
"""

from __future__ import annotations

from typing import Final

import msgspec
from pydantic import BaseModel, ConfigDict

from cluster.errors import TooLarge
from serve_apps.catalog.schemas import ArtworkImage, CastMember, Markers, Media, TitleKind

EPISODES_LIMIT: Final = 2000
TRAILERS_LIMIT: Final = 20
RECORD_LIMIT_BYTES: Final = 960 * 1024
"""What a stored value may hold, less what the outbox' envelope adds: about 800 encoded episodes with long synopses."""


class Stored(BaseModel):
    """Base of what is stored."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class EpisodeRecord(Stored):
    """An episode of a series."""

    season: int
    episode: int
    name: str
    synopsis: str = ""
    published: bool = True
    media: Media | None = None
    markers: Markers | None = None
    still: list[ArtworkImage] = []

    @property
    def place(self) -> tuple[int, int]:
        """What orders episodes."""
        return self.season, self.episode


class TrailerRecord(Stored):
    """A trailer of a film or a series."""

    trailer: int
    name: str
    synopsis: str = ""
    published: bool = True
    media: Media | None = None
    markers: Markers | None = None
    still: list[ArtworkImage] = []

    @property
    def place(self) -> int:
        """What orders trailers."""
        return self.trailer


class TitleRecord(Stored):
    """A film or a series; `episodes` and `trailers` stand in their order."""

    title_id: str
    kind: TitleKind
    name: str
    original_name: str | None = None
    synopsis: str = ""
    year: int | None = None
    genres: list[str] = []
    cast: list[CastMember] = []
    maturity: int = 18
    languages: list[str] = []
    published: bool = False
    created_at_s: float = 0.0
    published_at_s: float | None = None
    artwork: list[ArtworkImage] = []
    media: Media | None = None
    markers: Markers | None = None
    episodes: list[EpisodeRecord] = []
    trailers: list[TrailerRecord] = []

    @property
    def added_at_s(self) -> float:
        """When members first saw it; for a draft, when it was made."""
        return self.published_at_s if self.published_at_s is not None else self.created_at_s

    def encoded(self) -> bytes:
        """Return it as JSON, within what a stored value may hold.

        Raises:
            TooLarge: too many episodes or trailers, or too much text.
        """
        if len(self.episodes) > EPISODES_LIMIT or len(self.trailers) > TRAILERS_LIMIT:
            raise TooLarge(f"A title has at most {EPISODES_LIMIT} episodes and {TRAILERS_LIMIT} trailers")
        raw = self.model_dump_json().encode()
        if len(raw) > RECORD_LIMIT_BYTES:
            raise TooLarge(f"A title has at most {RECORD_LIMIT_BYTES} bytes, not {len(raw)}", limit_bytes=RECORD_LIMIT_BYTES)
        return raw


class TitleState(msgspec.Struct, frozen=True):
    """A title as of a version; `record` None: it was deleted."""

    title_id: str
    version: int
    record: TitleRecord | None
