"""The studio's HTTP API: uploads (tus 1.0), encode jobs and their events, disk use. Operators only."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Annotated, Final

from fastapi import FastAPI, Header, Path, Query, Request, Response
from starlette.responses import StreamingResponse

from cluster.errors import (
    Conflict,
    Forbidden,
    IdempotencyKeyReused,
    JobNotCancellable,
    JobNotFound,
    JobNotRetryable,
    MatineeError,
    NotAuthenticated,
    Overloaded,
    PlayableNotFound,
    ServiceUnavailable,
    TooLarge,
    UploadNotFound,
)
from cluster.settings import Settings
from serve_apps.http import Gate, Operator, decode_cursor, encode_cursor, json_bytes, new_api, problems
from serve_apps.idempotency import IdempotencyKey
from serve_apps.studio.policy import JobRecord
from serve_apps.studio.schemas import CandidateList, Job, JobPage, NewJob, Usage
from serve_apps.studio.service import Studio, to_schema
from serve_apps.studio.tus import TusHeaders, is_upload_path
from serve_apps.studio.upload_routes import upload_routes

PREFIX: Final = "/api/v1/studio"
PlayableId = Annotated[str, Path(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
JobId = Annotated[str, Path(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
_REFUSALS: Final = (NotAuthenticated, Forbidden)
_JOB: Final = {"type": "string", "contentMediaType": "application/json", "contentSchema": {"$ref": "#/components/schemas/Job"}}
_EVENT: Final = {
    "type": "object",
    "required": ["id", "event", "data"],
    "properties": {"id": {"type": "string"}, "event": {"const": "job"}, "data": _JOB},
}


def streams(method: str, path: str) -> bool:
    """Whether a route bounds its body and time itself: uploads and events."""
    return (is_upload_path(path) and method in {"PATCH", "POST"}) or (method == "GET" and path.endswith("/events"))


def create_api(studio: Studio, gate: Gate, settings: Settings) -> FastAPI:
    """Return the API of an open studio; served with `streams`."""
    api = new_api("studio", PREFIX, gate)
    api.add_middleware(TusHeaders)
    api.include_router(upload_routes(studio, PREFIX, settings.upload_limit_bytes))

    @api.post(
        "/jobs",
        status_code=202,
        response_model=Job,
        responses=problems(
            *_REFUSALS, UploadNotFound, PlayableNotFound, Conflict, TooLarge, IdempotencyKeyReused, Overloaded, ServiceUnavailable
        ),
        tags=["jobs"],
    )
    async def create_job(request: Request, caller: Operator, wanted: NewJob, key: IdempotencyKey = None) -> Response:
        """Encode an upload for a playable."""

        async def create(job_id: str) -> tuple[int, bytes]:
            return 202, to_schema(await studio.create_job(caller.account_id, wanted, job_id)).model_dump_json().encode()

        status, body = await studio.idempotency.once_as(caller.account_id, "POST /jobs", key, await request.body(), create)
        return json_bytes(body, status=status)

    @api.get("/jobs", response_model=JobPage, responses=problems(*_REFUSALS), tags=["jobs"])
    async def list_jobs(_caller: Operator, limit: Annotated[int, Query(ge=1, le=100)] = 50, cursor: str | None = None) -> JobPage:
        """List jobs, the newest first."""
        jobs, after = await studio.jobs.page(after=decode_cursor(cursor), limit=limit)
        return JobPage(items=[to_schema(job) for job in jobs], next_cursor=encode_cursor(after) if after else None)

    @api.get("/jobs/{job_id}", response_model=Job, responses=problems(*_REFUSALS, JobNotFound), tags=["jobs"])
    async def get_job(job_id: JobId, _caller: Operator) -> Job:
        """Return a job."""
        return to_schema(await studio.jobs.get(job_id))

    @api.post(
        "/jobs/{job_id}/cancel",
        status_code=202,
        response_model=Job,
        responses=problems(*_REFUSALS, JobNotFound, JobNotCancellable),
        tags=["jobs"],
    )
    async def cancel_job(job_id: JobId, _caller: Operator) -> Job:
        """Cancel a job; it is `cancelled` once nothing of it is left."""
        return to_schema(await studio.cancel_job(job_id))

    @api.post(
        "/jobs/{job_id}/retry",
        status_code=202,
        response_model=Job,
        responses=problems(*_REFUSALS, JobNotFound, UploadNotFound, JobNotRetryable),
        tags=["jobs"],
    )
    async def retry_job(job_id: JobId, _caller: Operator) -> Job:
        """Try a failed or cancelled job again; it goes on from its finished chunks."""
        return to_schema(await studio.retry_job(job_id))

    @api.get(
        "/jobs/{job_id}/events",
        response_class=StreamingResponse,
        responses={
            **problems(*_REFUSALS, JobNotFound, Overloaded),
            200: {
                "description": "Events `job` with a Job each, until it ends",
                "content": {"text/event-stream": {"schema": _EVENT}},
            },
        },
        tags=["jobs"],
    )
    async def watch_job(job_id: JobId, _caller: Operator, last_event_id: Annotated[str | None, Header(max_length=64)] = None) -> Response:
        """Follow a job; the id of an event, sent as Last-Event-ID, continues after it."""
        after = int(last_event_id) if last_event_id and last_event_id.isascii() and last_event_id.isdigit() else 0
        changes = studio.watch(job_id, after)
        # The first is awaited here, so that a job that isn't there answers 404.
        first = await anext(changes, None)
        return StreamingResponse(_events(first, changes), media_type="text/event-stream", headers={"Cache-Control": "no-store"})

    @api.get(
        "/playables/{playable_id}/candidates",
        response_model=CandidateList,
        responses=problems(*_REFUSALS, PlayableNotFound, ServiceUnavailable),
        tags=["artwork"],
    )
    async def list_candidates(playable_id: PlayableId, _caller: Operator) -> CandidateList:
        """List the stills of what is played now, to choose artwork from: the catalogue takes an `object_name` for a title's artwork."""
        return await studio.candidates(playable_id)

    @api.get("/usage", response_model=Usage, responses=problems(*_REFUSALS), tags=["disk"])
    async def usage(_caller: Operator) -> Usage:
        """Return what the studio keeps on disk."""
        return await studio.usage()

    return api


async def _events(first: tuple[int, JobRecord] | None, changes: AsyncIterator[tuple[int, JobRecord] | None]) -> AsyncIterator[bytes]:
    yield b"retry: 1000\n\n"
    change = first
    try:
        while True:
            if change is not None:
                version, job = change
                yield f"id: {version}\nevent: job\ndata: {to_schema(job).model_dump_json()}\n\n".encode()
            else:
                yield b": \n\n"
            change = await anext(changes)
    except (StopAsyncIteration, MatineeError):
        return  # the reader comes back with Last-Event-ID
