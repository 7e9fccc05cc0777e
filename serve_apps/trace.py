"""What one request is known by wherever it leads: its X-Request-Id, and the W3C `traceparent` of a caller who traces.

Main path: trace_of a request -> traced: in every log line, and in calls to other services -> headers_of the answer.
Makes no spans of its own, so the traceparent goes on as it came.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager
from typing import Final

from structlog.contextvars import bound_contextvars, get_contextvars

from cluster.ids import new_id

Trace = Mapping[str, str]

_REQUEST_ID: Final = re.compile(r"[A-Za-z0-9._-]{1,64}")
_TRACEPARENT: Final = re.compile(r"(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")
_HEADERS: Final = {"request_id": "x-request-id", "traceparent": "traceparent"}


def trace_of(headers: Iterable[tuple[bytes, bytes]]) -> Trace:
    """Return the trace of a request with these headers; what is not well formed is as good as not sent."""
    given = {name: value.decode("latin-1") for name, value in headers}
    request_id, traceparent = given.get(b"x-request-id", ""), given.get(b"traceparent", "")
    trace = {"request_id": request_id if _REQUEST_ID.fullmatch(request_id) else new_id()}
    return {**trace, "traceparent": traceparent} if _TRACEPARENT.fullmatch(traceparent) else trace


def headers_of(trace: Trace) -> list[tuple[bytes, bytes]]:
    """Return what the answer says of it."""
    return [(_HEADERS[name].encode(), value.encode()) for name, value in trace.items()]


def traced(trace: Trace) -> AbstractContextManager[None]:
    """Do what follows as part of a trace."""
    return bound_contextvars(**trace)


def current() -> Trace:
    """Return the trace that is followed here, for a call to another service."""
    return {name: str(value) for name, value in get_contextvars().items() if name in _HEADERS}
