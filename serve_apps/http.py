"""What every HTTP application of Matinee shares: token check, problem responses, request ids, audit, paging.

Main path: `new_api` -> a route with one of the dependencies `Member`, `Viewer`, `Operator` -> the service -> a schema.
Knows no domain.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import traceback
from collections.abc import Awaitable, Callable
from typing import Annotated, Any, Final, Protocol

import structlog
from fastapi import Depends, FastAPI, Request, Response, Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from fastapi_offline import FastAPIOffline
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from cluster.errors import (
    DeadlineExceeded,
    InvalidCursor,
    InvalidInput,
    MatineeError,
    NotAuthenticated,
    OperatorOnly,
    ProfileRequired,
    TooLarge,
)
from cluster.resilience import within
from cluster.security.claims import Claims
from serve_apps.audit import Audit, Noting, let_through
from serve_apps.encodings import encoding_for
from serve_apps.json_body import JsonRoute
from serve_apps.problems import PROBLEM_SCHEMA, answer_by_problems, problem_response
from serve_apps.trace import headers_of, trace_of, traced

log = structlog.get_logger()

BODY_LIMIT_BYTES: Final = 1 << 20
REQUEST_TIMEOUT_S: Final = 30.0


class Gate(Protocol):
    """Says who a bearer token belongs to; the one in cluster.security.gate knows of revoked devices."""

    async def admit(self, token: str) -> Claims:
        """Return the token's claims; raises TokenInvalid or DeviceRevoked."""
        ...


def problems(*errors: type[MatineeError]) -> dict[int | str, dict[str, Any]]:
    """Return the `responses` of a route that may answer these errors; those that any route may answer are added."""
    named: dict[int | str, list[str]] = {}
    everywhere: tuple[type[MatineeError], ...] = (InvalidInput, MatineeError, TooLarge, DeadlineExceeded)
    for error in errors + everywhere:
        named.setdefault(error.status, []).append(error.slug)
    named.setdefault(503, []).append("unavailable")
    named.setdefault(507, []).append("storage-full")
    named.setdefault(429, []).append("too-many-requests")
    return {
        status: {"description": " · ".join(slugs), "content": {"application/problem+json": {"schema": PROBLEM_SCHEMA}}}
        for status, slugs in named.items()
    }


def json_bytes(body: bytes, *, etag: str | None = None, status: int = 200) -> Response:
    """Return bytes that are JSON already."""
    return Response(body, status, {"ETag": etag} if etag else None, "application/json")


def takes_gzip(request: Request) -> bool:
    """Say whether the caller takes an answer in gzip, as every browser does."""
    return encoding_for(", ".join(request.headers.getlist("Accept-Encoding")), ["gzip"]) == "gzip"


def new_api(
    name: str,
    prefix: str,
    gate: Gate,
    *,
    body_limit_bytes: int = BODY_LIMIT_BYTES,
    on_start: Callable[[], Awaitable[None]] | None = None,
    on_stop: Callable[[], Awaitable[None]] | None = None,
) -> FastAPI:
    """Return an application whose every error is a problem document and whose every answer carries X-Request-Id.

    The routes are declared without the prefix; `prefix` only makes the documents true. `app.state.gate` checks tokens.
    """
    api = FastAPIOffline(  # the page of the documents comes with it: no third party's script runs beside our cookies
        title=f"Matinee {name}",
        version="1",
        servers=[{"url": prefix}],
        redirect_slashes=False,
        docs_url="/docs",
        static_url="/docs/static",
        redoc_url=None,
        openapi_url="/openapi.json",
        separate_input_output_schemas=False,
        generate_unique_id_function=lambda route: route.name,
    )
    api.router.route_class = JsonRoute
    api.state.name, api.state.gate = name, gate
    api.state.on_start, api.state.on_stop = on_start, on_stop
    answer_by_problems(api)
    api.state.body_limit_bytes = body_limit_bytes
    return api


def served(
    api: FastAPI,
    prefix: str,
    *,
    timeout_s: float = REQUEST_TIMEOUT_S,
    streams: Callable[[str, str], bool] = lambda _method, _path: False,
    audit: Audit | None = None,
) -> ASGIApp:
    """Wrap an API for serving at `prefix`: paths, request ids, body limit, time limit, and unexpected errors as problems.

    Pure ASGI, so that streams pass unbuffered. Accepts paths with the prefix (a plain server) and without (Serve takes it off).
    Where `streams(method, path without prefix)`, the route itself bounds body and time: an upload, server-sent events.
    `audit` gets what operators do; an API that lets no operator change anything needs none.
    """
    body_limit_bytes: int = api.state.body_limit_bytes

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await api(scope, receive, send)
            return
        path = scope["path"]
        root = prefix.rstrip("/")
        if root and (path == root or path.startswith(root + "/")):
            path = path[len(root) :]
        # FastAPI has no route for the bare prefix: the list of a prefix is declared as "/" and served as "".
        path = path or "/"
        scope = {**scope, "path": root + path, "raw_path": (root + path).encode(), "root_path": root, "state": {**scope.get("state", {})}}
        trace = trace_of(scope["headers"])
        started = finished = False
        received_bytes = 0
        streaming = streams(scope["method"], path)
        noting = Noting(audit, api.state.name, scope, trace["request_id"])

        async def send_with_trace(message: Message) -> None:
            nonlocal started, finished
            if message["type"] == "http.response.start":
                await noting.answered(message["status"])
                started = True
                message = {**message, "headers": [*message.get("headers", []), *headers_of(trace)]}
            await send(message)
            finished = message["type"] == "http.response.body" and not message.get("more_body", False)

        async def receive_bounded() -> Message:
            nonlocal received_bytes
            message = await receive()
            if message["type"] == "http.request":
                received_bytes += len(message.get("body", b""))
                if received_bytes > body_limit_bytes:
                    raise TooLarge(f"The body is larger than {body_limit_bytes} bytes", limit_bytes=body_limit_bytes)
            return message

        limit_s = timeout_s if timeout_s > 0 and not streaming else None
        try:
            async with asyncio.timeout(limit_s):
                with traced(trace), within(limit_s):
                    await api(scope, receive if streaming else receive_bounded, send_with_trace)
        except MatineeError as error:
            if started:
                raise
            await problem_response(error, root + path)(scope, receive, send_with_trace)
        except TimeoutError:
            if started:
                raise
            late = DeadlineExceeded(f"No answer within {timeout_s:g} s", retry_after_s=1)
            await problem_response(late, root + path)(scope, receive, send_with_trace)
        except Exception as error:
            # Formatted here: structlog's own rendering may show local variables, and those hold passwords.
            told = "".join(traceback.format_exception(error))
            log.error("unexpected error", **trace, path=root + path, traceback=told)
            # Answered by `_on_unexpected`; a body cut off half-way can only be told by cutting the connection.
            if not finished:
                raise
        finally:
            noting.ended()

    return app


_bearer = HTTPBearer(auto_error=False, description="An access token of /api/v1/auth")
_Credentials = Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]


async def _member(request: Request, credentials: _Credentials) -> Claims:
    if credentials is None:
        raise NotAuthenticated
    gate: Gate = request.app.state.gate
    return await gate.admit(credentials.credentials)


async def _viewer(claims: Annotated[Claims, Depends(_member)]) -> Claims:
    if claims.profile_id is None:
        raise ProfileRequired
    return claims


async def _operator(request: Request, claims: Annotated[Claims, Depends(_member)]) -> Claims:
    # In a kids profile an operator's device is in a child's hands.
    if "operator" not in claims.roles or claims.kids:
        raise OperatorOnly
    let_through(request.scope, claims)
    return claims


Member = Annotated[Claims, Depends(_member)]
"""A signed-in account (any role), with or without a chosen profile."""
# Scopes only name the role in the OpenAPI document's security requirement; what they name is checked above.
Viewer = Annotated[Claims, Security(_viewer, scopes=["profile"])]
"""A signed-in account that has chosen a profile."""
Operator = Annotated[Claims, Security(_operator, scopes=["operator"])]
"""An operator, outside a kids profile."""


def encode_cursor(after: str) -> str:
    """Return an opaque cursor that continues after a sort key."""
    return base64.urlsafe_b64encode(after.encode()).decode().rstrip("=")


def decode_cursor(cursor: str | None) -> str | None:
    """Return the sort key of `encode_cursor`.

    Raises:
        InvalidCursor: it is none of ours.
    """
    if cursor is None:
        return None
    try:
        return base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True).decode()
    except (binascii.Error, ValueError) as error:
        raise InvalidCursor from error
