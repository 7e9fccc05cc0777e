"""What the requests and answers of operations look like."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from serve_apps.operations.policy import REPLICAS_LIMIT, ApplicationCondition, Seat


class Scale(BaseModel):
    """How many replicas an application may have; equal ends fix the number."""

    model_config = ConfigDict(extra="forbid")

    min_replicas: int = Field(ge=1, le=REPLICAS_LIMIT)
    max_replicas: int = Field(ge=1, le=REPLICAS_LIMIT)


class ApplicationStatus(BaseModel):
    """An application: `replicas` answer now, `target` are wanted now, within min and max."""

    name: str
    prefix: str
    state: ApplicationCondition
    replicas: int
    target: int
    min_replicas: int
    max_replicas: int
    seats: list[Seat] = Field(description="How each replica is, also those that are wanted and not there.")


class ActorStatus(BaseModel):
    """A named actor; `answers` within a second."""

    name: str
    answers: bool


class EdgeSummary(BaseModel):
    """A live edge."""

    edge_id: str
    url: str
    seen_s_ago: float
    hits: int
    misses: int
    fill_bytes: int
    cache_bytes: int
    disk_limit_bytes: int | None = Field(description="The most that its cache may hold; null where it does not tell.")
    disk_free_bytes: int | None = Field(description="What is free on the disk of its cache; null where it does not tell.")


class ProcessorStatus(BaseModel):
    """A log processor: how far it is in its topic."""

    name: str
    topic: str
    lag: int = Field(description="Offsets up to the end of the log that it has not processed yet.")
    set_aside: int = Field(description="Entries that it could make nothing of; the log's topic dead_letters says why.")


class LogStatus(BaseModel):
    """The log: how far it is behind the store (null where unknown), what each topic holds by now, and how far its processors are."""

    unpublished: int | None = Field(description="Facts that are committed and not in the log yet; of very many, some.")
    oldest_unpublished_s: float | None = Field(description="How long the first of them has waited.")
    topics: dict[str, int] = Field(description="How many facts were ever published, by topic.")
    processors: list[ProcessorStatus] = Field(description="Empty where unknown.")


class AuditEntry(BaseModel):
    """A request of an operator that is no GET, and how it was answered."""

    audit_id: str
    at: datetime
    account_id: str
    service: str
    method: str
    path: str
    status: int = Field(description="499: the caller was gone before the answer; it may have happened or not.")
    request_id: str


class AuditPage(BaseModel):
    """A page of the audit, the newest first."""

    items: list[AuditEntry]
    next_cursor: str | None


class Status(BaseModel):
    """Everything that runs."""

    site_url: str
    dashboard_url: str = Field(description="The Ray dashboard; on a laptop reachable from this machine only.")
    ready: bool = Field(description="Every application answers.")
    applications: list[ApplicationStatus]
    actors: list[ActorStatus]
    edges: list[EdgeSummary]
    live_streams: int | None = Field(description="How many streams are live; null where the session shards do not answer.")
    jobs: list[dict[str, Any]] = Field(description="The studio's jobs that are not ended; empty where it does not answer.")
    collectable_bytes: int | None = Field(description="Deleted and superseded media that waits to be collected.")
    log: LogStatus
