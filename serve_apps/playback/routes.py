"""The HTTP routes of playback: a profile's own, and the operators' list of streams."""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import FastAPI, Path, Query, Request, Response

from cluster.errors import (
    Conflict,
    DeviceRevoked,
    IdempotencyKeyReused,
    InvalidCursor,
    MatineeError,
    MaturityRefused,
    NotAuthenticated,
    NotPlayable,
    OperatorOnly,
    PlayableNotFound,
    ProfileNotFound,
    ProfileRequired,
    SessionNotFound,
    StreamLimitReached,
    TokenInvalid,
)
from serve_apps.http import Gate, Operator, Viewer, json_bytes, new_api, problems
from serve_apps.idempotency import IdempotencyKey
from serve_apps.playback.schemas import (
    AccountStreams,
    Heartbeat,
    HeartbeatSaved,
    LiveStreams,
    NewSession,
    NextToWatch,
    Place,
    Places,
    Session,
    TitlePlaces,
)
from serve_apps.playback.service import Playback

PREFIX: Final = "/api/v1/playback"

AccountId = Annotated[str, Path(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
SessionId = Annotated[str, Path(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
TitleId = Annotated[str, Path(pattern=r"^[A-Za-z0-9_-]{1,100}$")]
PlayableId = Annotated[str, Path(pattern=r"^[A-Za-z0-9_-]{1,100}$")]
Limit = Annotated[int, Query(ge=1, le=100)]
Cursor = Annotated[str | None, Query(max_length=512)]
_VIEWING: tuple[type[MatineeError], ...] = (NotAuthenticated, TokenInvalid, DeviceRevoked, ProfileRequired)


def create_api(playback: Playback, gate: Gate) -> FastAPI:
    """Return the API of one service."""
    api = new_api("playback", PREFIX, gate)

    @api.post(
        "/sessions",
        status_code=201,
        response_model=Session,
        responses=problems(
            *_VIEWING, PlayableNotFound, ProfileNotFound, MaturityRefused, NotPlayable, StreamLimitReached, Conflict, IdempotencyKeyReused
        ),
    )
    async def start_session(new: NewSession, viewer: Viewer, request: Request, idempotency_key: IdempotencyKey = None) -> Response:
        """Start to watch; a second start on a device replaces its first."""

        async def start(session_id: str) -> tuple[int, bytes]:
            session = await playback.start(viewer, new.playable_id, session_id)
            return 201, session.model_dump_json().encode()

        route = f"POST /sessions {viewer.profile_id} {viewer.device_id}"
        status, body = await playback.idempotency.once_as(viewer.account_id, route, idempotency_key, await request.body(), start)
        return json_bytes(body, status=status)

    @api.get("/sessions", response_model=LiveStreams, responses=problems(*_VIEWING))
    async def list_sessions(viewer: Viewer) -> LiveStreams:
        """List the account's live streams."""
        return await playback.live(viewer)

    @api.post("/sessions/{session_id}/heartbeats", response_model=HeartbeatSaved, responses=problems(*_VIEWING, SessionNotFound))
    async def heartbeat(session_id: SessionId, beat: Heartbeat, viewer: Viewer) -> HeartbeatSaved:
        """Say that the player plays; a heartbeat sent again, or late, changes nothing."""
        return await playback.heartbeat(viewer, session_id, beat)

    @api.delete("/sessions/{session_id}", status_code=204, responses=problems(*_VIEWING, SessionNotFound))
    async def stop_session(
        session_id: SessionId,
        viewer: Viewer,
        position_s: Annotated[float | None, Query(ge=0, le=10_000_000, allow_inf_nan=False)] = None,
    ) -> None:
        """Stop, and save the place; of another device's session only its stream is freed."""
        await playback.stop(viewer, session_id, position_s)

    @api.get("/streams", response_model=AccountStreams, responses=problems(NotAuthenticated, OperatorOnly, InvalidCursor))
    async def list_streams(operator: Operator, limit: Limit = 50, cursor: Cursor = None) -> AccountStreams:
        """List the live streams of all accounts, the latest started first."""
        return await playback.streams(limit, cursor)

    @api.delete("/streams/{account_id}/{session_id}", status_code=204, responses=problems(NotAuthenticated, OperatorOnly, SessionNotFound))
    async def end_stream(account_id: AccountId, session_id: SessionId, operator: Operator) -> None:
        """End a stream: edges refuse its addresses within 2 s, its player hears of it at its next heartbeat."""
        await playback.end_stream(account_id, session_id)

    @api.get("/continue", response_model=Places, responses=problems(*_VIEWING, InvalidCursor))
    async def continue_watching(viewer: Viewer, limit: Limit = 20, cursor: Cursor = None) -> Places:
        """List what the profile left half-way, one place a title."""
        return await playback.continue_watching(viewer, limit, cursor)

    @api.get("/history", response_model=Places, responses=problems(*_VIEWING, InvalidCursor))
    async def history(viewer: Viewer, limit: Limit = 50, cursor: Cursor = None) -> Places:
        """List what the profile watched."""
        return await playback.history(viewer, limit, cursor)

    @api.get("/positions/{playable_id}", response_model=Place, responses=problems(*_VIEWING))
    async def position(playable_id: PlayableId, viewer: Viewer) -> Place:
        """Say where the profile is in a playable."""
        return await playback.position(viewer, playable_id)

    @api.get("/titles/{title_id}/places", response_model=TitlePlaces, responses=problems(*_VIEWING))
    async def title_places(title_id: TitleId, viewer: Viewer) -> TitlePlaces:
        """List where the profile is in everything of a title that it has watched."""
        return await playback.title_places(viewer, title_id)

    @api.get("/titles/{title_id}/next", response_model=NextToWatch, responses=problems(*_VIEWING, PlayableNotFound))
    async def next_to_watch(title_id: TitleId, viewer: Viewer) -> NextToWatch:
        """Say what of a title the profile watches next, and from where."""
        return await playback.next_to_watch(viewer, title_id)

    @api.delete("/history/{playable_id}", status_code=204, responses=problems(*_VIEWING))
    async def forget(playable_id: PlayableId, viewer: Viewer) -> None:
        """Remove a playable from the profile's history."""
        await playback.forget(viewer, playable_id)

    return api
