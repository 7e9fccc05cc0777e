"""Recommendations over HTTP."""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import FastAPI, Path, Query, Request, Response

from cluster.errors import NotAuthenticated, ProfileRequired, TitleNotFound
from serve_apps.http import Gate, Member, Viewer, new_api, problems, takes_gzip
from serve_apps.recommendations.schemas import Home, SimilarTitles
from serve_apps.recommendations.service import Recommendations

PREFIX: Final = "/api/v1/home"

TitleId = Annotated[str, Path(pattern=r"^[A-Za-z0-9_-]{1,100}$")]


def create_api(recommendations: Recommendations, gate: Gate) -> FastAPI:
    """Return the API of one service."""
    api = new_api("recommendations", PREFIX, gate)

    @api.get("/", response_model=Home, responses=problems(NotAuthenticated, ProfileRequired))
    async def get_home(viewer: Viewer, request: Request) -> Response:
        """Return the profile's page; a row whose source is away fails alone."""
        page = await recommendations.page(viewer, packs=takes_gzip(request))
        headers = {"Vary": "Accept-Encoding", **({"Content-Encoding": "gzip"} if page.packed else {})}
        return Response(page.data, headers=headers, media_type="application/json")

    @api.get("/similar/{title_id}", responses=problems(NotAuthenticated, ProfileRequired, TitleNotFound))
    async def get_similar(title_id: TitleId, caller: Member, limit: Annotated[int, Query(ge=1, le=100)] = 20) -> SimilarTitles:
        """List titles like one, the most alike first: by genres and cast, and by what a model learned of who watches both."""
        return await recommendations.similar(caller, title_id, limit)

    return api
