"""What clients did and what they were told, with the times: the history that is judged afterwards."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Awaitable
from enum import StrEnum
from typing import Any

import msgspec

from cluster.errors import Conflict, DeadlineExceeded, Fenced, Indeterminate, MatineeError, NotFound, Unavailable


class Outcome(StrEnum):
    """What a client was told."""

    OK = "ok"
    CONFLICT = "conflict"
    """Its condition did not hold; nothing was written."""
    REFUSED = "refused"
    """Nothing was written, says the error."""
    UNKNOWN = "unknown"
    """It may have happened, or may yet happen."""


class Operation(msgspec.Struct, frozen=True):
    """One call; no two moments of a history are equal."""

    client: str
    key: str
    asked: Any
    outcome: Outcome
    answer: Any
    invoked_ns: int
    completed_ns: int


class History:
    """Operations in the order in which they were completed."""

    def __init__(self) -> None:
        self.operations: list[Operation] = []
        self._last_ns = 0

    async def record(self, client: str, key: str, asked: Any, call: Awaitable[Any], *, reads: bool = False) -> Operation:
        """Await a call and keep what became of it; an error that no port promises is raised, and kept as an unknown outcome.

        One that only `reads` has written nothing, whatever it was told.
        """
        invoked_ns, outcome, answer = self._now_ns(), Outcome.UNKNOWN, None
        try:
            answer = await call
            outcome = Outcome.OK
        except MatineeError as error:
            answer, outcome = error, outcome_of(error)
            if reads:
                outcome = Outcome.REFUSED
        finally:
            operation = Operation(client, key, asked, outcome, answer, invoked_ns, self._now_ns())
            self.operations.append(operation)
        return operation

    def count(self, outcome: Outcome) -> int:
        """Return how many operations ended so."""
        return Counter(operation.outcome for operation in self.operations)[outcome]

    def by_key(self) -> dict[str, list[Operation]]:
        """Return the operations of each key."""
        found: dict[str, list[Operation]] = {}
        for operation in self.operations:
            found.setdefault(operation.key, []).append(operation)
        return found

    def _now_ns(self) -> int:
        self._last_ns = max(self._last_ns + 1, time.monotonic_ns())
        return self._last_ns


def outcome_of(error: MatineeError) -> Outcome:
    """Return what an error of the ports says.

    Raises:
        MatineeError: the error itself, where it should not have come.
    """
    match error:
        case Conflict() | NotFound():
            return Outcome.CONFLICT
        case Indeterminate() | DeadlineExceeded() | Fenced():
            return Outcome.UNKNOWN
        case Unavailable():
            return Outcome.REFUSED
        case _:
            raise error
