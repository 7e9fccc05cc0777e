"""What the studio's requests and answers look like; other services may import it."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from cluster.settings import RungHeight
from serve_apps.studio.policy import JobState

Id = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
Language = Annotated[str, StringConstraints(pattern=r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{1,8}){0,3}$", max_length=35)]


class Sidecar(BaseModel):
    """A subtitle file (.srt or .vtt), uploaded like the film."""

    model_config = ConfigDict(extra="forbid")

    upload_id: Id
    language: Language
    label: str = Field(min_length=1, max_length=64)


class NewJob(BaseModel):
    """What to encode, and for which playable."""

    model_config = ConfigDict(extra="forbid")

    upload_id: Id
    playable_id: Id
    ladder: list[RungHeight] | None = Field(
        default=None, min_length=1, max_length=8, description="Renditions as heights; by default the setting's, or all up to the source's."
    )
    language: Language | None = Field(default=None, description="Of audio tracks that don't say theirs.")
    subtitles: list[Sidecar] = Field(default_factory=list, max_length=32)


class Job(BaseModel):
    """An encode job."""

    job_id: str
    upload_id: str
    playable_id: str
    title_id: str | None = Field(default=None, description="Null in jobs that are older than this field, like `name`.")
    name: str | None = Field(default=None, description="What the title and its part were called when the job was asked for.")
    state: JobState
    cancel_requested: bool
    progress: float = Field(ge=0, le=1)
    frames_done: int
    frames_total: int
    frames_per_s: float | None
    eta_s: float | None
    renditions: list[dict[str, Any]]
    version_id: str | None
    attempt: int
    error: dict[str, Any] | None = Field(description="The problem document of what went wrong.")
    notes: list[str] = Field(default=[], description="What of the film was left out, in words; known once it is packaged.")
    created_at: datetime
    updated_at: datetime


class JobPage(BaseModel):
    """A page of jobs, the newest first."""

    items: list[Job]
    next_cursor: str | None


class CandidateImage(BaseModel):
    """A still of the live version; `object_name` is what the catalogue is told to make it artwork, `url` where the edge serves it."""

    object_name: str
    url: str
    width: int
    height: int


class CandidateList(BaseModel):
    """Stills to choose artwork from, in the film's order; none where nothing plays, or where it was encoded before there were any."""

    items: list[CandidateImage]


class Usage(BaseModel):
    """What the studio keeps on disk; `collectable_bytes` is dead and waits for its time, `collected_bytes` was given back."""

    uploads_bytes: int = 0
    chunks_bytes: int = 0
    media_bytes: int = 0
    collectable_bytes: int = 0
    collected_bytes: int = 0
    collected_at: datetime | None = None


class StudioStatus(BaseModel):
    """The studio at a glance."""

    jobs: dict[JobState, int] = Field(description="How many jobs stand where; of ended ones the last thousand.")
    active: list[Job] = Field(description="Those that are not ended, the oldest first; at most 100.")
    disk: Usage
