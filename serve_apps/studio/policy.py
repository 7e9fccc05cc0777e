"""The life of an encode job, as pure steps from one record to the next.

    queued -> probing -> encoding -> packaging -> ready
       any of these -> failed | cancelled -> queued (retry)

Only the runner that holds the job's epoch moves it on; people may only ask for a cancellation or a retry.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, Final

import msgspec

from cluster.errors import Fenced, JobNotCancellable, JobNotRetryable
from serve_apps.catalog.schemas import Playable


class JobState(StrEnum):
    """Where a job stands."""

    QUEUED = "queued"
    PROBING = "probing"
    ENCODING = "encoding"
    PACKAGING = "packaging"
    READY = "ready"
    FAILED = "failed"
    CANCELLED = "cancelled"


ENDED: Final = frozenset({JobState.READY, JobState.FAILED, JobState.CANCELLED})
_ORDER: Final = (JobState.QUEUED, JobState.PROBING, JobState.ENCODING, JobState.PACKAGING, JobState.READY)


class Sidecar(msgspec.Struct, frozen=True):
    """A subtitle file that was uploaded beside the film."""

    upload_id: str
    language: str
    label: str


class JobRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A job as stored."""

    job_id: str
    account_id: str
    upload_id: str
    playable_id: str
    title_id: str | None = None
    name: str | None = None
    """What the title and its part were called when the job was asked for; None of jobs older than this field."""
    ladder: tuple[int, ...] = ()
    preset: str = "veryfast"
    language: str | None = None
    sidecars: tuple[Sidecar, ...] = ()
    state: JobState = JobState.QUEUED
    epoch: int = 0
    """Of the runner that moves it on; 0: none yet."""
    attempt: int = 1
    cancel_requested: bool = False
    source_gone: bool = False
    """The upload was removed with the job: it cannot be tried again."""
    version_id: str | None = None
    """Names what packaging writes; another one each time that packaging begins anew."""
    retried_at_s: float | None = None
    """When it was last queued again; None if never."""
    delivery: dict[str, Any] | None = None
    """What attaching to the catalogue takes, once all of the version is uploaded."""
    created_at_s: float
    updated_at_s: float
    frames_done: int = 0
    frames_total: int = 0
    frames_per_s: float | None = None
    renditions: tuple[dict[str, Any], ...] = ()
    error: dict[str, Any] | None = None

    @property
    def ended(self) -> bool:
        """Whether nothing more happens by itself."""
        return self.state in ENDED

    @property
    def upload_ids(self) -> tuple[str, ...]:
        """Every upload that it reads."""
        return (self.upload_id, *(sidecar.upload_id for sidecar in self.sidecars))

    @property
    def notes(self) -> list[str]:
        """What of the film was left out, in words; known once it is packaged."""
        return list(self.delivery.get("notes", [])) if self.delivery else []

    @property
    def progress(self) -> float:
        """How much of the work is done, 0..1; probing and packaging count for little."""
        if self.state is JobState.READY:
            return 1.0
        encoded = min(1.0, self.frames_done / self.frames_total) if self.frames_total else 0.0
        if self.state is JobState.PACKAGING:
            return 0.95
        return round(0.02 + 0.92 * encoded, 4) if self.frames_total else 0.0

    @property
    def eta_s(self) -> float | None:
        """Seconds until all is encoded, at the present speed; None where that is unknown."""
        if self.state is not JobState.ENCODING or not self.frames_per_s:
            return None
        return round(max(0, self.frames_total - self.frames_done) / self.frames_per_s, 1)


def job_name(playable: Playable) -> str:
    """Return what people call what is encoded: a film's name, `Orchard S1 E3`, `Orchard: The Trailer`."""
    title = playable.title_name or playable.name
    if playable.kind == "episode":
        return f"{title} S{playable.season} E{playable.episode}"
    return title if playable.kind == "film" else f"{title}: {playable.name}"


def take(job: JobRecord, epoch: int, now_s: float) -> JobRecord:
    """Give the job to the runner of `epoch`; it goes on where it stands.

    Raises:
        Fenced: a later runner has it.
    """
    if job.epoch > epoch:
        raise Fenced(f"Job {job.job_id} belongs to a later runner")
    return msgspec.structs.replace(job, epoch=epoch, updated_at_s=now_s)


def move(job: JobRecord, epoch: int, state: JobState, now_s: float, **changes: Any) -> JobRecord:
    """Move the job on to `state` (or keep it), as the runner of `epoch`.

    Raises:
        Fenced: another runner has it.
        ValueError: no step leads from the job's state to `state`.
    """
    if job.epoch != epoch:
        raise Fenced(f"Job {job.job_id} belongs to another runner")
    if not _leads_to(job.state, state):
        raise ValueError(f"a job cannot go from {job.state} to {state}")
    return msgspec.structs.replace(job, state=state, updated_at_s=now_s, **changes)


def _leads_to(state: JobState, following: JobState) -> bool:
    if state in ENDED:
        return state is following
    if following in (JobState.FAILED, JobState.CANCELLED):
        return True
    # A runner that takes over may go back to an earlier stage; to `ready` leads packaging alone.
    return state is JobState.PACKAGING if following is JobState.READY else following in _ORDER[1:]


def must_stop(job: JobRecord, epoch: int) -> bool:
    """Whether work on the job for the runner of `epoch` should end now."""
    return job.epoch != epoch or job.cancel_requested or job.ended


def request_cancel(job: JobRecord, now_s: float) -> JobRecord:
    """Ask for a cancellation; asking again changes nothing.

    Raises:
        JobNotCancellable: the job has ended.
    """
    if job.state is JobState.CANCELLED or job.cancel_requested:
        return job
    if job.ended:
        raise JobNotCancellable(f"The job is {job.state}", state=job.state)
    return msgspec.structs.replace(job, cancel_requested=True, updated_at_s=now_s)


def retry(job: JobRecord, now_s: float) -> JobRecord:
    """Queue an ended job again; chunks that it finished are used again.

    Raises:
        JobNotRetryable: it has not failed or been cancelled, or its upload is gone.
    """
    if job.state not in (JobState.FAILED, JobState.CANCELLED):
        raise JobNotRetryable(f"The job is {job.state}", state=job.state)
    if job.source_gone:
        raise JobNotRetryable("Its upload was removed: upload the file again", state=job.state)
    return msgspec.structs.replace(
        job,
        state=JobState.QUEUED,
        attempt=job.attempt + 1,
        cancel_requested=False,
        error=None,
        frames_done=0,
        frames_per_s=None,
        retried_at_s=now_s,
        updated_at_s=now_s,
    )


def version_id(job: JobRecord, unique: str) -> str:
    """Return an id for a version that the job makes, out of one that is `unique`: a UUIDv7 of when the job was asked for.

    Of two jobs for a playable the one asked for later so makes the newer version, whichever is finished first.
    """
    return f"{int((job.retried_at_s or job.created_at_s) * 1000):012x}{unique[12:]}"


def to_value(job: JobRecord) -> dict[str, Any]:
    """Return the record as a row's value."""
    value: dict[str, Any] = msgspec.to_builtins(job)
    return value


def from_value(value: Mapping[str, Any]) -> JobRecord:
    """Return the record of `to_value`; unknown fields of later versions are passed over."""
    return msgspec.convert(value, JobRecord)
