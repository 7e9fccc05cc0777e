"""What playback is asked and what it answers."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

import msgspec
from pydantic import BaseModel, ConfigDict, Field

from actors.sessions.stream import LAST_SEQUENCE
from serve_apps.catalog.schemas import Markers, Track
from serve_apps.playback.policy import Reason

Id = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,100}$")]
PositionS = Annotated[float, Field(ge=0, le=10_000_000, allow_inf_nan=False)]
PlayerState = Literal["playing", "paused", "buffering"]


class NewSession(BaseModel):
    """What to watch."""

    model_config = ConfigDict(extra="forbid")

    playable_id: Id


class Heartbeat(BaseModel):
    """A player's sign of life; `sequence` counts up within the session."""

    model_config = ConfigDict(extra="forbid")

    sequence: int = Field(ge=1, lt=LAST_SEQUENCE)
    position_s: PositionS
    state: PlayerState = "playing"


class HeartbeatSaved(BaseModel):
    """The highest sequence saved, and how long the stream lives without another heartbeat."""

    sequence: int
    lease_s: float


class Edge(BaseModel):
    """An edge that can deliver; every path of the session works on each."""

    url: str


class Session(BaseModel):
    """A session that may play: where its manifests are, and where its profile stopped."""

    session_id: str
    playable_id: str
    title_id: str
    hls_url: str
    dash_url: str
    thumbnails_url: str | None
    edges: list[Edge] = Field(description="Best first; the addresses above are on the first.")
    path: str = Field(description="The signed path on any edge; manifests are below it.")
    subtitles: list[Track]
    audio: list[Track]
    markers: Markers | None
    duration_s: float
    position_s: float
    next_playable_id: str | None
    heartbeat_interval_s: float
    lease_s: float


class LiveStream(BaseModel):
    """A stream of the account; what a profile may not see is not named to it."""

    session_id: str
    device_id: str
    this_device: bool
    profile_id: str
    playable_id: str | None
    title_id: str | None
    name: str | None
    started_at: datetime
    position_s: float
    state: PlayerState


class LiveStreams(BaseModel):
    """The account's live streams, the latest first."""

    items: list[LiveStream]
    limit: int


class Place(BaseModel):
    """Where the profile is in a playable; `updated_at` is null where it never was."""

    playable_id: str
    title_id: str | None
    position_s: float
    duration_s: float | None
    finished: bool
    updated_at: datetime | None


class WatchedTitle(msgspec.Struct, frozen=True):
    """Where a profile is in the playable of a title that it watched last, for who recommends."""

    title_id: str
    playable_id: str
    position_s: float
    finished: bool
    updated_at_s: float


class AccountStream(BaseModel):
    """A live stream as operators see it."""

    session_id: str
    account_id: str
    device_id: str
    profile_id: str
    playable_id: str
    title_id: str | None
    name: str
    started_at: datetime
    position_s: float
    state: PlayerState


class AccountStreams(BaseModel):
    """A page of the live streams of all accounts, the latest started first."""

    items: list[AccountStream]
    total: int = Field(description="How many are live. For some seconds after a session shard has restarted, those that it knows again.")
    next_cursor: str | None


class TitlePlaces(BaseModel):
    """Where the profile is in everything of a title that it has watched, the latest first."""

    items: list[Place]


class NextToWatch(BaseModel):
    """What of a title the profile watches next: `position_s` is where it begins."""

    playable_id: str
    season: int | None
    episode: int | None
    position_s: float
    duration_s: float | None
    reason: Reason = Field(
        description="start: nothing was watched; resume: it was left half-way; next: it follows what was finished; again: all was."
    )


class Places(BaseModel):
    """A page of places, the latest first."""

    items: list[Place]
    next_cursor: str | None
