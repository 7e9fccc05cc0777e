"""Every error as a problem document (RFC 9457), those included that FastAPI and Starlette raise by themselves.

Main path: an error is raised -> a handler -> problem_response. Knows no domain.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import msgspec
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict
from starlette.exceptions import HTTPException

from cluster.errors import (
    Forbidden,
    InvalidInput,
    MatineeError,
    MethodNotAllowed,
    NotAuthenticated,
    NotFound,
    TooLarge,
    UnsupportedMediaType,
)

ERRORS_LIMIT: Final = 20
"""The first errors of a request that an answer names; a body may have one in each of its fields."""

_KINDS: Final[Mapping[int, type[MatineeError]]] = {
    400: InvalidInput,
    401: NotAuthenticated,
    403: Forbidden,
    404: NotFound,
    405: MethodNotAllowed,
    413: TooLarge,
    415: UnsupportedMediaType,
    422: InvalidInput,
}
"""What FastAPI and Starlette raise by themselves, as errors of ours."""


class ProblemDocument(BaseModel):
    """An error as RFC 9457 puts it; some errors add fields of their own."""

    model_config = ConfigDict(extra="allow")

    type: str
    title: str
    status: int
    detail: str
    instance: str


PROBLEM_SCHEMA: Final = ProblemDocument.model_json_schema()
"""Made once: every operation's document holds it a dozen times."""


def problem_response(error: MatineeError, instance: str = "", headers: Mapping[str, str] | None = None) -> Response:
    """Return an error as `application/problem+json`, with `headers` beside those that the error asks for."""
    headers = dict(headers or {})
    if error.retry_after_s is not None:
        headers["Retry-After"] = str(max(1, round(error.retry_after_s)))
    if error.status == 401:
        headers["WWW-Authenticate"] = 'Bearer realm="matinee"'
    body = msgspec.json.encode(error.problem(instance), enc_hook=str)
    return Response(body, error.status, headers, "application/problem+json")


def answer_by_problems(api: FastAPI) -> None:
    """Make every error of an API a problem document."""
    api.add_exception_handler(MatineeError, _on_matinee_error)
    api.add_exception_handler(RequestValidationError, _on_validation_error)
    api.add_exception_handler(HTTPException, _on_http_exception)
    api.add_exception_handler(Exception, _on_unexpected)


async def _on_unexpected(request: Request, error: Exception) -> Response:
    return problem_response(MatineeError(f"Unexpected: {type(error).__name__}"), request.url.path)


async def _on_matinee_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, MatineeError)
    return problem_response(error, request.url.path)


async def _on_validation_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    errors = [{"pointer": _pointer(_asked(item["loc"], error.body)), "detail": item["msg"]} for item in error.errors()[:ERRORS_LIMIT]]
    return problem_response(InvalidInput("; ".join(f"{e['pointer']}: {e['detail']}" for e in errors), errors=errors), request.url.path)


def _asked(loc: Sequence[object], body: object) -> list[object]:
    """Return where in the request an error is: pydantic also names the kind that it took an object for, which the body does not hold."""
    found, at = list(loc[:1]), body
    for number, part in enumerate(loc[1:], 1):
        if isinstance(at, dict) and part not in at and number < len(loc) - 1:
            continue
        found.append(part)
        if isinstance(at, dict):
            at = at.get(part)
        elif isinstance(at, list) and isinstance(part, int) and part < len(at):
            at = at[part]
        else:
            at = None
    return found


def _pointer(loc: Sequence[object]) -> str:
    """Return a JSON pointer (RFC 6901)."""
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in loc)


async def _on_http_exception(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    if isinstance(error.__cause__, MatineeError):  # FastAPI takes whatever is raised while a body is read for a malformed one
        return problem_response(error.__cause__, request.url.path)
    kind = _KINDS.get(error.status_code)
    if kind is not None:
        return problem_response(kind(str(error.detail)), request.url.path, error.headers)
    body = {
        "type": "about:blank",
        "title": str(error.detail),
        "status": error.status_code,
        "detail": str(error.detail),
        "instance": request.url.path,
    }
    return Response(msgspec.json.encode(body), error.status_code, error.headers, "application/problem+json")
