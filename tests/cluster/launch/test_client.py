from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
from pydantic import SecretStr

from cluster.errors import (
    ApplicationNotFound,
    InvalidInput,
    MatineeError,
    NotRunning,
    Overloaded,
    ServiceUnavailable,
    Unavailable,
    WrongCredentials,
)
from cluster.launch.client import OperatorClient, error_of, operator_password, running
from cluster.settings import Settings
from tests.clock import Clock

URL = "http://127.0.0.1:8000"


class Site:
    """A site that knows one operator and counts what it is asked."""

    def __init__(self, password: str = "open sesame") -> None:
        self.password = password
        self.sign_ins = 0
        self.known: list[str | None] = []
        self.asked: list[str] = []
        self.answers: list[httpx.Response | Exception] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        if request.url.path == "/api/v1/auth/tokens":
            self.sign_ins += 1
            self.known.append(json.loads(request.content).get("device_token"))
            if self.password.encode() not in request.content:
                return problem(401, "wrong-credentials", "E-mail or password is wrong")
            return httpx.Response(201, json={"access_token": f"token-{self.sign_ins}", "expires_in_s": 600, "device_token": "known"})
        self.asked.append(f"{request.method} {request.url.path} {request.headers['authorization']}")
        if not self.answers:
            return httpx.Response(200, json={"answer": 42})
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


def problem(status: int, slug: str, detail: str, **fields: object) -> httpx.Response:
    document = {"type": f"urn:matinee:error:{slug}", "title": "A title", "status": status, "detail": detail, "instance": "/x"}
    return httpx.Response(status, json={**document, **fields})


def client_of(site: Site, data: Path, clock: Callable[[], float] | None = None, **given: object) -> OperatorClient:
    (data / "run").mkdir(parents=True, exist_ok=True)
    settings = Settings(data=data, **{"operator_password": SecretStr("open sesame"), **given})  # type: ignore[arg-type]
    return OperatorClient(settings, URL, transport=httpx.MockTransport(site), now_s=clock or Clock())


def test_it_signs_in_once_for_many_requests(tmp_path: Path) -> None:
    site = Site()
    with client_of(site, tmp_path) as operator:
        assert operator.get("/api/v1/x") == {"answer": 42}
        operator.get("/api/v1/y")
    assert site.sign_ins == 1
    assert site.asked == ["GET /api/v1/x Bearer token-1", "GET /api/v1/y Bearer token-1"]


def test_the_next_command_uses_the_cached_token_which_only_its_owner_reads(tmp_path: Path) -> None:
    site = Site()
    client_of(site, tmp_path).get("/api/v1/x")
    client_of(site, tmp_path).get("/api/v1/x")
    assert site.sign_ins == 1
    assert (tmp_path / "run/operator-token").stat().st_mode & 0o077 == 0


def test_a_token_near_its_end_is_not_used(tmp_path: Path) -> None:
    site, clock = Site(), Clock()
    operator = client_of(site, tmp_path, clock)
    operator.get("/api/v1/x")
    clock.advance(580)
    operator.get("/api/v1/x")
    assert site.sign_ins == 2


def test_a_cached_token_that_is_refused_is_replaced_once(tmp_path: Path) -> None:
    site = Site()
    operator = client_of(site, tmp_path)
    operator.get("/api/v1/x")
    site.answers = [problem(401, "token-invalid", "The token is not valid")]
    assert operator.get("/api/v1/x") == {"answer": 42}
    assert site.sign_ins == 2


def test_it_shows_that_its_device_is_known_also_after_its_token_has_ended(tmp_path: Path) -> None:
    site, clock = Site(), Clock()
    client_of(site, tmp_path, clock).get("/api/v1/x")
    clock.advance(86400)
    client_of(site, tmp_path, clock).get("/api/v1/x")
    client_of(site, tmp_path, clock, operator_email="other@matinee.local").get("/api/v1/x")
    assert site.known == [None, "known", None]


@pytest.mark.parametrize("content", ["", "{", "[]", '{"api_url": 1}'])
def test_a_damaged_cache_is_as_good_as_none(tmp_path: Path, content: str) -> None:
    site = Site()
    operator = client_of(site, tmp_path)
    (tmp_path / "run/operator-token").write_text(content)
    assert operator.get("/api/v1/x") == {"answer": 42}


def test_another_operators_token_is_not_used(tmp_path: Path) -> None:
    site = Site()
    client_of(site, tmp_path).get("/api/v1/x")
    client_of(site, tmp_path, operator_email="other@matinee.local").get("/api/v1/x")
    assert site.sign_ins == 2


def test_an_idempotent_request_is_tried_twice(tmp_path: Path) -> None:
    site = Site()
    operator = client_of(site, tmp_path)
    for failure in (httpx.ConnectError("refused"), problem(503, "unavailable", "busy"), httpx.Response(500, text="HAProxy's own")):
        site.answers = [failure]
        assert operator.get("/api/v1/x") == {"answer": 42}


def test_a_post_is_not_repeated_unless_the_caller_says_that_it_may(tmp_path: Path) -> None:
    site = Site()
    operator = client_of(site, tmp_path)
    site.answers = [httpx.ConnectError("refused")]
    with pytest.raises(ServiceUnavailable):
        operator.request("POST", "/api/v1/x", json={})
    site.answers = [httpx.ConnectError("refused")]
    assert operator.request("POST", "/api/v1/x", json={}, idempotent=True).json() == {"answer": 42}


def test_nothing_that_answers_is_one_error(tmp_path: Path) -> None:
    site = Site()
    operator = client_of(site, tmp_path)
    site.answers = [httpx.ConnectError("refused"), httpx.ConnectError("refused")]
    with pytest.raises(ServiceUnavailable, match="does not answer"):
        operator.get("/api/v1/x")


def test_a_wrong_password_is_told_as_such(tmp_path: Path) -> None:
    with pytest.raises(WrongCredentials):
        client_of(Site("another"), tmp_path).get("/api/v1/x")


def test_the_password_is_read_from_the_file_of_the_first_start(tmp_path: Path) -> None:
    (tmp_path / "operator-password").write_text("from the file\n")
    assert operator_password(Settings(data=tmp_path)) == "from the file"


def test_without_any_password_it_says_what_to_set(tmp_path: Path) -> None:
    with pytest.raises(WrongCredentials, match="set MATINEE_OPERATOR_PASSWORD"):
        operator_password(Settings(data=tmp_path))


def test_a_command_without_an_instance_says_so(tmp_path: Path) -> None:
    with pytest.raises(NotRunning, match="start it with `matinee up`"):
        running(Settings(data=tmp_path))


@pytest.mark.parametrize(
    ("slug", "kind"), [("application-not-found", ApplicationNotFound), ("invalid-input", InvalidInput), ("overloaded", Overloaded)]
)
def test_a_problem_becomes_the_error_it_was(slug: str, kind: type[MatineeError]) -> None:
    answer = problem(kind.status, slug, "what happened", known=["auth"])
    error = error_of(answer)
    assert type(error) is kind
    assert (error.detail, error.fields) == ("what happened", {"known": ["auth"]})


def test_an_unknown_problem_keeps_its_sentence() -> None:
    assert error_of(problem(418, "teapot", "short and stout")).detail == "short and stout"


def test_an_answer_of_the_proxy_itself_is_unavailable() -> None:
    answer = httpx.Response(500, text="Internal Server Error", request=httpx.Request("GET", URL))
    assert isinstance(error_of(answer), Unavailable)
