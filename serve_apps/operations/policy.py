"""Decisions about running applications: which ranges of replicas are allowed, what an application's figures mean."""

from __future__ import annotations

import re
from typing import Final, Literal

import msgspec

from cluster.errors import InvalidInput

REPLICAS_LIMIT: Final = 64
UNHEALTHY: Final = frozenset({"UNHEALTHY", "DEPLOY_FAILED"})
_RANGE: Final = re.compile(r"(\d{1,4})(?:\.\.(\d{1,4}))?")

ApplicationCondition = Literal["healthy", "scaling", "starting", "unhealthy", "stopping", "missing"]


Seat = Literal["running", "starting", "unhealthy"]


class ScaleRange(msgspec.Struct, frozen=True):
    """How many replicas an application may have; equal ends fix the number."""

    min_replicas: int
    max_replicas: int

    def __str__(self) -> str:
        if self.min_replicas == self.max_replicas:
            return str(self.min_replicas)
        return f"{self.min_replicas}..{self.max_replicas}"


def parse_scale(text: str) -> ScaleRange:
    """Return the range that `3` or `1..4` means.

    Raises:
        InvalidInput: it is no such range.
    """
    match = _RANGE.fullmatch(text.strip())
    if match is None:
        raise InvalidInput(f"{text!r} is no number of replicas: write 3, or 1..4")
    low = int(match[1])
    return require_range(ScaleRange(low, int(match[2]) if match[2] else low))


def require_range(scale: ScaleRange) -> ScaleRange:
    """Return the range if it is allowed.

    Raises:
        InvalidInput: the ends are the wrong way round, or beyond 1 to REPLICAS_LIMIT.
    """
    if not 1 <= scale.min_replicas <= scale.max_replicas <= REPLICAS_LIMIT:
        raise InvalidInput(f"Replicas are from 1 to {REPLICAS_LIMIT}, the lower end first; not {scale.min_replicas}..{scale.max_replicas}")
    return scale


def condition_of(serve_status: str, replicas: int, target: int) -> ApplicationCondition:
    """Say in one word how an application is: `serve_status` is Ray Serve's, `replicas` answer, `target` are wanted."""
    if serve_status in UNHEALTHY:
        return "unhealthy"
    if serve_status == "DELETING":
        return "stopping"
    if replicas == 0:
        return "starting"
    return "healthy" if replicas == target else "scaling"


def seats_of(serve_status: str, running: int, starting: int, target: int) -> list[Seat]:
    """Return how each replica of an application is, those that answer first.

    One that is wanted and not there is about to be started; where Serve has given the application up for now, it is unhealthy.
    """
    missing: Seat = "unhealthy" if serve_status in UNHEALTHY else "starting"
    counts: tuple[tuple[Seat, int], ...] = (("running", running), ("starting", starting), (missing, target - running - starting))
    return [seat for seat, count in counts for _ in range(count)]


def is_ready(conditions: list[ApplicationCondition]) -> bool:
    """Say whether every application answers."""
    return bool(conditions) and all(condition in {"healthy", "scaling"} for condition in conditions)
