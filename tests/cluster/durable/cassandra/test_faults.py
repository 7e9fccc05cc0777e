"""What the driver's errors become."""

import pytest
from cassandra import (
    AuthenticationFailed,
    InvalidRequest,
    OperationTimedOut,
    ReadTimeout,
    Unauthorized,
    Unavailable,
    UnresolvableContactPoints,
    WriteFailure,
    WriteTimeout,
)
from cassandra.cluster import NoHostAvailable
from cassandra.connection import ConnectionException, ConnectionShutdown, ProtocolError
from cassandra.policies import WriteType
from cassandra.pool import NoConnectionsAvailable
from cassandra.protocol import ErrorMessage, OverloadedErrorMessage

from cluster.durable.cassandra.faults import (
    is_between_connections,
    is_contention,
    is_made_this_moment,
    is_over,
    is_refused_midway,
    translate,
    translate_at_open,
)
from cluster.errors import Indeterminate, InvalidInput, MatineeError, Misconfigured, StorageFull, StoreUnavailable

CONTENDED = WriteTimeout("CAS operation timed out", write_type=WriteType.CAS, consistency=6, required_responses=2, received_responses=0)
TOO_FEW = Unavailable("Cannot achieve consistency", consistency=6, required_replicas=2, alive_replicas=1)


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (TOO_FEW, StoreUnavailable),
        (NoHostAvailable("none", {"a": TOO_FEW, "b": ConnectionException("Host has been marked down or removed")}), StoreUnavailable),
        (NoHostAvailable("none", {}), StoreUnavailable),
        (NoHostAvailable("none", {"a": ConnectionShutdown("closed")}), Indeterminate),
        (CONTENDED, Indeterminate),
        (ReadTimeout("late", consistency=6, required_responses=2, received_responses=1), Indeterminate),
        (OperationTimedOut({"a": "late"}), Indeterminate),
        (ConnectionShutdown("closed"), Indeterminate),
        (ErrorMessage(0x1700, "unknown", None), Indeterminate),
        (TimeoutError(), Indeterminate),
        (InvalidRequest("Request is too large"), InvalidInput),
        (InvalidRequest("unconfigured table"), Misconfigured),
        (InvalidRequest("Write request failed because disk usage exceeds failure threshold"), StorageFull),
        (Unauthorized("no MODIFY permission"), Misconfigured),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, BaseException) else value.__name__,
)
def test_an_error_is_one_of_ours_and_keeps_its_cause(error: BaseException, kind: type[MatineeError]) -> None:
    failure = translate(error, "Cassandra at db:9042")
    assert type(failure) is kind
    assert failure.__cause__ is error
    assert "Cassandra at db:9042" in failure.detail
    assert "\n" not in failure.detail


def test_what_the_server_gave_up_comes_no_more() -> None:
    failure = WriteFailure("failed", consistency=6, required_responses=2, received_responses=1, failures=1)
    for error, over in ((CONTENDED, True), (failure, True), (ErrorMessage(0x1700, "unknown", None), True), (OperationTimedOut({}), False)):
        assert is_over(translate(error, "db")) is over


def test_a_node_that_refuses_one_of_several_partitions_may_have_begun_with_the_others() -> None:
    overloaded = OverloadedErrorMessage(0x1001, "too many hints", None)
    away = ConnectionException("Host has been marked down or removed")
    for error in (TOO_FEW, NoHostAvailable("none", {"a": away, "b": overloaded})):
        assert is_refused_midway(translate(error, "db"))
    for error in (NoHostAvailable("none", {"a": away}), NoHostAvailable("none", {}), NoConnectionsAvailable()):
        assert not is_refused_midway(translate(error, "db"))
    assert not is_refused_midway(StoreUnavailable("held back"))


def test_a_request_that_met_connections_being_renewed_was_sent_nowhere() -> None:
    away, closed = ConnectionException("Host has been marked down or removed"), ConnectionException("Pool is shutdown")
    for errors in ({"a": away}, {"a": TOO_FEW, "b": closed}):
        assert is_between_connections(NoHostAvailable("none", errors))
    for errors in ({}, {"a": TOO_FEW}, {"a": away, "b": ConnectionShutdown("closed")}):
        assert not is_between_connections(NoHostAvailable("none", errors))
    assert not is_between_connections(TOO_FEW)


def test_contention_is_no_sign_of_failing_nodes() -> None:
    assert is_contention(translate(CONTENDED, "db"))
    simple = WriteTimeout("late", write_type=WriteType.SIMPLE, consistency=6, required_responses=2, received_responses=0)
    assert not is_contention(translate(simple, "db"))
    assert not is_contention(translate(OperationTimedOut({}), "db"))


def test_a_table_that_a_node_learns_of_this_moment_is_told_from_one_that_is_not_there() -> None:
    half_known = ErrorMessage(0, "java.lang.IllegalArgumentException: Unknown CF c9db9e28-4b4c-557e-8c89-070c4360afe9", None)
    for error in (InvalidRequest("unconfigured table rows_a"), half_known, NoHostAvailable("none", {"a": half_known})):
        assert is_made_this_moment(error)
    for other in (InvalidRequest("no viable alternative"), OperationTimedOut({}), NoHostAvailable("none", {})):
        assert not is_made_this_moment(other)


@pytest.mark.parametrize(
    ("error", "kind", "said"),
    [
        (UnresolvableContactPoints({}), Misconfigured, "no such host"),
        (NoHostAvailable("none", {"a": AuthenticationFailed("bad")}), Misconfigured, "does not accept this user and password"),
        (NoHostAvailable("none", {"a": ProtocolError("v5")}), Misconfigured, "must be Cassandra 4"),
        (NoHostAvailable("none", {"a": ConnectionRefusedError(111, "Connection refused")}), StoreUnavailable, "Connection refused"),
        (NoHostAvailable("none", {"a": OperationTimedOut({})}), StoreUnavailable, "no answer in time"),
        (Unauthorized("no CREATE"), Misconfigured, "make them, or allow it"),
    ],
)
def test_what_keeps_a_store_from_opening_is_one_line(error: BaseException, kind: type[MatineeError], said: str) -> None:
    failure = translate_at_open(error, "Cassandra at db:9042", "films")
    assert type(failure) is kind
    assert said in failure.detail
    assert "\n" not in failure.detail
