"""All services in this process, as the operator's commands see them."""

from __future__ import annotations

import asyncio
import re
import threading
from collections.abc import Callable, Mapping
from typing import Any

import httpx

from cluster.errors import ServiceUnavailable
from cluster.launch.client import error_of
from tests.clock import Clock
from tests.whole.composition import Whole
from tests.whole.people import Person


class Api:
    """The services as ingest sees them; `before` hears of each request first, and may raise in its place."""

    def __init__(self, whole: Whole, operator: Person) -> None:
        self._whole, self._operator = whole, operator
        self._one_at_a_time = threading.Lock()  # uploads and polling share the loop
        self.requests: list[str] = []
        self.before: Callable[[str], None] = lambda _: None
        self.clock = Clock()

    def request(
        self,
        method: str,
        path: str,
        *,
        json: Any = None,
        content: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        params: Mapping[str, Any] | None = None,
        idempotent: bool | None = None,
    ) -> httpx.Response:
        self.before(f"{method} {path}")
        with self._one_at_a_time:
            self.requests.append(f"{method} {path}")
            given: dict[str, Any] = {"headers": dict(headers or {}), "params": dict(params or {})}
            if json is not None:
                given["json"] = json
            if content is not None:
                given["content"] = content
            answer = self._whole.run(self._whole.ask(method, path, self._operator, **given))
        if not answer.is_success:
            raise error_of(answer)
        return answer

    def pause(self, seconds: float) -> None:
        self.clock.advance(seconds)
        with self._one_at_a_time:
            self._whole.run(asyncio.sleep(0.02))


class Silence:
    """A service that does not answer `times` of the requests that fit."""

    def __init__(self, pattern: str, times: int) -> None:
        self._pattern, self._left = pattern, times

    def __call__(self, request: str) -> None:
        if self._left > 0 and re.fullmatch(self._pattern, request):
            self._left -= 1
            raise ServiceUnavailable("nobody answers")
