from __future__ import annotations

import msgspec
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from actors.sessions import policy
from actors.sessions.draft import Decision
from actors.sessions.policy import Leases
from actors.sessions.rows import Account, read_account
from actors.sessions.stream import Ending, Pulse, version_of
from actors.sessions.tables import OWNER, STREAM
from cluster.durable import Check, Delete, Insert, Row, Update
from cluster.errors import StreamLimitReached
from tests.actors.sessions.world import start

NOW_S = 1_000_000.0
LEASES = Leases(30.0, 0.0)

devices = st.sampled_from(["phone", "tv", "tablet", "laptop", "console"])
moves = st.lists(st.tuples(devices, st.sampled_from(["film", "series"]), st.floats(0, 60), st.booleans()), max_size=12)


def played(moves: list[tuple[str, str, float, bool]], limit: int) -> tuple[Account, dict[str, Pulse], float]:
    """Return an account after some devices have started, beaten and fallen silent."""
    account, pulses, now_s = Account("anna"), dict[str, Pulse](), NOW_S
    for number, (device, playable, wait_s, beats) in enumerate(moves):
        now_s += wait_s
        wish = start(f"session-{number}", device=device, playable=playable, limit=limit)
        try:
            decision = policy.admit(account, pulses, wish, LEASES, 1, now_s)
        except StreamLimitReached:
            continue
        assert decision is not None
        require_committable(account, decision)
        account = decision.account
        if beats:
            pulses[wish.session_id] = Pulse(wish.session_id, 1, now_s, 5.0)
    return account, pulses, now_s


def require_committable(before: Account, decision: Decision) -> None:
    """Carry a decision out on the rows of the account, as the store would, and find the account that it names."""
    rows = {OWNER: Row("anna", OWNER, before.version, "owner", {"epoch": before.epoch, "turn": before.turn})} if before.version else {}
    for device, held in before.streams.items():
        rows[f"{STREAM}{device}"] = Row("anna", f"{STREAM}{device}", held.version, "stream", msgspec.to_builtins(held.stream))
    assert len({change.sort for change in decision.changes}) == len(decision.changes)
    assert OWNER in {change.sort for change in decision.changes}
    for change in decision.changes:
        found = rows.get(change.sort)
        match change:
            case Insert():
                assert found is None
                rows[change.sort] = Row("anna", change.sort, 1, change.kind, change.value)
            case Update():
                assert found is not None
                assert found.version == change.if_version
                rows[change.sort] = Row("anna", change.sort, found.version + 1, change.kind, change.value)
            case Delete():
                assert found is not None
                assert found.version == change.if_version
                del rows[change.sort]
            case Check():
                assert (found.version if found else 0) == change.if_version
    assert read_account("anna", rows[OWNER], [row for sort, row in rows.items() if sort.startswith(STREAM)]) == decision.account
    versions = [event.entity_version for event in decision.events]
    assert versions == sorted(set(versions))
    assert all(before.turn < version <= decision.account.turn for version in versions)


@given(moves, st.integers(1, 4))
def test_an_account_never_has_more_streams_than_its_limit(moves: list[tuple[str, str, float, bool]], limit: int) -> None:
    account, _, _ = played(moves, limit)
    assert len(account.streams) <= limit


@given(moves, st.integers(1, 4), devices, st.floats(0, 100))
def test_a_start_evicts_no_live_stream_and_is_refused_only_for_live_ones(
    moves: list[tuple[str, str, float, bool]], limit: int, device: str, wait_s: float
) -> None:
    account, pulses, now_s = played(moves, limit)
    now_s += wait_s
    others = {stream.session_id for stream in policy.live(account, pulses, LEASES, now_s) if stream.device_id != device}
    try:
        decision = policy.admit(account, pulses, start("new", device=device, limit=limit), LEASES, 1, now_s)
    except StreamLimitReached as refused:
        assert {stream["session_id"] for stream in refused.fields["streams"]} == others
        assert len(others) >= limit
        return
    assert decision is not None
    assert others <= {held.stream.session_id for held in decision.account.streams.values()}
    assert decision.account.session("new") is not None


@given(moves, st.integers(1, 4), st.data())
def test_ending_takes_just_the_named_sessions(moves: list[tuple[str, str, float, bool]], limit: int, data: st.DataObject) -> None:
    account, pulses, now_s = played(moves, limit)
    running = sorted(held.stream.session_id for held in account.streams.values())
    assume(running)
    named = data.draw(st.sets(st.sampled_from(running), min_size=1))
    decision = policy.end(account, pulses, dict.fromkeys(named, Ending.FREED), 2, now_s)
    assert decision is not None
    require_committable(account, decision)
    assert {held.stream.session_id for held in decision.account.streams.values()} == set(running) - named
    assert set(decision.account.ended) == named


@given(moves, st.integers(2, 4), st.data())
def test_of_those_who_watch_the_same_the_latest_start_still_has_the_highest_turn(
    moves: list[tuple[str, str, float, bool]], limit: int, data: st.DataObject
) -> None:
    account, pulses, now_s = played(moves, limit)
    running = [held.stream for held in account.streams.values()]
    assume(len(running) > 1)
    gone = data.draw(st.sampled_from(sorted(stream.session_id for stream in running)))
    decision = policy.end(account, pulses, {gone: Ending.STOPPED}, 1, now_s)
    assert decision is not None
    before = {stream.session_id: stream for stream in running}
    same = [held.stream for held in decision.account.streams.values() if held.stream.playable_id == before[gone].playable_id]
    by_turn = [stream.session_id for stream in sorted(same, key=lambda stream: stream.turn)]
    assert by_turn == sorted(by_turn, key=lambda session_id: before[session_id].turn)
    assert not same or max(stream.turn for stream in same) > before[gone].turn, "nobody decides the place any more"


@given(moves, st.integers(2, 4), st.floats(0, 100), st.data())
def test_who_is_heard_decides_the_place_unless_a_later_start_is_live(
    moves: list[tuple[str, str, float, bool]], limit: int, wait_s: float, data: st.DataObject
) -> None:
    account, pulses, now_s = played(moves, limit)
    now_s += wait_s
    for _ in range(3):
        assume(account.streams)
        heard = data.draw(st.sampled_from([held.stream for _, held in sorted(account.streams.items())]))
        decision = policy.renew(account, pulses, heard.session_id, LEASES, 1, now_s)
        if decision is not None:
            require_committable(account, decision)
            account = decision.account
        live = {stream.session_id for stream in policy.live(account, pulses, LEASES, now_s)}
        assert heard.session_id in live
        same = [held.stream for held in account.streams.values() if held.stream.watching == heard.watching]
        rightful = max((stream for stream in same if stream.session_id in live), key=lambda stream: stream.order)
        if rightful.session_id == heard.session_id:
            assert max(same, key=lambda stream: stream.turn) == rightful
        assert policy.renew(account, pulses, heard.session_id, LEASES, 1, now_s) is None, "renewed for nothing"
        now_s += data.draw(st.floats(0, 60))


@given(st.floats(0, 100), st.floats(0, 100), st.floats(0, 100))
def test_a_restart_lengthens_live_leases_and_revives_none(started_s: float, beaten_s: float, restart_s: float) -> None:
    account, _, _ = played([("tv", "film", started_s, False)], 1)
    stream = account.streams["tv"].stream
    pulse = Pulse(stream.session_id, 1, stream.renewed_at_s + beaten_s, 0.0)
    restarted_at_s = pulse.at_s + restart_s
    kept_s = LEASES.end_s(stream, pulse)
    end_s = Leases(30.0, restarted_at_s).end_s(stream, pulse)
    assert end_s == (max(kept_s, restarted_at_s + 30.0) if restart_s < kept_s - pulse.at_s else kept_s)


@given(st.integers(1, 2**37), st.integers(0, 2**24 - 1), st.integers(1, 2**37), st.integers(0, 2**24 - 1))
def test_versions_order_by_turn_then_sequence(turn: int, sequence: int, other_turn: int, other_sequence: int) -> None:
    assert (version_of(turn, sequence) < version_of(other_turn, other_sequence)) == ((turn, sequence) < (other_turn, other_sequence))


def test_an_account_is_always_in_the_same_partition() -> None:
    assert [policy.partition_of(name) for name in ("anna", "ben", "")] == [policy.partition_of(name) for name in ("anna", "ben", "")]
    assert len({policy.partition_of(f"account-{number}") for number in range(4000)}) == policy.PARTITIONS


@pytest.mark.parametrize(("after_s", "ending"), [(299.0, None), (300.0, Ending.SILENT)])
def test_a_stream_not_heard_of_for_ten_leases_is_over(after_s: float, ending: Ending | None) -> None:
    account, pulses, now_s = played([("tv", "film", 0.0, True)], 1)
    found = policy.overdue(account, pulses, LEASES, lambda _: False, now_s + after_s)
    assert found.get("session-0") == ending
