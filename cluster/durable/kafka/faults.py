"""What the driver's errors mean in Matinee's words.

The only place that knows the driver's errors by name. Refuses to know what was being read or written.
"""

from __future__ import annotations

import socket
import ssl
from collections.abc import Sequence
from typing import Final

from aiokafka import errors as driver

from cluster.errors import Indeterminate, InvalidInput, MatineeError, StoreUnavailable

FAILURES: Final = (driver.KafkaError, OSError, KeyError, AssertionError)
"""What an exchange with a broker may raise. The driver's own bookkeeping meets KeyError where two requests time out at once,
and AssertionError where a topic's partitions are not known yet."""

_TOO_LONG: Final = (driver.MessageSizeTooLargeError, driver.RecordListTooLargeError, driver.InvalidRequestError)
_FORBIDDEN: Final = (
    driver.TopicAuthorizationFailedError,
    driver.ClusterAuthorizationFailedError,
    driver.SaslAuthenticationFailed,
    driver.PolicyViolationError,
)


def passes(error: BaseException) -> bool:
    """Tell whether trying again makes sense."""
    return not isinstance(error, driver.KafkaError) or bool(error.retriable)


def why_unreachable(error: BaseException) -> str:
    """Return why one broker could not be reached, in a few words."""
    match error:
        case socket.gaierror():
            return "the name is not known"
        case ConnectionRefusedError():
            return "the connection is refused"
        case TimeoutError():
            return "no answer"
        case ssl.SSLCertVerificationError():
            return f"its certificate is not trusted: {error.verify_message}"
        case ssl.SSLError():
            return f"no TLS there: {error.reason}"
        case driver.SaslAuthenticationFailed() | driver.AuthenticationFailedError() | driver.UnsupportedSaslMechanismError():
            return "the user is not let in"
        case driver.KafkaConnectionError():
            return "it hangs up: it may want TLS or a user, or is no Kafka"
        case OSError():
            return error.strerror or str(error)
        case _:
            return str(error).partition("\n")[0] or type(error).__name__


def unavailable(error: BaseException | None) -> StoreUnavailable:
    """Return the error of brokers that do not answer, or not usefully; nothing was written."""
    why = f": {_told(error)}" if error is not None else ""
    failure = StoreUnavailable(f"Kafka does not answer{why}")
    failure.__cause__ = error
    return failure


def unwritten(sent: int, failures: Sequence[BaseException]) -> MatineeError:
    """Return the error of an append that failed when `sent` of its records had been handed to the driver.

    Failures are the driver's, or ours from before anything was handed over.
    """
    cause = failures[0] if failures else None
    error: MatineeError
    if sent == 0:
        if not isinstance(cause, MatineeError):
            return unavailable(cause)
        error = type(cause)(cause.detail)
    elif failures and all(isinstance(failure, _TOO_LONG) for failure in failures):
        error = InvalidInput("The brokers take no event of this size: the topic's max.message.bytes is less than Matinee's limit")
    elif failures and all(isinstance(failure, _FORBIDDEN) for failure in failures):
        return unavailable(cause)
    else:
        why = f": {_told(cause)}" if cause is not None else " in time"
        error = Indeterminate(f"Kafka has not acknowledged it{why}")
    error.__cause__ = cause
    return error


def _told(error: BaseException) -> str:
    return str(error).partition("\n")[0] or type(error).__name__
