"""The HTTP routes of web."""

from __future__ import annotations

from typing import Final

from fastapi import FastAPI
from fastapi.responses import HTMLResponse

from cluster.errors import TokenInvalid
from cluster.security.claims import Claims
from serve_apps.http import Gate, new_api, problems
from serve_apps.web.page import HEADERS, render
from serve_apps.web.service import Web

PREFIX: Final = "/"


class NoMembers:
    """The gate of an application without members: every token is one too many."""

    async def admit(self, token: str) -> Claims:
        """Refuse."""
        raise TokenInvalid


def create_api(web: Web, gate: Gate) -> FastAPI:
    """Return the API of one service."""
    api = new_api("web", "", gate)

    @api.get("/", response_class=HTMLResponse, responses=problems())
    async def home() -> HTMLResponse:
        """Show what runs."""
        return HTMLResponse(render(await web.listed()), headers=HEADERS)

    return api
