"""What the driver's errors mean in Matinee's words.

The only place that knows the driver's exceptions. What is not known here counts as a write that may have happened.
"""

from __future__ import annotations

from typing import Any, Final

from cassandra import (
    AuthenticationFailed,
    InvalidRequest,
    OperationTimedOut,
    RequestValidationException,
    Unauthorized,
    Unavailable,
    UnresolvableContactPoints,
    WriteFailure,
    WriteTimeout,
)
from cassandra.cluster import NoHostAvailable
from cassandra.connection import ConnectionBusy, ConnectionException, ProtocolError, ProtocolVersionUnsupported
from cassandra.policies import WriteType
from cassandra.pool import NoConnectionsAvailable
from cassandra.protocol import IsBootstrappingErrorMessage, OverloadedErrorMessage, UnavailableErrorMessage

from cluster.errors import Indeterminate, InvalidInput, MatineeError, Misconfigured, StorageFull, StoreUnavailable

_CAS_WRITE_UNKNOWN: Final = 0x1700  # the driver has no class for it
_REFUSED_ONE: Final = (Unavailable, UnavailableErrorMessage, OverloadedErrorMessage)
_REFUSED: Final = (
    *_REFUSED_ONE,
    IsBootstrappingErrorMessage,
    NoConnectionsAvailable,
    ConnectionBusy,
)
_NOT_SENT: Final = ("marked down or removed", "Pool is shutdown")
_FULL: Final = ("disk usage exceeds", "No space left", "Insufficient disk space")
_TOO_LARGE: Final = ("too large", "exceeds maximum", "larger than")


def translate(error: BaseException, title: str) -> MatineeError:
    """Return the typed error, its cause set: StoreUnavailable only where nothing can have been written, Indeterminate where it may."""
    failure = _typed(error, title)
    failure.__cause__ = error
    return failure


def translate_at_open(error: BaseException, title: str, keyspace: str) -> MatineeError:
    """Return the typed error of a connection that could not be made: what a person can mend is Misconfigured."""
    failure = _at_open(error, title, keyspace)
    failure.__cause__ = error
    return failure


def is_contention(error: MatineeError) -> bool:
    """Tell whether a lightweight transaction failed as it does when others want the same partition: not a sign of failing nodes."""
    return isinstance(error.__cause__, WriteTimeout) and error.__cause__.write_type in {WriteType.CAS, "CAS"}


def is_over(error: MatineeError) -> bool:
    """Tell whether the server itself gave the write up, so that nothing of it comes later than its answer."""
    cause = error.__cause__
    return isinstance(cause, WriteTimeout | WriteFailure) or getattr(cause, "code", None) == _CAS_WRITE_UNKNOWN


def is_made_this_moment(error: BaseException) -> bool:
    """Tell whether a node does not know a table that is listed already, because somebody is making it."""
    words = str(_first(error))
    return "Unknown CF" in words or (isinstance(error, InvalidRequest) and ("unconfigured table" in words or "does not exist" in words))


def surely_nothing(error: BaseException) -> bool:
    """Tell whether a request failed before any replica can have acted on it."""
    if isinstance(error, NoHostAvailable):
        return all(surely_nothing(each) for each in (error.errors or {}).values())
    if isinstance(error, _REFUSED):
        return True
    return isinstance(error, ConnectionException) and any(words in str(error) for words in _NOT_SENT)


def is_between_connections(error: BaseException) -> bool:
    """Tell whether a request was sent nowhere, and to some node only because the driver was renewing its connections to it."""
    if not isinstance(error, NoHostAvailable) or not surely_nothing(error):
        return False
    return any(isinstance(each, ConnectionException) for each in (error.errors or {}).values())


def is_refused_midway(error: MatineeError) -> bool:
    """Tell whether a node that refused a batch may have begun with some of its partitions: it asks for each whether it can."""
    cause = error.__cause__
    refusals = (cause.errors or {}).values() if isinstance(cause, NoHostAvailable) else (cause,)
    return any(isinstance(each, _REFUSED_ONE) for each in refusals)


def _typed(error: BaseException, title: str) -> MatineeError:
    words = str(error)
    if isinstance(error, RequestValidationException | WriteFailure) and any(sign in words for sign in _FULL):
        return StorageFull(f"There is no space left in {title}")
    if isinstance(error, Unauthorized | AuthenticationFailed):
        return Misconfigured(f"{title} does not allow this: {_line(error)}")
    if isinstance(error, InvalidRequest):
        wrong = any(sign in words for sign in _TOO_LARGE)
        return InvalidInput(f"{title} does not take this: {_line(error)}") if wrong else Misconfigured(f"{title}: {_line(error)}")
    if isinstance(error, RequestValidationException):
        return Misconfigured(f"{title}: {_line(error)}")
    if surely_nothing(error):
        return StoreUnavailable(f"{title} has too few nodes that answer: {_line(_first(error))}")
    return Indeterminate(f"{title} did not finish: {_line(_first(error))}")


def _at_open(error: BaseException, title: str, keyspace: str) -> MatineeError:
    if isinstance(error, UnresolvableContactPoints):
        return Misconfigured(f"{title}: no such host")
    first = _first(error)
    if isinstance(first, AuthenticationFailed):
        return Misconfigured(f"{title} does not accept this user and password")
    if isinstance(first, ProtocolError | ProtocolVersionUnsupported):
        return Misconfigured(f"{title} does not speak protocol 5: it must be Cassandra 4 or newer")
    if isinstance(first, Unauthorized):
        return Misconfigured(f"{title} does not let this user make the keyspace {keyspace} or its tables: make them, or allow it")
    if isinstance(first, RequestValidationException):
        return Misconfigured(f"{title}: {_line(first)}")
    if "SSL" in str(first):
        return Misconfigured(f"{title} cannot be connected to by TLS: {_line(first)}")
    return StoreUnavailable(f"{title} does not answer: {_line(first)}")


def _first(error: BaseException) -> BaseException:
    errors: dict[Any, Any] = getattr(error, "errors", None) or {}
    if isinstance(error, NoHostAvailable):
        return next((each for each in errors.values() if isinstance(each, BaseException)), error)
    return error


def _line(error: BaseException) -> str:
    if isinstance(error, OperationTimedOut):
        return "no answer in time"
    if isinstance(error, NoHostAvailable):
        return "no node can be reached"
    words = (getattr(error, "strerror", None) or str(error)).partition(" info=")[0].partition("\n")[0]
    return words.rpartition("Last error: ")[2] or type(error).__name__
