"""What search answers."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, Field

from serve_apps.catalog.schemas import GenreCount, TitleCard, TitleKind

Matched = Literal["name", "person", "genre", "synopsis"]


class Hit(BaseModel):
    """A title that was found."""

    title: TitleCard
    matched: Matched = Field(description="What of the title the words are in, most of them.")
    person: str | None = Field(description="Who that is, where it is a person.")


class Person(BaseModel):
    """Somebody whose name the words are in, and in how many of the titles that were found they are."""

    name: str
    titles: int


class KindCount(BaseModel):
    """A kind, and how many of the titles that were found are of it."""

    kind: TitleKind
    titles: int


class Facets(BaseModel):
    """What the titles that were found are: kinds as far as they have the wanted genre, genres as far as they are of the wanted kind."""

    kinds: list[KindCount]
    genres: list[GenreCount]


class Found(BaseModel):
    """What was found, the best first."""

    items: list[Hit]
    people: list[Person]
    facets: Facets
    near: list[str] = Field(description="Where nothing was found: names of titles and people that look like what was asked for.")
