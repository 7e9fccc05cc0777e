"""What profiles is asked and what it answers; `ChosenProfile` and `Taste` are for other services."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, Literal

import msgspec
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=40, pattern=r"^[^\x00-\x1f\x7f]*$")]
Language = Annotated[str, StringConstraints(pattern=r"^[a-z]{2,3}(-[A-Za-z0-9]{1,8}){0,4}$")]
"""A language tag (BCP 47): `en`, `pt-BR`."""
WatchLanguages = Annotated[
    tuple[Language, ...],
    Field(
        max_length=20,
        description="Only titles in one of these are recommended; none: titles in any. Those whose languages nobody has said are in all.",
    ),
]
Avatar = Annotated[str, StringConstraints(pattern=r"^[a-z0-9-]{1,32}$")]
Pin = Annotated[str, StringConstraints(pattern=r"^[0-9]{4,6}$")]
Maturity = Annotated[int, Field(ge=0, le=18, description="An age in years: titles of at most this maturity are seen.")]
Rating = Literal[-1, 1, 2]
SubtitleLanguage = Annotated[Language | Literal["off"], Field(description="A language tag, or `off`: none are shown.")]
CaptionSize = Literal["small", "medium", "large", "huge"]
CaptionStyle = Literal["shadow", "box", "yellow"]


class _Request(BaseModel):
    # An unknown field is a mistake that people want to hear of.
    model_config = ConfigDict(extra="forbid", frozen=True)


class NewProfile(_Request):
    """A profile to make. A kids profile sees nothing above 12, whatever its maturity says."""

    name: Name
    kids: bool = False
    maturity: Maturity = 18
    language: Language = "en"
    avatar: Avatar = "1"
    pin: Pin | None = Field(default=None, description="Asked for when the profile is chosen.")
    audio_language: Language | None = Field(default=None, description="What is heard first; null: the film's own.")
    subtitle_language: SubtitleLanguage | None = Field(default=None, description="What is read first; null: as the film asks.")
    caption_size: CaptionSize = "medium"
    caption_style: CaptionStyle = "box"
    autoplay_next: bool = True
    watch_languages: WatchLanguages = ()


class PlayerChange(_Request):
    """What the player is to remember of the profile; what isn't sent stays, and a language of null is forgotten."""

    audio_language: Language | None = None
    subtitle_language: SubtitleLanguage | None = None
    caption_size: CaptionSize | None = None
    caption_style: CaptionStyle | None = None
    autoplay_next: bool | None = None


class ProfileChange(PlayerChange):
    """What to change; what isn't sent stays.

    A profile that has a PIN is changed from itself, or with `current_pin`.
    """

    name: Name | None = None
    kids: bool | None = None
    maturity: Maturity | None = None
    language: Language | None = None
    watch_languages: WatchLanguages | None = None
    avatar: Avatar | None = None
    pin: Pin | None = Field(default=None, description="The new PIN; null takes it off.")
    current_pin: Pin | None = None


class Profile(BaseModel):
    """A profile, as its account sees it."""

    profile_id: str
    name: str
    kids: bool
    maturity: int
    language: str
    avatar: str
    has_pin: bool
    created_at: datetime
    audio_language: str | None
    subtitle_language: str | None
    caption_size: CaptionSize
    caption_style: CaptionStyle
    autoplay_next: bool
    watch_languages: list[str]


class ProfilePage(BaseModel):
    """Profiles, the oldest first."""

    items: list[Profile]
    next_cursor: str | None


class ChosenProfile(BaseModel):
    """What a profile's token is made of."""

    profile_id: str
    name: str
    kids: bool
    maturity: int
    language: str
    pin_proven: bool = False
    """The profile has a PIN, and the right one came."""


class ListEntry(BaseModel):
    """A title on a profile's list."""

    title_id: str
    added_at: datetime


class ListPage(BaseModel):
    """A profile's list, the latest first."""

    items: list[ListEntry]
    next_cursor: str | None


class NewRating(_Request):
    """What a profile thinks of a title: -1 not for me, 1 I like it, 2 I love it."""

    rating: Rating


class RatedTitle(BaseModel):
    """A title that the profile has rated."""

    title_id: str
    rating: Rating
    rated_at: datetime


class Taste(msgspec.Struct, frozen=True):
    """What a profile has said of titles, and in which languages it wants them, for who recommends."""

    listed: Sequence[str]
    """The latest first."""
    ratings: Mapping[str, int]
    languages: Sequence[str] = ()
    """None: any."""


class RatingPage(BaseModel):
    """A profile's ratings, the latest first."""

    items: list[RatedTitle]
    next_cursor: str | None
