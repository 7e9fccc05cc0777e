"""The HTTP routes of web: the two sites."""

from __future__ import annotations

import hashlib
from typing import Final

from fastapi import FastAPI, Request, Response
from fastapi.responses import HTMLResponse

from cluster.errors import NotFound, TokenInvalid
from cluster.security.claims import Claims
from serve_apps.http import Gate, new_api, problems
from serve_apps.web.policy import HEADERS, is_known
from serve_apps.web.service import Web

PREFIX: Final = "/"

METHODS: Final = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"]
A_YEAR_S: Final = 31_536_000


class NoMembers:
    """The gate of an application without members: every token is one too many."""

    async def admit(self, token: str) -> Claims:
        """Refuse."""
        raise TokenInvalid


def create_api(web: Web, gate: Gate) -> FastAPI:
    """Return the API of one service."""
    api = new_api("web", "", gate)

    @api.get("/", response_class=HTMLResponse, responses=problems())
    async def home(request: Request) -> Response:
        """Show the members' site; the operators' console is at /console. Other paths are files and pages of these two."""
        return await _answer(web, request)

    @api.api_route("/api", methods=METHODS, include_in_schema=False)
    @api.api_route("/api/{_:path}", methods=METHODS, include_in_schema=False)
    async def no_service() -> None:
        raise NotFound("There is no service at this address")

    @api.head("/", include_in_schema=False)
    @api.api_route("/{path:path}", methods=["GET", "HEAD"], include_in_schema=False)
    async def file(request: Request) -> Response:
        return await _answer(web, request)

    return api


async def _answer(web: Web, request: Request) -> Response:
    file = web.file(request.scope["path"])  # not the URL's: that is put together from what the caller says
    form = file.form(", ".join(request.headers.getlist("Accept-Encoding")))
    headers = {**HEADERS, "Vary": "Accept-Encoding", "Cache-Control": "no-cache"}
    version = form.digest
    if file.immutable:
        headers["Cache-Control"] = f"public, max-age={A_YEAR_S}, immutable"
    if file.is_page:
        headers["Content-Security-Policy"] = await web.content_security_policy()
        # Of the version, so that nobody keeps a page with the edges of yesterday: browsers differ in what a 304 renews.
        version = hashlib.sha256(f"{version} {headers['Content-Security-Policy']}".encode()).hexdigest()[:32]
    headers["ETag"] = etag = f'"{version}{form.encoding and "-"}{form.encoding}"'
    if is_known(etag, ", ".join(request.headers.getlist("If-None-Match"))):
        return Response(status_code=304, headers=headers)
    if form.encoding:
        headers["Content-Encoding"] = form.encoding
    headers["Content-Length"] = str(len(form.body))
    return Response(b"" if request.method == "HEAD" else form.body, 200, headers, file.media_type)
