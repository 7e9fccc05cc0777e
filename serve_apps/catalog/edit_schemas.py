"""What operators send to make and change titles and their parts; an unknown field, however deep, is a mistake that they want to hear of.

A patch is a JSON merge patch (RFC 7396) of the edit of the same name: null resets a field.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from serve_apps.catalog.schemas import CastMember, Credits, Genre, Intro, Language, Line, Seconds, TitleKind, Year, unique

Synopsis = Annotated[str, StringConstraints(strip_whitespace=True, max_length=4000)]
Genres = Annotated[list[Genre], Field(max_length=10), AfterValidator(unique)]
Languages = Annotated[list[Language], Field(max_length=40), AfterValidator(unique)]
Maturity = Annotated[int, Field(ge=0, le=18)]
"""An age in years: profiles see what is at most their own."""

_FORBID = ConfigDict(frozen=True, extra="forbid")


class Edit(BaseModel):
    """Base of what people send."""

    model_config = _FORBID


# --- markers


class IntroEdit(Intro):
    """Where the opening titles are."""

    model_config = _FORBID


class CreditsEdit(Credits):
    """Where the closing titles begin."""

    model_config = _FORBID


class MarkersEdit(Edit):
    """What a player can skip."""

    intro: IntroEdit | None = None
    credits: CreditsEdit | None = None


class IntroPatch(Edit):
    """A part of IntroEdit."""

    start_s: Seconds | None = None
    end_s: Seconds | None = None


class CreditsPatch(Edit):
    """A part of CreditsEdit."""

    start_s: Seconds | None = None


class MarkersPatch(Edit):
    """A part of MarkersEdit."""

    intro: IntroPatch | None = None
    credits: CreditsPatch | None = None


# --- titles


class CastMemberEdit(CastMember):
    """Who is in it, and as whom."""

    model_config = _FORBID


Cast = Annotated[list[CastMemberEdit], Field(max_length=60)]


class TitleEdit(Edit):
    """What operators write about a title; unrated (no maturity) is for adults."""

    name: Line
    original_name: Line | None = None
    synopsis: Synopsis = ""
    year: Year | None = None
    genres: Genres = []
    cast: Cast = []
    maturity: Maturity = 18
    languages: Languages = []


class TitleNew(TitleEdit):
    """A title to be made, as a draft unless `published`."""

    kind: TitleKind
    published: bool = False


class TitlePatch(Edit):
    """A JSON merge patch (RFC 7396) of TitleEdit: null resets a field."""

    name: Line | None = None
    original_name: Line | None = None
    synopsis: Synopsis | None = None
    year: Year | None = None
    genres: Genres | None = None
    cast: Cast | None = None
    maturity: Maturity | None = None
    languages: Languages | None = None


# --- episodes and trailers


class EpisodeEdit(Edit):
    """What operators write about an episode; members see it once it and its series are published."""

    name: Line
    synopsis: Synopsis = ""
    markers: MarkersEdit | None = None
    published: bool = True


class EpisodePatch(Edit):
    """A JSON merge patch (RFC 7396) of EpisodeEdit: null resets a field."""

    name: Line | None = None
    synopsis: Synopsis | None = None
    markers: MarkersPatch | None = None
    published: bool | None = None


class TrailerEdit(Edit):
    """What operators write about a trailer."""

    name: Line
    synopsis: Synopsis = ""
    markers: MarkersEdit | None = None
    published: bool = True
