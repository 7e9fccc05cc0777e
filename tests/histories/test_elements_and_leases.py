"""The judges of sets and of leases: histories that are known to be right or wrong."""

from __future__ import annotations

from typing import Any

from tests.actors.sessions.world import beat, start, stop
from tests.histories.elements import Add, missing_or_odd
from tests.histories.history import Operation, Outcome
from tests.histories.leases import too_many

OK, REFUSED, UNKNOWN = Outcome.OK, Outcome.REFUSED, Outcome.UNKNOWN
LEASE_S = 10.0


def added(number: int, outcome: Outcome = OK) -> Operation:
    return Operation("c", "c", Add(number), outcome, None, number, number + 1)


def told(asked: Any, invoked_s: float, completed_s: float, outcome: Outcome = OK) -> Operation:
    return Operation(asked.device_id, asked.account_id, asked, outcome, None, round(invoked_s * 1e9), round(completed_s * 1e9))


def test_what_was_acknowledged_is_there_and_what_was_refused_is_not() -> None:
    history = [added(1), added(2, REFUSED), added(3, UNKNOWN), added(4, UNKNOWN), added(5, REFUSED), added(5)]
    assert missing_or_odd(history, {"c": {1, 3, 5}}) == []
    assert missing_or_odd(history, {"c": {3, 5}}) == ["1 elements of c were acknowledged and lost: [1]"]
    assert missing_or_odd(history, {"c": {1, 2, 5}}) == ["1 elements of c were refused and are there: [2]"]
    assert missing_or_odd(history, {"c": {1, 5, 9}}) == ["1 elements of c are there and were never asked for: [9]"]
    assert len(missing_or_odd(history, {})) == 1


def test_no_more_streams_than_the_limit_at_any_moment() -> None:
    a, b, c = (start(name) for name in "abc")
    two = [told(a, 0, 1), told(b, 0, 1)]
    assert too_many([*two, told(c, 9.5, 10.5)], 2, LEASE_S) == []
    assert len(too_many([*two, told(c, 5, 6)], 2, LEASE_S)) == 1
    assert too_many([*two, told(c, 5, 6, REFUSED)], 2, LEASE_S) == []
    assert too_many([*two, told(c, 5, 6, UNKNOWN)], 2, LEASE_S) == []


def test_a_heartbeat_lengthens_a_stream_and_a_stop_ends_it_when_it_is_asked_for() -> None:
    a, b, c = (start(name) for name in "abc")
    two = [told(a, 0, 1), told(b, 0, 1), told(beat(a, 1), 8, 9), told(beat(b, 1), 8, 9)]
    assert len(too_many([*two, told(c, 12, 13)], 2, LEASE_S)) == 1
    assert too_many([*two, told(stop(a), 11, 20, UNKNOWN), told(c, 12, 13)], 2, LEASE_S) == []
    assert too_many([*two, told(c, 19, 20)], 2, LEASE_S) == []


def test_another_start_on_its_device_ends_a_stream() -> None:
    a, b, c, again = start("a"), start("b"), start("c"), start("again", device="device-of-a")
    assert too_many([told(a, 0, 1), told(again, 2, 3), told(b, 4, 5)], 2, LEASE_S) == []
    assert len(too_many([told(a, 0, 1), told(again, 2, 3), told(b, 4, 5), told(c, 4, 5)], 2, LEASE_S)) >= 1
