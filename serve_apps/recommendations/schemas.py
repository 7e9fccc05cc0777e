"""What recommendations answers."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, Field

from serve_apps.catalog.schemas import TitleCard

RowKind = Literal["continue", "list", "top-picks", "new", "popular", "because", "genre"]
Fallback = Literal["none", "ease", "trending"]


class HomeItem(BaseModel):
    """A title in a row, and where a profile begins with it."""

    title: TitleCard
    synopsis: str | None = Field(description="Of the hero only.")
    playable_id: str | None = Field(description="What to play; null while nothing of it can be.")
    label: str | None = Field(description="Which episode that is: `S1 E4`.")
    position_s: float | None = Field(description="Where it was left; null: at its start.")
    duration_s: float | None
    reason: str | None = Field(description="Why it is shown.")
    propensity: float = Field(default=1.0, gt=0, le=1, description="How likely its place in the row was to show it; 1: it had no choice.")


class HomeRow(BaseModel):
    """A row of the page; one whose source did not answer in time has `failed` and no items."""

    row_id: str
    kind: RowKind
    label: str
    items: list[HomeItem]
    model_version: str | None = Field(description="The model that chose it; null: rules did.")
    fallback: bool = Field(description="Rules stand in for a model, or a simpler model for the live one.")
    failed: bool


class Home(BaseModel):
    """A profile's page: one large title, and rows."""

    hero: HomeItem | None
    rows: list[HomeRow]
    model_version: str | None = Field(description="The model that is live where this was answered; null: none is.")
    fallback: Fallback = Field(
        description="Who stands in for the live model. `none`: it picks itself. `ease`: a simpler one, since the encoder does not answer. "
        "`trending`: what everybody watches, since no model is live or nothing is known of the profile."
    )


class SimilarTitles(BaseModel):
    """Titles like another, the most alike first."""

    items: list[TitleCard]
    model_version: str | None = Field(description="The model that had a say in it; null: none did.")
