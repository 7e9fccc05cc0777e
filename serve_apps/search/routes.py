"""Search over HTTP."""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import FastAPI, Query, Response

from cluster.errors import NotAuthenticated, ProfileRequired
from serve_apps.catalog.schemas import Genre, TitleKind
from serve_apps.http import Gate, Member, json_bytes, new_api, problems
from serve_apps.search.schemas import Found
from serve_apps.search.service import Search

PREFIX: Final = "/api/v1/search"


def create_api(service: Search, gate: Gate) -> FastAPI:
    """Return the API of one service."""
    api = new_api("search", PREFIX, gate)

    @api.get("/", response_model=Found, responses=problems(NotAuthenticated, ProfileRequired))
    async def search(
        caller: Member,
        q: Annotated[str, Query(max_length=200)] = "",
        kind: TitleKind | None = None,
        genre: Genre | None = None,
        limit: Annotated[int, Query(ge=1, le=100)] = 30,
    ) -> Response:
        """Find titles by words of names, people, genres and synopses: the last may be only begun, letters may be wrong or unaccented."""
        return json_bytes((await service.search(caller, q, kind, genre, limit)).model_dump_json().encode())

    return api
