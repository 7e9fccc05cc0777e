"""Tries every operation of an API in process, with input that its OpenAPI document allows and input that it doesn't.

No answer may be of 5xx, and none may differ from what the document says: status, media type, headers, body.
Call it inside the event loop that the service was opened in: `await check_api(app, "/api/v1/titles", token)`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import httpx
import requests
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from starlette.types import ASGIApp

BASE_URL = "http://testserver"
CHECKS: Any = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]


@schemathesis.serializer("application/offset+octet-stream")
def _tus(_context: Any, value: Any) -> bytes:
    """Say how a body of tus is sent: as it is."""
    return value if isinstance(value, bytes) else str(value).encode(errors="replace")


async def check_api(
    app: ASGIApp,
    prefix: str,
    token: str | None,
    *,
    examples: int = 10,
    leave_out: Collection[str] = (),
    known: Mapping[str, Sequence[str]] | None = None,
) -> int:
    """Try every operation but those in `leave_out` (as `DELETE /account`); return how many requests were made.

    `known` has values for parameters and fields of these names, for example ids of what exists: right requests take them, since
    made-up ones would only ever miss.
    """
    loop = asyncio.get_running_loop()
    transport = httpx.ASGITransport(app, raise_app_exceptions=True)
    made = 0

    async with httpx.AsyncClient(transport=transport, base_url=BASE_URL, timeout=30) as client:
        document = (await client.get(f"{prefix}/openapi.json")).json()
        assert [server["url"] for server in document["servers"]] == [prefix]
        schemas = {
            GenerationMode.POSITIVE: schemathesis.openapi.from_dict(_knowing(document, known or {})),
            GenerationMode.NEGATIVE: schemathesis.openapi.from_dict(document),
        }

        def answer(case: Any) -> httpx.Response:
            headers = {"Authorization": f"Bearer {token}"} if token else {}
            kwargs = case.as_transport_kwargs(base_url=BASE_URL + prefix, headers=headers)
            prepared = requests.Request(**{name: value for name, value in kwargs.items() if name in _REQUEST_ARGUMENTS}).prepare()
            # As bytes: this client takes a header's text for ASCII, and schemathesis writes whatever HTTP allows.
            sent = {name: value.encode("latin-1") if isinstance(value, str) else value for name, value in prepared.headers.items()}
            request = client.build_request(str(prepared.method), str(prepared.url), headers=sent, content=prepared.body)
            client.cookies.clear()
            return asyncio.run_coroutine_threadsafe(client.send(request), loop).result(60)

        def check(operation: Any, mode: GenerationMode) -> None:
            @settings(max_examples=examples, deadline=None, database=None, derandomize=True, suppress_health_check=list(HealthCheck))
            @given(case=operation.as_strategy(generation_mode=mode))
            def every_answer_conforms(case: Any) -> None:
                nonlocal made
                made += 1
                case.validate_response(answer(case), checks=CHECKS)

            every_answer_conforms()

        for mode, schema in schemas.items():
            for result in schema.get_all_operations():
                operation = result.ok()
                if f"{operation.method.upper()} {operation.path}" in leave_out:
                    continue
                if mode is GenerationMode.NEGATIVE and not _takes_input(operation):
                    continue
                try:
                    await asyncio.to_thread(check, operation, mode)
                except Unsatisfiable:
                    assert mode is GenerationMode.NEGATIVE  # any text is allowed: there is no wrong input
    return made


_REQUEST_ARGUMENTS = frozenset({"method", "url", "headers", "files", "data", "params", "auth", "cookies", "json"})


def _knowing(part: Any, known: Mapping[str, Sequence[str]]) -> Any:
    """Return a document in which parameters have these values, and fields may have them."""
    if isinstance(part, list):
        return [_knowing(each, known) for each in part]
    if not isinstance(part, dict):
        return part
    part = {name: _knowing(value, known) for name, value in part.items()}
    if isinstance(part.get("in"), str) and part["name"] in known:  # a parameter
        part["schema"] = {"enum": [*known[part["name"]]]}
    if isinstance(properties := part.get("properties"), dict):
        for name in known.keys() & properties.keys():
            properties[name] = {"anyOf": [{"enum": [*known[name]]}, properties[name]]}
    return part


def _takes_input(operation: Any) -> bool:
    return bool(operation.body or operation.query or operation.path_parameters or operation.headers or operation.cookies)
