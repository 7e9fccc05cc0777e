"""What sites and players tell, an event at a time; each has an id that its sender made, by which one that is sent twice counts once."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

EVENTS_LIMIT = 100

Id = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,100}$")]
RowId = Annotated[str, Field(min_length=1, max_length=200)]
Place = Annotated[int, Field(ge=0, le=1000)]
PositionS = Annotated[float, Field(ge=0, le=10_000_000, allow_inf_nan=False)]


class Told(BaseModel):
    """What every event says."""

    model_config = ConfigDict(extra="forbid")

    event_id: Id = Field(description="Made by the sender, and the same when it sends the event again.")
    at: AwareDatetime = Field(description="By the sender's clock; one that is more than a day off is not believed.")


class Impression(Told):
    """A card of a page was in sight for a second."""

    kind: Literal["impression"]
    page_id: Id = Field(description="One showing of a page.")
    row_id: RowId
    row_position: Place = Field(description="Which row of the page, from 0.")
    position: Place = Field(description="Which card of the row, from 0.")
    title_id: Id
    propensity: Annotated[float, Field(gt=0, le=1)] = Field(description="How likely the page was to show it there; 1 where rules decide.")
    model_version: Annotated[str, Field(min_length=1, max_length=100)] | None = Field(description="What chose it; null: rules did.")


class PlayBegun(Told):
    """A play began; the fields of the page are those of the card that led there, absent where none did."""

    kind: Literal["play_begun"]
    playable_id: Id
    title_id: Id
    session_id: Id | None = None
    page_id: Id | None = None
    row_id: RowId | None = None
    row_position: Place | None = None
    position: Place | None = None


class InPlayer(Told):
    """Where in which session something happened."""

    session_id: Id
    position_s: PositionS


class Seek(InPlayer):
    """Somebody went to another place."""

    kind: Literal["seek"]
    to_s: PositionS


class Stall(InPlayer):
    """The picture stood still for want of data."""

    kind: Literal["stall"]
    duration_ms: int = Field(ge=0, le=86_400_000)


class QualityChange(InPlayer):
    """Another rendition is shown."""

    kind: Literal["quality_change"]
    height: int = Field(ge=1, le=20_000)
    bitrate_bps: int = Field(ge=0, le=1_000_000_000)


class PlayerError(InPlayer):
    """The player could not go on."""

    kind: Literal["error"]
    code: Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]{1,100}$")]


TelemetryEvent = Annotated[Impression | PlayBegun | Seek | Stall | QualityChange | PlayerError, Field(discriminator="kind")]


class NewEvents(BaseModel):
    """A batch of what one profile saw and did."""

    model_config = ConfigDict(extra="forbid")

    events: list[TelemetryEvent] = Field(min_length=1, max_length=EVENTS_LIMIT)


class Taken(BaseModel):
    """How many events are kept now; those of one id count once."""

    taken: int
