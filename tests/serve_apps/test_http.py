"""Every answer of an API has an id, and every error is a problem document that knows where it happened."""

from __future__ import annotations

import asyncio
import re
from typing import Any

import httpx
import pytest
from pydantic import BaseModel, ConfigDict

from cluster.errors import Overloaded, TokenInvalid
from cluster.resilience import remaining_s
from cluster.security.claims import Claims
from serve_apps.http import Member, Operator, Viewer, decode_cursor, encode_cursor, new_api, problems, served
from serve_apps.json_body import VALUES_LIMIT
from serve_apps.problems import ERRORS_LIMIT
from serve_apps.trace import current

PREFIX = "/api/v1/things"
LIMIT_BYTES = 100_000
CLAIMS = {
    "member": Claims("a", "d", ("member",), 1e12),
    "viewer": Claims("a", "d", ("member",), 1e12, profile_id="p", maturity=18),
    "operator": Claims("a", "d", ("operator",), 1e12),
}


class Thing(BaseModel):
    name: str


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class NamedGate:
    async def admit(self, token: str) -> Claims:
        if token not in CLAIMS:
            raise TokenInvalid
        return CLAIMS[token]


def make(timeout_s: float) -> Any:
    api = new_api("things", PREFIX, NamedGate(), body_limit_bytes=LIMIT_BYTES)

    @api.get("/", response_model=Thing, responses=problems())
    async def listed() -> Thing:
        return Thing(name="all")

    @api.post("/", response_model=Thing, responses=problems())
    async def create(thing: Thing) -> Thing:
        return thing

    @api.post("/many")
    async def many(thing: Strict) -> None: ...

    @api.get("/trace")
    async def trace() -> dict[str, str]:
        return dict(current())

    @api.get("/member")
    async def member(caller: Member) -> str:
        return caller.account_id

    @api.get("/viewer")
    async def viewer(caller: Viewer) -> str | None:
        return caller.profile_id

    @api.get("/operator")
    async def operator(caller: Operator) -> str:
        return caller.account_id

    @api.get("/broken")
    async def broken() -> None:
        raise RuntimeError("secret inner detail")

    @api.get("/busy")
    async def busy() -> None:
        raise Overloaded(retry_after_s=2.4)

    @api.get("/left")
    async def left() -> float:
        return remaining_s()

    @api.get("/slow")
    async def slow() -> None:
        await asyncio.Event().wait()

    return served(api, PREFIX, timeout_s=timeout_s)


def ask(method: str, path: str, token: str | None = None, timeout_s: float = 0.2, **kwargs: Any) -> httpx.Response:
    async def run() -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(make(timeout_s)), base_url="http://host") as client:
            headers = {**({"Authorization": f"Bearer {token}"} if token else {}), **kwargs.pop("headers", {})}
            return await client.request(method, path, headers=headers, **kwargs)

    return asyncio.run(run())


def test_paths_are_answered_with_and_without_the_prefix() -> None:
    for path in (PREFIX, "/"):
        assert ask("GET", path).json() == {"name": "all"}


def test_what_a_request_calls_knows_what_is_left_of_its_time() -> None:
    assert 0.0 < ask("GET", f"{PREFIX}/left").json() <= 0.2


def test_documents_name_the_prefix() -> None:
    assert ask("GET", f"{PREFIX}/openapi.json").json()["servers"] == [{"url": PREFIX}]
    assert f"'{PREFIX}/openapi.json'" in ask("GET", f"{PREFIX}/docs").text


def test_the_page_of_the_documents_needs_nobody_else() -> None:
    page = ask("GET", f"{PREFIX}/docs").text
    sources = re.findall(r'(?:src|href)="([^"]*)"', page)
    assert len(sources) == 3
    for source in sources:
        assert source.startswith(f"{PREFIX}/docs/static/")
        assert ask("GET", source, timeout_s=30).status_code == 200  # megabytes, from a disk that may be busy


def test_a_trace_goes_through() -> None:
    traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    answer = ask("GET", f"{PREFIX}/trace", headers={"X-Request-Id": "mine-1", "traceparent": traceparent})
    assert answer.json() == {"request_id": "mine-1", "traceparent": traceparent}
    assert answer.headers["traceparent"] == traceparent
    for malformed in ("", "00-abc-def-01", traceparent.replace("4bf92f3577b34da6a3ce929d0e0e4736", "0" * 32), traceparent.upper()):
        assert "traceparent" not in ask("GET", f"{PREFIX}/nowhere", headers={"traceparent": malformed}).headers


def test_a_request_id_goes_through_or_is_made() -> None:
    assert ask("GET", PREFIX, headers={"X-Request-Id": "mine-1"}).headers["x-request-id"] == "mine-1"
    assert len(ask("GET", PREFIX, headers={"X-Request-Id": "not valid!"}).headers["x-request-id"]) == 32
    assert ask("GET", f"{PREFIX}/nowhere").headers["x-request-id"]


@pytest.mark.parametrize(
    ("method", "path", "kwargs", "status", "slug"),
    [
        ("GET", "/nowhere", {}, 404, "not-found"),
        ("POST", "", {"json": {}}, 422, "invalid-input"),
        ("POST", "", {"content": b"{", "headers": {"Content-Type": "application/json"}}, 422, "invalid-input"),
        ("POST", "", {"content": b"\xff\xfe\x00", "headers": {"Content-Type": "application/json"}}, 422, "invalid-input"),
        ("POST", "", {"content": b'{"name": "\\ud800"}', "headers": {"Content-Type": "application/json"}}, 422, "invalid-input"),
        ("POST", "", {"content": b'{"name": NaN}', "headers": {"Content-Type": "application/json"}}, 422, "invalid-input"),
        ("POST", "", {"content": b"[" * 900, "headers": {"Content-Type": "application/json"}}, 422, "invalid-input"),
        ("POST", "", {"json": {"name": "x" * LIMIT_BYTES}}, 413, "too-large"),
        ("GET", "/member", {}, 401, "not-authenticated"),
        ("GET", "/member", {"token": "forged"}, 401, "token-invalid"),
        ("DELETE", "", {}, 405, "method-not-allowed"),
        ("GET", "/viewer", {"token": "member"}, 403, "profile-required"),
        ("GET", "/operator", {"token": "viewer"}, 403, "operator-only"),
        ("GET", "/broken", {}, 500, "internal"),
        ("GET", "/busy", {}, 503, "overloaded"),
        ("GET", "/slow", {}, 504, "deadline-exceeded"),
    ],
)
def test_errors_are_problems(method: str, path: str, kwargs: dict[str, Any], status: int, slug: str) -> None:
    answer = ask(method, PREFIX + path, **kwargs)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert problem["type"] == f"urn:matinee:error:{slug}"
    assert problem["instance"] == PREFIX + (path or "/")
    assert "secret" not in answer.text
    assert ("www-authenticate" in answer.headers) == (status == 401)
    assert ("retry-after" in answer.headers) == (status in {503, 504})


def test_a_method_that_is_not_taken_is_told_which_are() -> None:
    assert ask("DELETE", f"{PREFIX}/member").headers["allow"] == "GET"


def test_a_body_with_many_errors_is_refused_in_few_words() -> None:
    answer = ask("POST", f"{PREFIX}/many", json={f"a~{n}/b": 0 for n in range(5000)})
    assert answer.status_code == 422
    assert [error["pointer"] for error in answer.json()["errors"]] == [f"/body/a~0{n}~1b" for n in range(ERRORS_LIMIT)]
    answer = ask("POST", f"{PREFIX}/many", content=b"[" + b"0," * VALUES_LIMIT + b"0]", headers={"Content-Type": "application/json"})
    assert answer.json()["type"] == "urn:matinee:error:too-large"


def test_callers_are_known_by_their_token() -> None:
    assert ask("GET", f"{PREFIX}/member", "member").json() == "a"
    assert ask("GET", f"{PREFIX}/viewer", "viewer").json() == "p"
    assert ask("GET", f"{PREFIX}/operator", "operator").json() == "a"


def test_a_cursor_is_read_back() -> None:
    assert decode_cursor(encode_cursor("title/0é")) == "title/0é"
    assert decode_cursor(None) is None
