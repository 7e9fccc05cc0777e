"""Telemetry over HTTP."""

from __future__ import annotations

from typing import Final

from fastapi import FastAPI

from cluster.errors import NotAuthenticated, ProfileRequired, TooManyRequests
from serve_apps.http import Gate, Viewer, new_api, problems
from serve_apps.telemetry.schemas import NewEvents, Taken
from serve_apps.telemetry.service import Telemetry

PREFIX: Final = "/api/v1/telemetry"
BODY_LIMIT_BYTES: Final = 64 << 10
"""As much as browsers send of a page that is being closed (`keepalive`)."""


def create_api(service: Telemetry, gate: Gate) -> FastAPI:
    """Return the API of one service."""
    api = new_api("telemetry", PREFIX, gate, body_limit_bytes=BODY_LIMIT_BYTES)

    @api.post("/events", status_code=202, responses=problems(NotAuthenticated, ProfileRequired, TooManyRequests))
    async def take_events(new: NewEvents, viewer: Viewer) -> Taken:
        """Take what the profile saw and did; an event that is sent again, by its id, changes nothing."""
        return Taken(taken=await service.take(viewer.profile_id or "", new.events))

    return api
