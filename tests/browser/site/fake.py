"""The services as a page sees them: answers by path, each of which a test may replace, refuse, hold back or lose."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from playwright.sync_api import Page, Route

API = "/api/v1"


@dataclass(frozen=True)
class Asked:
    """A request of a page; `path` is without the prefix that all have, and without a slash at its end."""

    method: str
    path: str
    query: dict[str, str]
    body: Any
    headers: dict[str, str]


@dataclass(frozen=True)
class Problem:
    """A refusal, as every service tells it; what `members` holds stands in it too."""

    status: int
    slug: str
    title: str = "It did not work"
    detail: str = "Something is in the way."
    members: dict[str, Any] = field(default_factory=dict)

    def document(self) -> dict[str, Any]:
        return {
            "type": f"urn:matinee:problem:{self.slug}",
            "title": self.title,
            "status": self.status,
            "detail": self.detail,
            "instance": None,
            **self.members,
        }


@dataclass(frozen=True)
class Made:
    """An answer with a status of its own."""

    status: int
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)


class Lost:
    """The connection fails."""


Answer = Any
"""JSON to send with 200, or a Problem, Made, Lost; or what makes one of them of the request. None is a 204."""

UNAVAILABLE = Problem(503, "unavailable", "Not available right now", "A part of Matinee is starting or restarting.")


class Held:
    """Requests that wait until the test lets them go."""

    def __init__(self) -> None:
        self._waiting: list[Callable[[], None]] = []
        self._open = False

    def add(self, answer: Callable[[], None]) -> None:
        answer() if self._open else self._waiting.append(answer)

    @property
    def count(self) -> int:
        return len(self._waiting)

    def release(self) -> None:
        self._open = True
        for answer in self._waiting:
            answer()
        self._waiting.clear()


class Fake:
    """Answers `/api/v1/...` of a page. What a test says last counts most; `*` in a path stands for anything but a slash."""

    def __init__(self) -> None:
        self.asked: list[Asked] = []
        self.unknown: list[str] = []
        self.refused: set[str] = set()
        """URLs that were answered by a refusal: the browser writes each into its console."""
        self._answers: list[tuple[str, str, Answer]] = [("POST", "/telemetry/events", Made(202, {"taken": 1}))]
        self._held: list[tuple[str, str, Held]] = []

    def on(self, path: str, answer: Answer, method: str = "GET") -> None:
        """Answer these requests so from now on."""
        self._answers.insert(0, (method, path, answer))

    def hold(self, path: str, method: str = "GET") -> Held:
        """Hold these requests back; the answer is the one of when they are released."""
        held = Held()
        self._held.insert(0, (method, path, held))
        return held

    def requests(self, path: str, method: str = "GET") -> list[Asked]:
        """Return the requests so far."""
        return [asked for asked in self.asked if _is(method, path, asked)]

    def attach(self, page: Page) -> None:
        """Answer this page."""
        page.route(f"**{API}/**", self._route)

    def _route(self, route: Route) -> None:
        request = route.request
        url = urlsplit(request.url)
        raw = request.post_data_buffer
        asked = Asked(
            request.method,
            url.path.removeprefix(API).rstrip("/"),
            dict(parse_qsl(url.query, keep_blank_values=True)),
            _json(raw),
            request.headers,
        )
        self.asked.append(asked)
        held = next((held for method, path, held in self._held if _is(method, path, asked)), None)
        if held is None:
            self._answer(route, asked)
        else:
            held.add(lambda: self._answer(route, asked))

    def _answer(self, route: Route, asked: Asked) -> None:
        found = next(((answer,) for method, path, answer in self._answers if _is(method, path, asked)), None)
        if found is None:
            self.unknown.append(f"{asked.method} {asked.path}")
            found = (Problem(404, "not-found", "There is nothing at this address"),)
        answer = found[0](asked) if callable(found[0]) else found[0]
        if isinstance(answer, Lost):
            self.refused.add(route.request.url)
            route.abort("connectionrefused")
        elif isinstance(answer, Problem):
            self.refused.add(route.request.url)
            _send(route, answer.status, answer.document(), {"Content-Type": "application/problem+json"})
        elif isinstance(answer, Made):
            if answer.status >= 400:
                self.refused.add(route.request.url)
            _send(route, answer.status, answer.body, answer.headers)
        else:
            _send(route, 204 if answer is None else 200, answer, {})


def _is(method: str, path: str, asked: Asked) -> bool:
    return method == asked.method and path.count("/") == asked.path.count("/") and fnmatchcase(asked.path, path)


def _json(raw: bytes | None) -> Any:
    try:
        return json.loads(raw) if raw else None
    except ValueError:
        return raw


def _send(route: Route, status: int, body: Any, headers: dict[str, str]) -> None:
    content = {"Content-Type": "application/json"} if body is not None else {}
    route.fulfill(status=status, headers={**content, **headers}, body="" if body is None else json.dumps(body))
