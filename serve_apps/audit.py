"""Who did what: every request of an operator that may change something becomes an entry of the log's topic `audit`.

Main path: `served` -> `Noting.answered`, once the act has its status and before it is answered -> Audit -> one append for all that wait.
Never reads bodies or queries, and refuses no act because it cannot be noted (docs/adr/0010-audit-after-the-act.md).
"""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import time
from collections import deque
from collections.abc import Callable
from functools import partial
from typing import Final

import msgspec
import structlog
from starlette.types import Scope

from cluster.durable import Log, LogFactory, open_log
from cluster.errors import CorruptData, Misconfigured, StorageFull, StoreUnavailable, Unavailable
from cluster.events import AUDIT, Event
from cluster.ids import new_id
from cluster.security.claims import Claims
from cluster.settings import Settings

log = structlog.get_logger()

KIND: Final = "operator.acted"
UNNOTED: Final = frozenset({"GET", "HEAD"})
CUT_OFF: Final = 499
"""The status of an act whose caller was gone before it was answered; it may have happened or not."""
WAIT_S: Final = 1.0
"""How long an answer waits for its entry to be durable."""
WAITING_LIMIT: Final = 1000
AT_ONCE: Final = 100
FIRST_PAUSE_S: Final = 0.2
LONGEST_PAUSE_S: Final = 5.0
CLOSE_S: Final = 2.0
PATH_LIMIT: Final = 2000


class Act(msgspec.Struct, frozen=True):
    """A request that an operator made, and how it was answered; `path` has the prefix and no query."""

    audit_id: str
    at_s: float
    account_id: str
    service: str
    method: str
    path: str
    status: int
    request_id: str


def event_of(act: Act) -> Event:
    """Return an act as the log keeps it."""
    value = msgspec.to_builtins(act)
    del value["audit_id"], value["at_s"]
    return Event(AUDIT.name, KIND, act.audit_id, 1, act.at_s, value)


def act_of(event: Event) -> Act:
    """Return the act of an entry.

    Raises:
        CorruptData: it is none.
    """
    try:
        return msgspec.convert({**event.value, "audit_id": event.key, "at_s": event.occurred_at_s}, Act)
    except msgspec.ValidationError as error:
        raise CorruptData(f"An entry of the audit cannot be read: {error}") from error


class Audit:
    """Appends acts in the order in which they were answered; while the log is away they wait here, WAITING_LIMIT at most.

    Opens the log at the first act. An append whose outcome is unknown is made again, under the same `audit_id`.
    """

    def __init__(self, open_log: LogFactory, now_s: Callable[[], float] = time.time, wait_s: float = WAIT_S) -> None:
        self._open_log, self.now_s, self._wait_s = open_log, now_s, wait_s
        self._log: Log | None = None
        self._waiting: deque[tuple[Act, asyncio.Future[None]]] = deque()
        self._sending: asyncio.Task[None] | None = None

    async def note(self, act: Act) -> None:
        """Append an act; returns once it is durable, or after WAIT_S, with a warning, while it is tried on."""
        done, _ = await asyncio.wait({self.put(act)}, timeout=self._wait_s)
        if not done:
            log.warning("an act of an operator is not in the audit yet", **msgspec.to_builtins(act))

    def put(self, act: Act) -> asyncio.Future[None]:
        """Append an act soon; the future is done once it is durable, or given up, which the process' own log then tells."""
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        if len(self._waiting) >= WAITING_LIMIT:
            log.error("an act of an operator is missing from the audit", **msgspec.to_builtins(act), reason="too many wait for the log")
            future.set_result(None)
            return future
        self._waiting.append((act, future))
        if self._sending is None or self._sending.done():
            # In no request's context: what this task logs is of no single one.
            self._sending = asyncio.create_task(self._send(), name="audit", context=contextvars.Context())
        return future

    async def close(self) -> None:
        """Append what waits, for a moment at most, and close the log."""
        if self._sending is not None:
            await asyncio.wait({self._sending}, timeout=CLOSE_S)
            self._sending.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._sending
        while self._waiting:
            self._give_up("the service was closed")
        if self._log is not None:
            await self._log.close()

    async def _send(self) -> None:
        pause_s = FIRST_PAUSE_S
        while self._waiting:
            acts = [act for act, _ in list(self._waiting)[:AT_ONCE]]
            try:
                opened = self._log = self._log or await self._opened_log()
                await opened.append(AUDIT, [event_of(act) for act in acts])
            except (Unavailable, StorageFull) as error:
                if pause_s == FIRST_PAUSE_S:
                    log.warning("the audit waits for the log", reason=error.detail, acts=len(self._waiting))
                await asyncio.sleep(pause_s)
                pause_s = min(pause_s * 2, LONGEST_PAUSE_S)
            except Exception as error:
                for _ in acts:
                    self._give_up(f"{type(error).__name__}: {error}")
            else:
                pause_s = FIRST_PAUSE_S
                for _ in acts:
                    self._waiting.popleft()[1].set_result(None)

    async def _opened_log(self) -> Log:
        try:
            return await self._open_log()
        except Misconfigured as error:
            raise StoreUnavailable(error.detail) from error  # its brokers may only be away for now

    def _give_up(self, reason: str) -> None:
        act, future = self._waiting.popleft()
        log.error("an act of an operator is missing from the audit", **msgspec.to_builtins(act), reason=reason)
        future.set_result(None)


def open_audit(settings: Settings) -> Audit:
    """Return the audit of a service."""
    return Audit(partial(open_log, settings.log))


class Noting:
    """Notes one request, at most once, if the dependency `Operator` let it through (`let_through`) and it may change something."""

    def __init__(self, audit: Audit | None, service: str, scope: Scope, request_id: str) -> None:
        self._audit, self._service, self._request_id = audit, service, request_id
        self._method, self._path = scope["method"], scope["path"].rstrip("/") or "/"  # the list of a prefix is served as "<prefix>/"
        self._state = scope["state"]

    async def answered(self, status: int) -> None:
        """Note the request before its answer is begun."""
        act = self._act(status)
        if act is not None and self._audit is not None:
            await self._audit.note(act)

    def ended(self) -> None:
        """Note the request if it was cut off before its answer was begun."""
        act = self._act(CUT_OFF)
        if act is not None and self._audit is not None:
            self._audit.put(act)

    def _act(self, status: int) -> Act | None:
        claims: Claims | None = self._state.pop(_OPERATOR, None)
        if self._audit is None or claims is None or self._method in UNNOTED:
            return None
        at_s, path = self._audit.now_s(), self._path[:PATH_LIMIT]
        return Act(new_id(), at_s, claims.account_id, self._service, self._method, path, status, self._request_id)


_OPERATOR: Final = "operator"


def let_through(scope: Scope, operator: Claims) -> None:
    """Remember in a request who made it."""
    scope.setdefault("state", {})[_OPERATOR] = operator
