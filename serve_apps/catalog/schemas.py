"""What the catalogue stores and answers; `Media`, `Playable` and `ArtworkImage` are for other services too.

Stored titles are made of these parts (record.py), so a field is only ever added, with a default.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

TitleKind = Literal["film", "series"]
PlayableKind = Literal["film", "episode", "trailer"]
ArtworkKind = Literal["poster", "backdrop", "still"]
Sort = Literal["added", "name", "year"]

ARTWORK_NAMES_LIMIT: Final = 1000
"""How many pictures the catalogue is asked about at once."""


def unique(values: list[str]) -> list[str]:
    """Return the values in their order, each once however it is written large or small."""
    kept: dict[str, str] = {}
    for value in values:
        kept.setdefault(value.casefold(), value)
    return list(kept.values())


Line = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
Genre = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=40)]
Language = Annotated[str, StringConstraints(pattern=r"^[a-z]{2,3}(-[A-Za-z0-9]{1,8}){0,4}$")]
"""A language tag (BCP 47): `en`, `pt-BR`."""
LanguageRange = Annotated[str, StringConstraints(pattern=r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{1,8}){0,4}$")]
"""What tags are looked for by, without case (RFC 4647, section 3.3.1): `EN` finds `en` and `en-GB`."""
Year = Annotated[int, Field(ge=1870, le=2200)]
Seconds = Annotated[float, Field(ge=0, le=1_000_000, allow_inf_nan=False)]


class Part(BaseModel):
    """Base of what is stored and answered: readers ignore what a later version added."""

    model_config = ConfigDict(frozen=True, extra="ignore")


# --- media and playables: shared with studio and playback


class Rendition(Part):
    """One rung of the ladder."""

    width: int
    height: int
    bandwidth_bps: int


class Track(Part):
    """A sound or subtitle track."""

    language: str
    label: str


class Media(Part):
    """A finished version of a playable, as studio made it; `version_id` is a UUIDv7, so a newer version's sorts later."""

    version_id: str
    duration_s: float
    width: int
    height: int
    frame_rate: float
    renditions: list[Rendition] = []
    audio: list[Track] = []
    subtitles: list[Track] = []
    thumbnails: bool = False


class ArtworkImage(Part):
    """A picture in the object store, named `artwork/<sha256>.<extension>`."""

    kind: ArtworkKind
    object_name: str
    width: int
    height: int


class ArtworkChoice(BaseModel):
    """A picture to be shown that is stored already: a candidate of the studio's, or what another title shows."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    object_name: Annotated[str, StringConstraints(pattern=r"^artwork/[0-9a-f]{64}\.(jpg|webp)$")]


class Intro(Part):
    """Where the opening titles are."""

    start_s: Seconds
    end_s: Seconds

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.end_s <= self.start_s:
            raise ValueError("end_s must be after start_s")
        return self


class Credits(Part):
    """Where the closing titles begin."""

    start_s: Seconds


class Markers(Part):
    """What a player can skip."""

    intro: Intro | None = None
    credits: Credits | None = None


class Image(Part):
    """A picture where the edge serves it."""

    url: str
    width: int
    height: int


class Artwork(Part):
    """The pictures of a title; empty lists where it has none."""

    poster: list[Image] = []
    backdrop: list[Image] = []
    still: list[Image] = []


class Playable(Part):
    """What playback needs to know of a film, an episode or a trailer."""

    playable_id: str
    title_id: str
    kind: PlayableKind
    name: str
    maturity: int
    published: bool
    media: Media | None = None
    markers: Markers | None = None
    title_name: str = ""
    """The film's or the series' name."""
    season: int | None = None
    episode: int | None = None
    next_playable_id: str | None = None
    """The episode that follows, published or not."""
    still: list[Image] = []
    """The episode's or the trailer's own picture."""
    artwork: Artwork = Artwork()
    """The title's pictures."""


class PlayableOutline(Part):
    """A playable in its title's order; `duration_s` None: no version of it is finished."""

    playable_id: str
    kind: PlayableKind
    season: int | None
    episode: int | None
    published: bool
    duration_s: float | None


class TitleOutline(Part):
    """Everything of a title that can be played, now or later: episodes in order, then trailers."""

    title_id: str
    maturity: int
    playables: list[PlayableOutline]


class CastMember(Part):
    """Who is in it, and as whom."""

    name: Line
    role: Annotated[str, StringConstraints(strip_whitespace=True, max_length=200)] = ""


# --- what the catalogue answers


class TitleCard(Part):
    """A title in a list; `available` says that there is something to play."""

    title_id: str
    kind: TitleKind
    name: str
    year: int | None
    maturity: int
    genres: list[str]
    languages: list[str]
    published: bool
    available: bool
    added_at: datetime
    duration_s: float | None
    artwork: Artwork


class Episode(Part):
    """An episode in its season."""

    playable_id: str
    season: int
    episode: int
    name: str
    synopsis: str
    published: bool
    available: bool
    duration_s: float | None
    media: Media | None
    markers: Markers | None
    still: list[Image]


class Season(Part):
    """A season's episodes, in order."""

    season: int
    episodes: list[Episode]


class Trailer(Part):
    """A trailer of the title."""

    playable_id: str
    trailer: int
    name: str
    synopsis: str
    published: bool
    available: bool
    duration_s: float | None
    media: Media | None
    markers: Markers | None
    still: list[Image]


class Title(TitleCard):
    """A title with everything; a film's `playable_id` is its title_id, a series has none."""

    original_name: str | None
    """What it is called where it was made; null where that is its name, or not told."""
    synopsis: str
    cast: list[CastMember]
    playable_id: str | None
    media: Media | None
    markers: Markers | None
    seasons: list[Season]
    trailers: list[Trailer]


class TitleList(Part):
    """A page of titles."""

    items: list[TitleCard]
    next_cursor: str | None


class GenreCount(Part):
    """A genre and how many of the titles that the caller sees have it."""

    genre: str
    titles: int


class GenreList(Part):
    """All genres, by name."""

    items: list[GenreCount]
